//! The report as a whole, on made-up results.

use clsrl_spec::{DatasetId, EvalSplit, Form, MethodId};

use crate::{
    Beside, DatasetOrder, Report, ReportFile, SuiteVerdicts, TrialResults,
    latex::tests::{check_compiles, compile, has_tex, of_variants},
    made::{Grid, all_results, check_snapshot, report, report_with, whole_report},
};

const THREE: [DatasetId; 3] = [DatasetId::ImageNet, DatasetId::Dtd, DatasetId::Eurosat];

const TWO_SEEDS: Grid<'_> = Grid {
    methods: &[MethodId::ZeroShot, MethodId::Sft, MethodId::ClsRl],
    datasets: &THREE,
    shots: &[4],
    seeds: &[1, 2],
};

/// The rows of all tables whose first cell is this one.
fn rows<'a>(report: &'a str, label: &str) -> Vec<Vec<&'a str>> {
    let cells =
        |line: &'a str| line.split(" | ").map(|cell| cell.trim_matches(['|', ' '])).collect();
    let tables = report.lines().filter(|line| line.starts_with('|')).map(cells);
    tables.filter(|row: &Vec<&str>| row[0] == label).collect()
}

#[test]
fn two_seeds_are_averaged_and_their_spread_is_shown() {
    let plan = TWO_SEEDS.plan();
    check_snapshot("two-seeds.md", &report(&plan, &all_results(&plan)).unwrap());
}

#[test]
fn the_whole_grid_fits_its_tables() {
    let grid =
        Grid { methods: &MethodId::ALL, datasets: &DatasetId::ALL, shots: &[4], seeds: &[1] };
    let plan = grid.plan();
    let mut results = all_results(&plan);
    for (_, cell) in results.iter_mut().flat_map(|results| &mut results.cells) {
        cell.outcome.synthetic = true;
    }
    let report = report(&plan, &results).unwrap();
    assert!(report.contains("> **Synthetic."));
    let captions: Vec<&str> = report.lines().filter(|line| line.starts_with("**Table")).collect();
    assert!(captions.iter().all(|caption| caption.ends_with("Synthetic images.")));
    check_snapshot("whole-grid.md", &report);
}

#[test]
fn the_order_of_the_input_changes_no_byte() {
    let plan = TWO_SEEDS.plan();
    let mut results = all_results(&plan);
    let forward = report(&plan, &results).unwrap();
    results.reverse();
    for results in &mut results {
        results.cells.reverse();
    }
    assert_eq!(report(&plan, &results).unwrap(), forward);
}

#[test]
fn one_seed_has_wilsons_interval_and_no_spread_over_seeds() {
    let plan = Grid { seeds: &[1], ..TWO_SEEDS }.plan();
    let report = report(&plan, &all_results(&plan)).unwrap();
    assert!(!report.contains("Student's over seeds") && !report.contains('†'), "{report}");
    assert!(
        report.contains("(Wilson's for one run and for seeds that agree, a bootstrap"),
        "{report}"
    );
    let sft = rows(&report, "SFT").remove(1);
    assert!(sft[2].contains("60") && sft[3].contains("94") && sft[1].contains("83.3"), "{sft:?}");
}

#[test]
fn a_missing_cell_is_a_dash_and_is_counted() {
    let plan = Grid { seeds: &[1], ..TWO_SEEDS }.plan();
    let mut results = all_results(&plan);
    let sft_on_dtd = |results: &&mut TrialResults| results.trial.key() == "sft.dtd.4shot.seed1";
    results.iter_mut().find(sft_on_dtd).unwrap().cells.remove(1);
    let report = report(&plan, &results).unwrap();
    assert!(report.contains("1 of 24 cells are missing"), "{report}");
    let sft = rows(&report, "SFT").remove(1);
    assert!(sft[2].contains("60") && sft[4].contains("96") | sft[4].contains("95.8"), "{sft:?}");
    assert_eq!([sft[3], sft[1]], ["–", "–"]);
    let transfer = rows(&report, "DTD").remove(1);
    assert_eq!(transfer[4], "**–**");
    assert_eq!(transfer[1], "–");
    assert_ne!(transfer[2], "–");
}

#[test]
fn a_mean_over_fewer_seeds_than_planned_is_marked() {
    let plan = TWO_SEEDS.plan();
    let mut results = all_results(&plan);
    results.retain(|results| results.trial.key() != "sft.dtd.4shot.seed2");
    let report = report(&plan, &results).unwrap();
    let sft = rows(&report, "SFT").remove(1);
    assert!(!sft[2].contains('†') && sft[3].contains('†') && sft[1].contains('†'), "{sft:?}");
    assert!(report.contains("† rests on fewer seeds than planned"));
}

