//! The comparison on made-up results of the project's own suites.

use std::{collections::BTreeMap, fs, path::PathBuf};

use clsrl_spec::{DatasetId, Form, MethodId, PromptStyle, Seed, Selection, Suite, Trial, plan};

use super::{
    AgainstPaper, PaperContext, PublishedNumbers,
    compare::{Compared, Verdict},
    published::{Datasets, Experiment, Metric, PublishedNumber},
};
use crate::{
    ReportFile, TrialResults,
    latex::tests::check_compiles,
    made::{self, bare_page, check_snapshot},
};

const SMALL: &str = "Qwen2-VL-2B-Instruct";
const LARGE: &str = "Qwen2-VL-7B-Instruct";

fn project(path: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    fs::read_to_string(path).unwrap()
}

fn published() -> PublishedNumbers {
    PublishedNumbers::read(&project("results/published.csv")).unwrap()
}

fn planned(suite: &str, protocol: &str, seeds: &[Seed]) -> Vec<Trial> {
    let text = project(&format!("suites/{suite}.toml"));
    let protocols = |name: &str| Ok(project(&format!("suites/protocols/{name}.toml")));
    let mut suite = Suite::parse_under(&text, suite, &protocols, Some(protocol)).unwrap();
    suite.seeds = seeds.to_vec();
    plan(&suite, &Selection::default()).unwrap()
}

/// The file's numbers by its own words, read again.
fn printed() -> BTreeMap<[String; 6], f64> {
    let text = project("results/published.csv");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let row = |row: csv::StringRecord| {
        let key = [0, 1, 3, 4, 5, 6].map(|column| row[column].to_owned());
        (row[2] == *"0" || row[2] == *"4").then(|| (key, row[7].parse().unwrap()))
    };
    reader.records().filter_map(|record| row(record.unwrap())).collect()
}

/// What the paper prints of a cell, or 50.
fn printed_of(trial: &Trial, target: DatasetId, form: Form, model: &str) -> f64 {
    let printed = printed();
    let of = |suite: &str, method: &str, source: &str, metric: &str| {
        let key = [suite, model, method, source, target.as_str(), metric].map(str::to_owned);
        printed.get(&key).copied()
    };
    let source = trial.train_on.map_or("", DatasetId::as_str);
    let own = |suite: &str, metric: &str| of(suite, trial.method.as_str(), source, metric);
    let found = match form {
        Form::FewShot if source.is_empty() || source == target.as_str() => {
            own("few-shot", "accuracy_pct")
        }
        Form::FewShot => own("transfer", "delta_vs_zero_shot_pts")
            .and_then(|change| Some(change + of("few-shot", "zero-shot", "", "accuracy_pct")?)),
        Form::Base => own("base-to-new", "base_accuracy_pct"),
        Form::New => own("base-to-new", "new_accuracy_pct"),
        Form::OpenSet => own("open-set", "accuracy_pct"),
    };
    found.unwrap_or(50.0)
}

/// Results whose accuracies are those that the paper prints, and `points` more.
fn as_printed(planned: &[Trial], model: &str, points: f64) -> Vec<TrialResults> {
    let mut results = made::all_results(planned);
    let mut known = BTreeMap::new();
    for results in &mut results {
        let trial = results.trial.clone();
        results.training.run.place.device = "cuda:0 NVIDIA H200".into();
        for (_, record) in &mut results.cells {
            let outcome = &mut record.outcome;
            let cell = outcome.cell;
            let key = (trial.method, trial.train_on, cell);
            let printed = *known
                .entry(key)
                .or_insert_with(|| printed_of(&trial, cell.target, cell.form, model));
            (outcome.n, outcome.n_split) = (1_000_000, 1_000_000);
            outcome.n_correct_published = (1e4 * (printed + points)).round() as usize;
            outcome.n_correct_strict = 0;
            record.run.place.device = "cuda:0 NVIDIA H200".into();
        }
    }
    results
}

fn context<'a>(model: &'a str, planned: &'a [Trial], under_paper: &'a [Trial]) -> PaperContext<'a> {
    PaperContext {
        suite_name: "made-up",
        base_model: model,
        synthetic: false,
        planned,
        under_paper,
    }
}

