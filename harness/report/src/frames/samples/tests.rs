//! Samples of made-up cells, right and damaged.

use std::fs;

use clsrl_spec::{DatasetId, MethodId, Prediction, Trial};

use super::*;
use crate::made::{Grid, all_results, predictions};

const GRID: Grid<'_> = Grid {
    methods: &[MethodId::ZeroShot, MethodId::Sft],
    datasets: &[DatasetId::Dtd],
    shots: &[4],
    seeds: &[1],
};

fn made() -> Vec<TrialResults> {
    all_results(&GRID.plan())
}

/// Makes the samples of the first cell after a change of its predictions.
fn changed(change: impl FnOnce(&mut Vec<Prediction>)) -> Result<DataFrame, ReportError> {
    let results = made().remove(0);
    let record = &results.cells[0].1;
    let mut predictions = predictions(record);
    change(&mut predictions);
    samples_frame(&results, record.outcome.cell, &predictions)
}

fn check_error(change: impl FnOnce(&mut Vec<Prediction>), expected: &str) {
    assert_eq!(changed(change).unwrap_err().to_string(), expected);
}

/// Writes samples and, beside them, classes in all formats.
fn write(results: &[TrialResults], path: &Path, read: &mut ReadPredictions<'_>) -> Samples {
    let classes = path.with_extension("classes");
    let paths = SamplePaths { samples: path, classes: &classes };
    write_samples(results, paths, &FrameFormat::ALL, read).unwrap()
}

/// The finished cells' predictions, but for those that a test wants otherwise.
fn read_of(
    results: &[TrialResults],
    of_cell: impl Fn(&str, Vec<Prediction>) -> Result<Vec<Prediction>, String>,
) -> impl FnMut(&Trial, CellKey) -> Result<Vec<Prediction>, String> {
    move |trial, cell| {
        let own = results.iter().find(|results| results.trial == *trial).unwrap();
        let (_, record) = own.cells.iter().find(|(_, record)| record.outcome.cell == cell).unwrap();
        of_cell(&cell.to_string(), predictions(record))
    }
}

#[test]
fn a_row_tells_of_an_answer_beside_right_and_wrong() {
    let frame = changed(|predictions| predictions.reverse()).unwrap();
    let text = |column: &str, row| frame.column(column).unwrap().str().unwrap().get(row);
    let last = frame.height() - 1;
    assert_eq!(text("parse_status", 0), Some("ok"));
    assert_eq!(text("parse_status", last), Some("off-list"));
    assert_eq!(text("thought_names", 0), Some("answer"));
    let ambiguous = frame.column("ambiguous").unwrap().bool().unwrap();
    assert_eq!(ambiguous.iter().flatten().filter(|is| *is).count(), 3);
    let index = frame.column("index").unwrap().i64().unwrap();
    assert_eq!((index.get(0), index.get(last)), (Some(0), Some(last as i64)));
}

#[test]
fn predictions_that_are_not_the_records_are_an_error() {
    check_error(
        |predictions| drop(predictions.pop()),
        "cell `dtd.direct` of trial `zero-shot`: it has 47 predictions, its record counts 48",
    );
    check_error(
        |predictions| predictions[1].index = 0,
        "cell `dtd.direct` of trial `zero-shot`: its predictions answer image 0 twice",
    );
    let results = made();
    let n = results[0].cells[0].1.outcome.n_correct_strict;
    check_error(
        |predictions| predictions[0].correct_strict = false,
        &format!(
            "cell `dtd.direct` of trial `zero-shot`: it has {} correct ones by the strict score, \
             its record counts {n}",
            n - 1
        ),
    );
}

#[test]
fn predictions_without_a_record_are_an_error() {
    let mut results = made().remove(0);
    let (_, record) = results.cells.remove(0);
    let cell = record.outcome.cell;
    let error = samples_frame(&results, cell, &predictions(&record)).unwrap_err().to_string();
    assert_eq!(error, "cell `dtd.direct` of trial `zero-shot`: it has no record");
}