#[test]
fn without_zero_shot_there_is_no_change() {
    let plan = Grid { methods: &[MethodId::Sft], ..TWO_SEEDS }.plan();
    let report = report(&plan, &all_results(&plan)).unwrap();
    assert!(rows(&report, "*change*").is_empty());
    assert!(report.contains("There are no zero-shot results under the direct prompt"));
}

#[test]
fn one_dataset_without_zero_shot_has_a_dash_for_its_change() {
    let plan = Grid { methods: &[MethodId::ZeroShot, MethodId::Sft], ..TWO_SEEDS }.plan();
    let mut results = all_results(&plan);
    for results in results.iter_mut().filter(|results| results.trial.train_on.is_none()) {
        results.cells.retain(|(_, record)| record.outcome.cell.target != DatasetId::Dtd);
    }
    let report = report(&plan, &results).unwrap();
    let changes = rows(&report, "*change*").remove(0);
    assert_eq!(changes[3], "*–*", "{changes:?}");
    assert!(changes[2].contains('+') && changes[4].contains('+'), "{changes:?}");
    assert_eq!(changes[1], "*–*", "an average of some is none: {changes:?}");
    let cells = rows(&report, "**Cells**").remove(0);
    assert!(!cells[1].contains("all done"), "{cells:?}");
}

#[test]
fn a_dataset_evaluated_on_its_validation_split_is_named() {
    let mut plan = Grid { seeds: &[1], ..TWO_SEEDS }.plan();
    for trial in &mut plan {
        trial.evaluation.splits.insert(DatasetId::ImageNet, EvalSplit::Val);
    }
    let report = report(&plan, &all_results(&plan)).unwrap();
    let evaluated = rows(&report, "**Evaluated**").remove(0);
    assert!(evaluated[1].ends_with("of the test split, for ImageNet of the validation split"));
}

#[test]
fn zero_shot_alone_is_a_report() {
    let plan = Grid { methods: &[MethodId::ZeroShot], ..TWO_SEEDS }.plan();
    let report = report(&plan, &all_results(&plan)).unwrap();
    assert!(report.contains("Nothing was trained") && report.contains("No optimizer step"));
    assert!(rows(&report, "Zero-shot (direct)")[0][2].contains("25"), "{report}");
}

#[test]
fn several_shots_are_rows_of_their_own() {
    let plan = Grid { shots: &[1, 16], ..TWO_SEEDS }.plan();
    let report = report(&plan, &all_results(&plan)).unwrap();
    assert_eq!(rows(&report, "SFT, 1 shot")[1].len(), 5);
    assert!(report.contains("### CLS-RL, 16 shots"));
}

#[test]
fn no_results_at_all_are_a_report_of_dashes() {
    let plan = TWO_SEEDS.plan();
    let report = report(&plan, &[]).unwrap();
    assert!(report.contains("42 of 42 cells are missing"), "{report}");
    assert_eq!(rows(&report, "SFT")[1], ["SFT", "–", "–", "–", "–"]);
}

#[test]
fn nothing_planned_is_a_report() {
    assert!(report(&[], &[]).unwrap().contains("# Suite made-up"));
}

#[test]
fn no_images_and_broken_numbers_never_show_as_nan() {
    let plan = TWO_SEEDS.plan();
    let mut results = all_results(&plan);
    for results in &mut results {
        results.training.run.seconds.update = f64::NAN;
        results.training.run.images_per_second = f64::INFINITY;
        for step in &mut results.training.outcome.steps {
            step.loss = f64::NAN;
        }
        for (_, cell) in &mut results.cells {
            let outcome = &mut cell.outcome;
            (outcome.n, outcome.n_correct_published, outcome.n_correct_strict) = (0, 0, 0);
            (outcome.n_truncated, outcome.n_untagged) = (0, 0);
            (outcome.mean_choices, outcome.mean_tokens) = (0.0, f64::NAN);
            cell.run.evaluate_seconds = 0.0;
        }
    }
    let report = report(&plan, &results).unwrap();
    assert!(!report.contains("NaN") && !report.contains("inf "), "{report}");
    assert_eq!(rows(&report, "SFT")[1], ["SFT", "–", "–", "–", "–"]);
}