fn against(planned: &[Trial], model: &str, results: &[TrialResults]) -> AgainstPaper {
    AgainstPaper::new(&published(), results, context(model, planned, planned))
}

/// Compares results that are as printed, and asserts how many rows of which kind there are.
fn check_mapping(suite: &str, model: &str, expected: &[(Experiment, usize)]) {
    let planned = planned(suite, "paper", &[1, 2, 3]);
    let compared = against(&planned, model, &as_printed(&planned, model, 0.0)).compared;
    let mut rows: BTreeMap<Experiment, usize> = BTreeMap::new();
    for compared in &compared {
        let number = &compared.number;
        if number.model != model {
            continue;
        }
        *rows.entry(number.experiment).or_default() += 1;
        if matches!(number.metric, Metric::TrainingMinutes | Metric::InferenceMinutes) {
            continue;
        }
        assert_eq!(compared.verdict, Verdict::Within, "{compared:?}");
        // What is printed is rounded, and an average or a harmonic mean is made of rounded numbers.
        let ours = compared.ours.unwrap().value;
        assert!((ours - number.value).abs() < 0.02, "{ours}: {number:?}");
    }
    assert_eq!(rows.into_iter().collect::<Vec<_>>(), expected, "{suite}");
}

/// Zero-shot and SFT have two prompts each, so two rows a number: 12 + 12 numbers twice, 24 once.
#[test]
fn every_few_shot_number_is_of_its_cells() {
    // Of the efficiency table, SFT has accuracy and minutes of evaluation twice.
    // Of the matrices, the diagonals: 11 changes of two methods, against zero-shot under two prompts.
    let expected =
        [(Experiment::FewShot, 72), (Experiment::Efficiency, 11), (Experiment::Transfer, 44)];
    check_mapping("few-shot", SMALL, &expected);
    check_mapping("thinking", LARGE, &[(Experiment::FewShot, 20)]);
}

#[test]
fn every_base_to_new_number_is_of_its_cells() {
    check_mapping("base-to-new", SMALL, &[(Experiment::BaseToNew, 3 * 72)]);
}

#[test]
fn every_open_set_number_is_of_its_cells() {
    check_mapping("open-set", SMALL, &[(Experiment::OpenSet, 24)]);
}

/// The changes of two methods in 11 × 12 numbers, against zero-shot under each of two prompts.
#[test]
fn every_transfer_number_is_of_its_cells() {
    let expected =
        [(Experiment::FewShot, 72), (Experiment::Efficiency, 11), (Experiment::Transfer, 2 * 264)];
    check_mapping("transfer", SMALL, &expected);
}

/// Every number of the paper is some suite's.
#[test]
fn no_published_number_is_left_over() {
    let PublishedNumbers(numbers) = published();
    let mut left: Vec<PublishedNumber> = numbers.clone();
    for suite in ["few-shot", "base-to-new", "open-set", "transfer", "thinking", "efficiency"] {
        let planned = planned(suite, "paper", &[1, 2]);
        let compared = AgainstPaper::new(&published(), &[], context(SMALL, &planned, &planned));
        left.retain(|number| !compared.compared.iter().any(|found| found.number == *number));
    }
    assert_eq!((numbers.len(), left), (558 - 55, Vec::new()));
}

#[test]
fn what_is_five_points_off_is_outside() {
    for suite in ["few-shot", "base-to-new", "open-set"] {
        let planned = planned(suite, "paper", &[1, 2, 3]);
        let compared = against(&planned, SMALL, &as_printed(&planned, SMALL, -5.0)).compared;
        let is_time = |compared: &&Compared| {
            matches!(compared.number.metric, Metric::TrainingMinutes | Metric::InferenceMinutes)
        };
        // A change stays what it is where everything is off.
        let is_change = |compared: &&Compared| compared.number.metric == Metric::Change;
        let ours = |compared: &&Compared| {
            compared.number.model == SMALL && !is_time(compared) && !is_change(compared)
        };
        for compared in compared.iter().filter(ours) {
            assert_eq!(compared.verdict, Verdict::Outside, "{compared:?}");
        }
    }
}

