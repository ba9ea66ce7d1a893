//! The report as a whole, on made-up results.

use clsrl_spec::{DatasetId, EvalSplit, Form, MethodId};

use crate::{
    TrialResults,
    made::{Grid, all_results, report},
};

const THREE: [DatasetId; 3] = [DatasetId::ImageNet, DatasetId::Dtd, DatasetId::Eurosat];

const TWO_SEEDS: Grid<'_> = Grid {
    methods: &[MethodId::ZeroShot, MethodId::Sft, MethodId::ClsRl],
    datasets: &THREE,
    shots: &[4],
    seeds: &[1, 2],
};

/// Compares with a committed report. `UPDATE_SNAPSHOTS=1` writes what was made instead.
fn check_snapshot(name: &str, made: &str) {
    let path = format!("{}/tests/snapshots/{name}.md", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, made).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap();
    assert_eq!(made, committed, "{path} differs; UPDATE_SNAPSHOTS=1 accepts the new report");
}

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
    check_snapshot("two-seeds", &report(&plan, &all_results(&plan)).unwrap());
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
    assert!(captions.iter().all(|caption| caption.ends_with("Synthetic pictures.")));
    check_snapshot("whole-grid", &report);
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
    assert!(!report.contains("student-t") && !report.contains('†'), "{report}");
    assert!(report.contains("(bootstrap, wilson)"), "{report}");
    assert_eq!(rows(&report, "SFT")[1], ["SFT", "60.4", "93.8", "95.8", "83.3"]);
}

#[test]
fn a_missing_cell_is_a_dash_and_is_counted() {
    let plan = Grid { seeds: &[1], ..TWO_SEEDS }.plan();
    let mut results = all_results(&plan);
    let sft_on_dtd = |results: &&mut TrialResults| results.trial.key() == "sft.dtd.4shot.seed1";
    results.iter_mut().find(sft_on_dtd).unwrap().cells.remove(1);
    let report = report(&plan, &results).unwrap();
    assert!(report.contains("1 of 24 cells are missing"), "{report}");
    assert_eq!(rows(&report, "SFT")[1], ["SFT", "60.4", "–", "95.8", "–"]);
    let transfer = rows(&report, "DTD").remove(1);
    assert_eq!(transfer[2], "**–**");
    assert_eq!(transfer[4], "–");
    assert_ne!(transfer[5], "–");
}

#[test]
fn a_mean_over_fewer_seeds_than_planned_is_marked() {
    let plan = TWO_SEEDS.plan();
    let mut results = all_results(&plan);
    results.retain(|results| results.trial.key() != "sft.dtd.4shot.seed2");
    let report = report(&plan, &results).unwrap();
    let sft = rows(&report, "SFT").remove(1);
    assert!(!sft[1].ends_with('†') && sft[2].ends_with('†') && sft[4].ends_with('†'), "{sft:?}");
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
    assert_eq!(rows(&report, "Zero-shot (direct)")[0][1], "25.0");
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
fn no_pictures_and_broken_numbers_never_show_as_nan() {
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
    assert!(report.contains("hold other pictures than published results do. Get it at x."));
}

#[test]
fn base_and_new_classes_are_rows_of_their_own() {
    let mut plan = TWO_SEEDS.plan();
    for trial in &mut plan {
        trial.form = Form::Base;
        trial.evaluation.forms = vec![Form::Base, Form::New];
    }
    let report = report(&plan, &all_results(&plan)).unwrap();
    for name in ["SFT (base)", "SFT (new)", "Zero-shot (new, direct)", "Chance (base)"] {
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
    assert_eq!(rows(&report, "Chance")[0], ["Chance", "–", "–", "–", "–"]);
    assert!(report.contains("A question lists no names."));
}