#[test]
fn an_unlocked_dataset_is_named_first_and_at_every_table() {
    let plan = TWO_SEEDS.plan();
    let mut results = all_results(&plan);
    for results in &mut results {
        let on_dtd = results.trial.train_on == Some(DatasetId::Dtd);
        for (_, cell) in &mut results.cells {
            cell.outcome.locked = !on_dtd && cell.outcome.cell.target != DatasetId::Dtd;
        }
    }
    let report = report(&plan, &results).unwrap();
    assert!(report.contains("Unlocked. DTD: the data differs"), "{report}");
    assert!(report.contains(", not as locked: DTD; commit "), "{report}");
    assert!(!report.contains("lock digest"));
    assert_eq!(report.matches("**Table ").count(), report.matches(" Unlocked data.").count());
}

#[test]
fn lists_that_were_made_anew_are_told_first() {
    let plan = TWO_SEEDS.plan();
    let mut results = all_results(&plan);
    for results in &mut results {
        let on_eurosat = results.trial.train_on == Some(DatasetId::Eurosat);
        for (_, cell) in &mut results.cells {
            let asked = cell.outcome.cell.target;
            cell.outcome.standard_lists = !on_eurosat && asked != DatasetId::Eurosat;
        }
    }
    let report = report(&plan, &results).unwrap();
    assert!(report.contains("The standard split was not used. EuroSAT: there is no split file"));
    assert!(report.contains("hold other images than published results do. Get it at x."));
}

#[test]
fn base_and_new_classes_are_rows_of_their_own() {
    let mut plan = TWO_SEEDS.plan();
    for trial in &mut plan {
        trial.form = Form::Base;
        trial.evaluation.forms = vec![Form::Base, Form::New];
    }
    let report = report(&plan, &all_results(&plan)).unwrap();
    for name in ["SFT (base)", "SFT (new)", "Zero-shot (new, direct)", "Chance"] {
        assert!(!rows(&report, name).is_empty(), "{name}");
    }
    assert!(report.contains("80 % of the base classes' names"), "{report}");
}

#[test]
fn open_questions_have_no_chance() {
    let mut plan = TWO_SEEDS.plan();
    for trial in &mut plan {
        trial.form = Form::OpenSet;
        trial.evaluation.forms = vec![Form::OpenSet];
    }
    let mut results = all_results(&plan);
    let cells = results.iter_mut().flat_map(|results| &mut results.cells);
    cells.for_each(|(_, cell)| cell.outcome.mean_choices = 0.0);
    let report = report(&plan, &results).unwrap();
    assert!(rows(&report, "Chance").is_empty(), "{report}");
    assert!(report.contains("A question lists no names."));
}

fn made(plan: &[clsrl_spec::Trial]) -> Report {
    whole_report(plan, &all_results(plan), DatasetOrder::Coop).unwrap()
}

/// A plan of base-to-new, and one of several shots.
fn base_to_new() -> Vec<clsrl_spec::Trial> {
    let mut plan = TWO_SEEDS.plan();
    for trial in &mut plan {
        trial.form = Form::Base;
        trial.evaluation.forms = vec![Form::Base, Form::New];
    }
    plan
}

fn file(report: &Report, path: &str) -> String {
    let files = [report.latex(), report.csv()].concat();
    let names: Vec<String> = files.iter().map(|file| file.path.clone()).collect();
    let found = files.into_iter().find(|file| file.path == path);
    found.unwrap_or_else(|| panic!("no {path} among {names:?}")).text
}

#[test]
fn every_table_is_a_file_in_latex_and_in_csv() {
    let report = made(&TWO_SEEDS.plan());
    let of_results = ["few-shot", "few-shot-strict", "format", "efficiency"];
    let others = [
        "in-short",
        "what-was-run",
        "prompts",
        "prompt-texts",
        "questions",
        "wall-clock",
        "throughput",
        "training-time",
        "training",
    ];
    assert_eq!(report.csv().len(), of_results.len() + others.len());
    for name in of_results.into_iter().chain(others) {
        for extension in ["tex", "csv"] {
            let path = format!("tables/{name}.{extension}");
            check_snapshot(&format!("two-seeds.{name}.{extension}"), &file(&report, &path));
        }
    }
    check_snapshot("two-seeds.tables.tex", &file(&report, "tables.tex"));
}

