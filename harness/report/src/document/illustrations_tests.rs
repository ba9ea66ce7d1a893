//! Figures, matrices and the transfer rows of made-up results.

use clsrl_spec::{DatasetId, MethodId, Trial};

use crate::{
    Figure, ReportError, ReportFile, TransferRow, TrialResults,
    made::{Grid, all_results, check_snapshot, made_report},
};

const THREE: [DatasetId; 3] = [DatasetId::ImageNet, DatasetId::Dtd, DatasetId::Eurosat];

const GRID: Grid<'_> = Grid {
    methods: &[MethodId::ZeroShot, MethodId::Sft, MethodId::ClsRl],
    datasets: &THREE,
    shots: &[4],
    seeds: &[1, 2],
};

struct Illustrations {
    transfer: Vec<TransferRow>,
    figures: Vec<Figure>,
    /// Names and texts.
    matrices: Vec<(String, String)>,
}

fn illustrated(plan: &[Trial], results: &[TrialResults]) -> Result<Illustrations, ReportError> {
    let report = made_report(plan, results)?;
    let matrix = |file: ReportFile| {
        let name = file.path.strip_prefix("tables/")?.strip_suffix(".tex")?.to_owned();
        let is_matrix = (name.starts_with("transfer.") || name.starts_with("difference."))
            && ![".wide", ".compact", ".tabular"].iter().any(|part| name.contains(part));
        is_matrix.then_some((name, file.text))
    };
    Ok(Illustrations {
        transfer: report.transfer().to_vec(),
        figures: report.figures()?,
        matrices: report.latex().into_iter().filter_map(matrix).collect(),
    })
}

fn names(made: &Illustrations) -> Vec<&str> {
    made.figures.iter().map(|figure| figure.name.as_str()).collect()
}

fn of<'a>(made: &'a Illustrations, name: &str) -> &'a str {
    &made.figures.iter().find(|figure| figure.name == name).unwrap().svg
}

#[test]
fn figures_and_matrices_are_as_committed_and_images_are_as_large_as_their_svg() {
    let plan = Grid { shots: &[4, 16], ..GRID }.plan();
    let mut results = all_results(&plan);
    results.retain(|results| results.trial.key() != "cls-rl.dtd.4shot.seed1");
    let made = illustrated(&plan, &results).unwrap();
    for name in ["transfer.cls-rl.4shot.thinking", "shots", "training"] {
        check_snapshot(&format!("{name}.svg"), of(&made, name));
    }
    let (name, text) = &made.matrices[0];
    check_snapshot(&format!("{name}.tex"), text);
    for figure in &made.figures {
        let decoder = png::Decoder::new(std::io::Cursor::new(&figure.png));
        let reader = decoder.read_info().unwrap();
        let (width, height) = (reader.info().width / 3, reader.info().height / 3);
        let size = format!("width=\"{width}\" height=\"{height}\"");
        assert!(figure.svg.contains(&size), "{}: {size}", figure.name);
        for (pdf, widest) in [(&figure.pdf, 5.5 * 72.0), (&figure.column_pdf, 3.25 * 72.0)] {
            let pdf = String::from_utf8_lossy(pdf);
            let page = pdf.split_once("MediaBox[0 0 ").unwrap().1;
            let width: f64 = page.split_once(' ').unwrap().0.parse().unwrap();
            assert!(100.0 < width && width <= widest, "{}: {width}", figure.name);
            assert!(pdf.starts_with("%PDF-1.") && pdf.contains("NotoSans"), "{}", figure.name);
        }
    }
}

#[test]
fn the_order_of_the_input_changes_no_figure() {
    let plan = GRID.plan();
    let mut results = all_results(&plan);
    let forward = illustrated(&plan, &results).unwrap();
    results.reverse();
    let backward = illustrated(&plan, &results).unwrap();
    assert!(forward.transfer == backward.transfer);
    for (one, other) in forward.figures.iter().zip(&backward.figures) {
        assert!(
            one.svg == other.svg && one.png == other.png && one.pdf == other.pdf,
            "{}",
            one.name
        );
    }
}

#[test]
fn a_matrix_without_zero_shot_is_not_drawn_and_its_changes_are_null() {
    let plan = GRID.plan();
    let mut results = all_results(&plan);
    results.retain(|results| results.trial.method != MethodId::ZeroShot);
    let made = illustrated(&plan, &results).unwrap();
    assert!(names(&made).iter().all(|name| !name.starts_with("transfer.")), "{:?}", names(&made));
    let first = &made.transfer[0];
    assert_eq!((first.untested, first.change), (Some("a side is missing"), None));
}

#[test]
fn one_seed_has_an_interval_and_mcnemars_test() {
    let plan = Grid { seeds: &[1], ..GRID }.plan();
    let made = illustrated(&plan, &all_results(&plan)).unwrap();
    let first = &made.transfer[0];
    assert_eq!((first.test, first.interval), (Some("mcnemar-mid-p"), Some("score")));
    assert!(of(&made, "transfer.sft.4shot.direct").contains("one seed"));
}

#[test]
fn no_images_and_broken_numbers_are_missing_and_never_drawn() {
    let plan = GRID.plan();
    let mut results: Vec<TrialResults> = all_results(&plan);
    for results in &mut results {
        for step in &mut results.training.outcome.steps {
            step.loss = f64::NAN;
        }
        for (_, cell) in &mut results.cells {
            let outcome = &mut cell.outcome;
            (outcome.n, outcome.n_correct_published, outcome.n_correct_strict) = (0, 0, 0);
            (outcome.n_truncated, outcome.n_untagged) = (0, 0);
        }
    }
    let made = illustrated(&plan, &results).unwrap();
    assert_eq!(names(&made), ["training"]);
    assert!(!of(&made, "training").contains("NaN"));
    assert!(made.transfer.iter().all(|row| row.change.is_none()));
}

#[test]
fn one_dataset_and_zero_shot_alone_have_no_matrix() {
    let plan = Grid { datasets: &[DatasetId::Dtd], ..GRID }.plan();
    assert_eq!(names(&illustrated(&plan, &all_results(&plan)).unwrap()), ["training"]);
    let plan = Grid { methods: &[MethodId::ZeroShot], ..GRID }.plan();
    let made = illustrated(&plan, &all_results(&plan)).unwrap();
    assert!(made.figures.is_empty() && made.matrices.is_empty() && made.transfer.is_empty());
}

#[test]
fn changes_are_differences_of_accuracies_and_shared_names_are_counted() {
    let plan = GRID.plan();
    let made = illustrated(&plan, &all_results(&plan)).unwrap();
    // Of each matrix nine cells, three means of rows, three of columns and one of all; three matrices.
    assert_eq!(made.transfer.len(), 3 * 16);
    let is_it = |row: &&TransferRow| {
        (row.method, row.train_on, row.target)
            == (MethodId::Sft, Some(DatasetId::ImageNet), Some(DatasetId::Eurosat))
    };
    let row = made.transfer.iter().find(is_it).unwrap();
    // 12 + 2 · 9 of 48 before; seeds 1 and 2 are away − 4 + luck = 9 % 7 − 4 + 1.5 images better.
    assert!((row.zero_shot_pct.unwrap() - 30.0 / 0.48).abs() < 1e-9);
    let change = row.change.unwrap();
    assert!((change - (2.0 - 4.0 + 1.5) / 0.48).abs() < 1e-9, "{change}");
    assert_eq!(row.shared_classes, Some(2));
    assert!(row.lower.unwrap() <= change && change <= row.upper.unwrap());
}