#[test]
fn a_cell_with_damaged_predictions_is_left_out_and_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let (path, results) = (folder.path().join("made.samples"), made());
    let mut read = read_of(&results, |cell, mut predictions| match cell {
        "dtd.thinking" => Err("it is damaged".to_owned()),
        _ => {
            predictions.truncate(48);
            Ok(predictions)
        }
    });
    let Samples { left_out, .. } = write(&results, &path, &mut read);
    let missing: Vec<String> =
        left_out.iter().map(|out| format!("{} {}: {}", out.trial, out.cell, out.reason)).collect();
    assert_eq!(missing, ["zero-shot dtd.thinking: it is damaged"]);
    let csv = fs::read_to_string(FrameFormat::Csv.at(&path)).unwrap();
    assert!(csv.contains("zero-shot") && csv.contains("sft.dtd") && !csv.contains("dtd.thinking"));
    let ndjson = fs::read_to_string(FrameFormat::Ndjson.at(&path)).unwrap();
    assert_eq!(ndjson.lines().count(), 48 * 2);
}

#[test]
fn the_order_of_the_results_changes_no_byte() {
    let folder = tempfile::tempdir().unwrap();
    let mut results = made();
    let mut seen = Vec::new();
    for name in ["a", "b"] {
        let path = folder.path().join(name);
        let made = made();
        let mut read = read_of(&made, |_, predictions| Ok(predictions));
        write(&results, &path, &mut read);
        seen.push(FrameFormat::ALL.map(|format| fs::read(format.at(&path)).unwrap()));
        results.reverse();
    }
    assert!(seen[0] == seen[1]);
}

#[test]
fn no_cells_give_files_without_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none.samples");
    let mut read = |_: &Trial, _| panic!("there is nothing to read");
    write(&[], &path, &mut read);
    assert_eq!(fs::read_to_string(FrameFormat::Csv.at(&path)).unwrap().lines().count(), 1);
    assert_eq!(fs::read_to_string(FrameFormat::Ndjson.at(&path)).unwrap(), "");
    assert!(fs::read(FrameFormat::Parquet.at(&path)).unwrap().starts_with(b"PAR1"));
}

#[test]
fn a_class_counts_its_images_and_what_they_are_most_often_taken_for() {
    let results = made();
    let record = &results[0].cells[0].1;
    let mut predictions = predictions(record);
    let question = "?\n Please choose one from list [ rose, tulip, daisy, aster].";
    let said = ["rose", "tulip", "daisy", "daisy", "tulip", "a rose or a tulip", "tulip"];
    for (idx, prediction) in predictions.iter_mut().enumerate() {
        prediction.question = question.to_owned();
        prediction.gold = if idx < 6 { "rose" } else { "tulip" }.to_owned();
        prediction.raw = said.get(idx).copied().unwrap_or("oak").to_owned();
    }
    let rows: Vec<Answered<'_>> = Answered::all(&record.outcome, &predictions).unwrap();
    let trial = results[0].trial.key();
    let cell = record.outcome.cell;
    let of = CellOf { results: &results[0], trial: &trial, cell, cell_id: "id" };
    let samples = SampleRow::all(of, &rows);
    let classes = ClassRow::all(&samples);
    let found: Vec<_> = classes
        .iter()
        .map(|row| (row.class, row.n, row.n_predicted, row.confused_with, row.n_confused))
        .collect();
    // Two roses were taken for a daisy and two for a tulip; nobody took a tulip for another flower.
    assert_eq!(found, [("rose", 6, 1, Some("daisy"), 2), ("tulip", 42, 3, None, 0)]);
    let right = |of: fn(&ClassRow<'_>) -> usize| classes.iter().map(of).sum::<usize>();
    assert_eq!(right(|row| row.n_correct_published), record.outcome.n_correct_published);
    assert_eq!(right(|row| row.n_correct_strict), record.outcome.n_correct_strict);
    assert!(ClassRow::all(&[]).is_empty());
}