#[test]
fn base_to_new_has_both_halves_and_the_harmonic_mean_of_the_averages() {
    let report = made(&base_to_new());
    check_snapshot("base-to-new.tex", &file(&report, "tables/base-to-new.tex"));
    check_snapshot("base-to-new.csv", &file(&report, "tables/base-to-new.csv"));
    let markdown = report.markdown(&Beside::default());
    let average = rows(&markdown, "Average").remove(0);
    // Base and new have the same made-up verdicts, so that their harmonic mean is the same as well.
    assert_eq!(average[7..10], ["**84.0**", "**84.0**", "**84.0**"], "{average:?}");
    // On EuroSAT CLS-RL is not significantly worse than SFT, in either half; harmonic means are not tested.
    let eurosat = rows(&markdown, "EuroSAT").remove(0);
    assert_eq!(
        eurosat[7..],
        ["**95.8**", "**95.8**", "**95.8**", "<ins>90.6</ins>", "<ins>90.6</ins>", "90.6"]
    );
}

#[test]
fn several_numbers_of_shots_are_a_curve_and_a_table_each() {
    let report = made(&Grid { shots: &[1, 4, 16], ..TWO_SEEDS }.plan());
    check_snapshot("shots.tex", &file(&report, "tables/shots.tex"));
    check_snapshot("shots.csv", &file(&report, "tables/shots.csv"));
    for name in ["few-shot-1shot", "few-shot-4shot", "few-shot-16shot", "few-shot-16shot-strict"] {
        assert!(!file(&report, &format!("tables/{name}.csv")).is_empty());
    }
}

#[test]
fn tex_takes_every_file_there_is() {
    let whole =
        Grid { methods: &MethodId::ALL, datasets: &DatasetId::ALL, shots: &[4], seeds: &[1, 2, 3] };
    let shots = Grid { shots: &[1, 16], ..TWO_SEEDS };
    for (name, plan) in [("whole", whole.plan()), ("shots", shots.plan()), ("b2n", base_to_new())] {
        let report = made(&plan);
        check_compiles(name, "tables.tex", &report.latex());
        check_variants(name, &report);
    }
    check_compiles(
        "nothing",
        "tables.tex",
        &whole_report(&[], &[], DatasetOrder::Coop).unwrap().latex(),
    );
}

/// Every table and figure fits a paper in one column and one in two.
fn check_variants(name: &str, report: &Report) {
    if !has_tex() {
        return;
    }
    let latex = report.latex();
    let stem = |file: &ReportFile| {
        let stem = file.path.strip_prefix("tables/")?.strip_suffix(".wide.tex")?;
        Some(stem.to_owned())
    };
    let tables: Vec<String> = latex.iter().filter_map(stem).collect();
    let tables: Vec<&str> = tables.iter().map(String::as_str).collect();
    assert!(5 < tables.len());
    let figures = report.figures().unwrap();
    let mut files: Vec<(String, Vec<u8>)> = latex
        .into_iter()
        .map(|file| (file.path.replace("tables/", "t/"), file.text.into_bytes()))
        .collect();
    let mut shown = [Vec::new(), Vec::new()];
    for (at, figure) in figures.into_iter().enumerate() {
        // A name with points in it is no extension to TeX.
        let names = [format!("figure{at}.pdf"), format!("figure{at}-column.pdf")];
        for ((name, bytes), shown) in
            names.into_iter().zip([figure.pdf, figure.column_pdf]).zip(&mut shown)
        {
            files.push((name.clone(), bytes));
            shown.push(name);
        }
    }
    for (columns, figures) in [("", &shown[0]), ("twocolumn", &shown[1])] {
        let figures: Vec<&str> = figures.iter().map(String::as_str).collect();
        let document = of_variants("made-up", columns, &tables, &figures);
        files.push(("paper.tex".to_owned(), document.into_bytes()));
        compile(&format!("{name}{columns}"), "paper.tex", &files).check();
    }
}

#[test]
fn the_papers_order_is_the_one_of_its_table() {
    let grid = Grid {
        methods: &[MethodId::ZeroShot],
        datasets: &DatasetId::ALL,
        shots: &[4],
        seeds: &[1],
    };
    let plan = grid.plan();
    let report = whole_report(&plan, &all_results(&plan), DatasetOrder::Paper).unwrap();
    let heads = file(&report, "tables/few-shot.tex");
    let expected =
        "Method & Avg & ImNet & Calt & DTD & Euro & Food & Flow & Pets & Cars & SUN & UCF & Airc";
    assert!(heads.contains(expected), "{heads}");
}