#[test]
fn a_change_is_against_zero_shot_under_each_prompt() {
    let planned = planned("transfer", "paper", &[1, 2]);
    let mut results = as_printed(&planned, SMALL, 0.0);
    let zero_shot = results.iter_mut().find(|r| r.trial.method == MethodId::ZeroShot).unwrap();
    for (_, record) in &mut zero_shot.cells {
        if record.outcome.cell.prompt == PromptStyle::Direct {
            record.outcome.n_correct_published -= 50_000;
        }
    }
    let changes = against(&planned, SMALL, &results).compared;
    for compared in changes.iter().filter(|c| c.number.experiment == Experiment::Transfer) {
        let expected = match compared.zero_shot_prompt {
            Some(PromptStyle::Thinking) => Verdict::Within,
            _ => Verdict::Outside,
        };
        assert_eq!(compared.verdict, expected, "{compared:?}");
    }
}

/// What is said of CLS-RL on DTD after a change of the results or of the plan.
fn reason(suite_protocol: &str, seeds: &[Seed], change: impl Fn(&mut Vec<TrialResults>)) -> String {
    let planned_trials = planned("few-shot", suite_protocol, seeds);
    let under_paper = planned("few-shot", "paper", seeds);
    let mut results = as_printed(&planned_trials, SMALL, 0.0);
    change(&mut results);
    let context = context(SMALL, &planned_trials, &under_paper);
    let compared = AgainstPaper::new(&published(), &results, context).compared;
    let is_it = |compared: &&Compared| {
        compared.number.method == MethodId::ClsRl
            && compared.number.target == Datasets::One(DatasetId::Dtd)
    };
    let verdict = &compared.iter().find(is_it).unwrap().verdict;
    verdict.reasons().iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Changes the DTD cell of CLS-RL under one seed.
fn of_dtd(change: impl Fn(&mut clsrl_spec::CellOutcome)) -> impl Fn(&mut Vec<TrialResults>) {
    move |results| {
        let is_it = |results: &&mut TrialResults| results.trial.key() == "cls-rl.dtd.4shot.seed1";
        change(&mut results.iter_mut().find(is_it).unwrap().cells[0].1.outcome);
    }
}

#[test]
fn a_number_that_cannot_be_compared_says_why() {
    let check = |expected: &str, change: &dyn Fn(&mut Vec<TrialResults>)| {
        assert_eq!(reason("paper", &[1, 2], |results| change(results)), expected);
    };
    check("", &|_| {});
    check("drawn images", &of_dtd(|outcome| outcome.synthetic = true));
    check("only some of the images were evaluated", &of_dtd(|outcome| outcome.n_split += 1));
    check(
        "the data differs from the lock, or nobody has locked it",
        &of_dtd(|outcome| outcome.locked = false),
    );
    check(
        "the lists of images are not the published ones",
        &of_dtd(|outcome| outcome.standard_lists = false),
    );
    let empty = of_dtd(|outcome| {
        (outcome.n, outcome.n_split, outcome.n_correct_published) = (0, 0, 0);
    });
    check("no image was evaluated", &empty);
    check("1 of 2 cells are missing", &|results| {
        results.retain(|results| results.trial.key() != "cls-rl.dtd.4shot.seed2");
    });
    check("2 of 2 cells are missing", &Vec::clear);
    assert_eq!(
        reason("paper", &[1], |_| {}),
        "one seed: nothing is known of the spread between seeds"
    );
}

#[test]
fn another_protocol_is_told_by_its_fields() {
    let reason = reason("matched", &[1, 2], |_| {});
    for field in ["training: training.grpo.top_k", "training: shots", "evaluation: image.path"] {
        assert!(reason.contains(field), "{field}: {reason}");
    }
    assert!(!reason.contains("micro_batch") && !reason.contains("base_classes"), "{reason}");
}

#[test]
fn another_evaluation_than_the_papers_is_told() {
    let mut planned = planned("few-shot", "paper", &[1, 2]);
    for trial in &mut planned {
        trial.evaluation.max_new_tokens = 48;
        for split in trial.evaluation.splits.values_mut() {
            *split = clsrl_spec::EvalSplit::Val;
        }
    }
    let document = against(&planned, SMALL, &as_printed(&planned, SMALL, 0.0)).markdown();
    assert!(document.contains("answers are cut at 48 tokens, the paper's at 1024"), "{document}");
    assert!(document.contains("validation images, the paper's are test images"), "{document}");
}

#[test]
fn the_smoke_suite_is_said_in_a_few_lines_to_be_another_experiment() {
    let (planned, under_paper) = (planned("smoke", "tiny", &[1]), planned("smoke", "paper", &[1]));
    let mut results = made::all_results(&planned);
    for (_, record) in results.iter_mut().flat_map(|results| &mut results.cells) {
        record.outcome.synthetic = true;
    }
    let context = PaperContext {
        suite_name: "smoke",
        synthetic: true,
        ..context("harness/tiny/model", &planned, &under_paper)
    };
    let against = AgainstPaper::new(&published(), &results, context);
    check_snapshot("against-paper-smoke.md", &against.markdown());
    assert!(against.compared.iter().all(|row| row.verdict.word() == "not comparable"));
    assert!(against.compared.iter().all(|row| row.ours.is_some()), "ours are in the CSV");
}

#[test]
fn a_part_of_a_suite_is_compared_number_by_number() {
    let mut planned = planned("few-shot", "paper", &[1, 2]);
    let kept = [None, Some(DatasetId::Dtd), Some(DatasetId::ImageNet)];
    planned.retain(|trial| kept.contains(&trial.train_on) && trial.shots <= 4);
    let mut results = as_printed(&planned, SMALL, 0.3);
    results.retain(|results| results.trial.key() != "sft.dtd.4shot.seed2");
    let against = against(&planned, SMALL, &results);
    check_snapshot("against-paper-part.md", &against.markdown());
    check_snapshot("against-paper-part.html", &bare_page(&against.html()));
    let latex = against.latex();
    let efficiency = "against-paper/efficiency-v1-table-3-qwen2-vl-2b-instruct.tex";
    let is_it = |file: &&ReportFile| file.path == efficiency;
    check_snapshot("against-paper-part.tex", &latex.iter().find(is_it).unwrap().text);
    check_compiles("against-paper-part", "against-paper.tex", &latex);
    let csv = against.csv();
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    assert_eq!(reader.headers().unwrap().len(), 17);
    assert_eq!(reader.records().map(Result::unwrap).count(), against.compared.len());
}

#[test]
fn names_are_text_in_the_document() {
    let planned = planned("few-shot", "paper", &[1, 2]);
    let against = against(&planned, "a|b_<script>&%", &[]);
    let document = against.markdown();
    assert!(document.contains(r"another model (a\|b\_\<script\>\&%)"), "{document}");
    assert!(!document.contains("<script>"), "{document}");
    let html = against.html();
    assert!(html.contains("another model (a|b_&lt;script&gt;&amp;%)"), "{html}");
    assert_eq!(html.matches("<script").count(), 1);
    check_compiles("against-paper-names", "against-paper.tex", &against.latex());
}

/// The longest tables: those of the matrices.
#[test]
fn every_table_is_in_latex_and_sorts_in_html() {
    for suite in ["transfer", "base-to-new", "open-set"] {
        let planned = planned(suite, "paper", &[1, 2]);
        let against = against(&planned, SMALL, &as_printed(&planned, SMALL, 0.3));
        let latex = against.latex();
        check_compiles(&format!("against-paper-{suite}"), "against-paper.tex", &latex);
        let html = against.html();
        let n_tables = html.matches("<table class=\"sorts\"").count();
        // Each has its files; the reasons may be one, which needs no order.
        let n_files = latex.iter().filter(|file| file.path.ends_with(".wide.tex")).count();
        assert!((n_files - 1..=n_files).contains(&n_tables), "{suite}: {n_tables} of {n_files}");
        assert!(!html.contains("id=\"samples-head\"") && !html.contains("://"));
    }
}

#[test]
fn no_number_of_the_paper_is_said_plainly() {
    let one_shot: Vec<Trial> =
        planned("few-shot", "paper", &[1]).into_iter().filter(|trial| trial.shots == 1).collect();
    let document = against(&one_shot, SMALL, &[]).markdown();
    assert!(document.contains("The paper prints no number that this suite gives."), "{document}");
}

#[test]
fn wrong_lines_of_the_file_are_told() {
    let head = "suite,model,shots,method,train_dataset,test_dataset,metric,value,source\n";
    let check = |line: &str, expected: &str| {
        let error = PublishedNumbers::read(&format!("{head}{line}\n")).unwrap_err().to_string();
        assert!(error.starts_with("the published numbers, line 2: "), "{error}");
        assert!(error.contains(expected), "{expected}: {error}");
    };
    check("few-shot,m,4,sft,dtd,dtd,speed,1,2503.16188", "suite `few-shot` has no metric `speed`");
    check("few-shot,m,4,magic,dtd,dtd,accuracy_pct,1,2503.16188", "unknown method `magic`");
    check("few-shot,m,4,sft,dtd,mnist,accuracy_pct,1,2503.16188", "unknown dataset `mnist`");
    check("few-shot,m,4,sft,dtd,dtd,accuracy_pct,NaN,2503.16188", "expected a finite number");
    check("few-shot,m,4,sft,dtd,dtd,accuracy_pct,high,2503.16188", "field 7: invalid float");
    check("few-shot,m,4,sft,dtd", "fields");
    check("few-shot,m,4,sft,,dtd,accuracy_pct,1,2503.16188", "only zero-shot has 0 shots");
    let twice = "few-shot,m,4,sft,dtd,dtd,accuracy_pct,1,2503.16188 a\n";
    let error = PublishedNumbers::read(&format!("{head}{twice}{twice}")).unwrap_err();
    assert_eq!(error.to_string(), "the published numbers, line 3: this number is there twice");
}

/// The file holds together, so no number was copied wrong.
#[test]
fn the_published_numbers_agree_with_each_other() {
    let PublishedNumbers(numbers) = published();
    let value = |like: &PublishedNumber, metric, target| {
        let is_it = |other: &&PublishedNumber| {
            (other.metric, other.target) == (metric, target)
                && (other.experiment, &other.model) == (like.experiment, &like.model)
                && (other.method, other.shots) == (like.method, like.shots)
        };
        numbers.iter().find(is_it).unwrap().value
    };
    let few_shot = |method, id| {
        let is_it = |other: &&PublishedNumber| {
            (other.experiment, other.model.as_str()) == (Experiment::FewShot, SMALL)
                && (other.method, other.target) == (method, Datasets::One(id))
        };
        numbers.iter().find(is_it).unwrap().value
    };
    for number in &numbers {
        let expected = match (number.metric, number.target) {
            (Metric::HarmonicMean, target) => {
                let half = |form| value(number, Metric::Accuracy(form), target);
                let (base, new) = (half(Form::Base), half(Form::New));
                2.0 * base * new / (base + new)
            }
            (Metric::Change, Datasets::One(id)) if number.trained_on == Some(number.target) => {
                few_shot(number.method, id) - few_shot(MethodId::ZeroShot, id)
            }
            (_, Datasets::Average) => {
                let parts = number.pairs(&numbers);
                let of = |&(source, target): &(Option<DatasetId>, DatasetId)| {
                    let is_it = |other: &&PublishedNumber| {
                        other.trained_on == source.map(Datasets::One)
                            && other.target == Datasets::One(target)
                            && (other.experiment, other.metric)
                                == (number.experiment, number.metric)
                            && (other.method, &other.model) == (number.method, &number.model)
                    };
                    numbers.iter().find(is_it).unwrap().value
                };
                parts.iter().map(of).sum::<f64>() / parts.len() as f64
            }
            _ => continue,
        };
        // Two or three numbers, each printed to a hundredth.
        assert!((expected - number.value).abs() < 0.016, "{expected}: {number:?}");
    }
}