#[test]
fn limits_protocol_digests_commit_and_seeds_stand_below_every_table_of_results() {
    let report = made(&TWO_SEEDS.plan());
    for name in ["few-shot", "format", "efficiency"] {
        let text = file(&report, &format!("tables/{name}.tex"));
        let text = text.replace("\\penalty5000\\hskip0pt\\relax{}", "");
        let note = text.lines().find(|line| line.starts_with("Protocol ")).unwrap();
        assert!(
            note.starts_with("Protocol paper; seeds 1, 2; base weights 0123456789ab; data as locked, lock digest "),
            "{note}"
        );
        assert!(
            note.ends_with("; commit abc1234; limited: at most 48 images of a dataset.\\par"),
            "{note}"
        );
    }
}

#[test]
fn without_readable_predictions_there_are_means_and_a_reason() {
    let plan = TWO_SEEDS.plan();
    let results = all_results(&plan);
    let verdicts = SuiteVerdicts::default();
    let report = report_with(&plan, &results, &verdicts, DatasetOrder::Coop).unwrap();
    let text = report.markdown(&Beside::default());
    assert!(
        text.contains("Changes without a paired test: predictions are missing or damaged."),
        "{text}"
    );
    assert_eq!(rows(&text, "*change*")[0][2], "*+36*");
    let csv = file(&report, "tables/few-shot.csv");
    assert!(csv.contains("sft,4,few-shot,direct,imagenet,change_points,36.458333,,,,"), "{csv}");
}

#[test]
fn a_method_that_never_finished_is_dashes_and_says_so_nowhere_else() {
    let plan = TWO_SEEDS.plan();
    let mut results = all_results(&plan);
    results.retain(|results| results.trial.method != MethodId::Sft);
    let report = whole_report(&plan, &results, DatasetOrder::Coop).unwrap();
    let text = report.markdown(&Beside::default());
    assert!(text.contains("Incomplete. 18 of 42 cells are missing"), "{text}");
    assert_eq!(rows(&text, "SFT")[1], ["SFT", "–", "–", "–", "–"]);
    let csv = file(&report, "tables/few-shot.csv");
    assert!(csv.contains("sft,4,few-shot,direct,imagenet,accuracy_pct,,,,,"), "{csv}");
    assert!(!rows(&text, "CLS-RL").is_empty());
}

#[test]
fn two_records_of_one_cell_are_an_error() {
    let plan = TWO_SEEDS.plan();
    let mut results = all_results(&plan);
    let twice = results[0].cells[0].clone();
    results[0].cells.push(twice);
    let error = report(&plan, &results).unwrap_err().to_string();
    assert_eq!(error, "cell `imagenet.direct` of trial `zero-shot` has more than one record");
}

#[test]
fn a_document_shows_and_links_what_is_beside_it_and_nothing_else() {
    let plan = TWO_SEEDS.plan();
    let report = made(&plan);
    let alone = report.markdown(&Beside::default());
    assert!(!alone.contains("![") && !alone.contains("]("), "{alone}");
    let beside = Beside {
        figures: Some("a suite/figures".to_owned()),
        html: Some("a suite.html".to_owned()),
        tables: None,
    };
    let text = report.markdown(&beside);
    assert!(
        text.contains("In a browser, with samples: [a suite.html](a%20suite.html); figures"),
        "{text}"
    );
    let names: Vec<String> =
        report.figures().unwrap().into_iter().map(|figure| figure.name).collect();
    let shown = |name: &String| text.contains(&format!("](a%20suite/figures/{name}.svg)"));
    assert!(!names.is_empty() && names.iter().all(shown), "{names:?}: {text}");
    assert_eq!(text.matches("![").count(), names.len());
    assert!(!text.contains("tables as LaTeX"));
}

#[test]
fn the_result_comes_first_and_what_is_folded_is_closed() {
    let text = made(&TWO_SEEDS.plan()).markdown(&Beside::default());
    let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("no {part} in {text}"));
    let parts =
        ["## In short", "| Average ", "<details>", "## Free-lunch transfer", "## What was run"];
    assert!(parts.map(at).is_sorted(), "{:?}", parts.map(at));
    let mut depth = 0_i32;
    for line in text.lines() {
        depth += i32::from(line == "<details>") - i32::from(line == "</details>");
        assert!((0..=1).contains(&depth) || line == "</details>" || line == "<details>", "{line}");
    }
    assert_eq!(depth, 0);
    assert!(text.contains("made-up.transfer.parquet has each"), "{text}");
    assert!(!text.contains("suite\\>"), "{text}");
}
