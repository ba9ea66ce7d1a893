//! The frames and their files, on made-up results.

use std::{fs, path::Path, process::Command};

use clsrl_spec::{DatasetId, MethodId};
use polars::prelude::DataFrame;
use polars_io::{SerReader, parquet::read::ParquetReader};

use super::{FrameFormat, cells_frame, curves_frame, samples_frame, write_frame, write_samples};
use crate::{
    ReportError, TrialResults,
    made::{Grid, all_results, made_report, predictions},
};

const GRID: Grid<'_> = Grid {
    methods: &[MethodId::ZeroShot, MethodId::ClsRl],
    datasets: &[DatasetId::Dtd, DatasetId::Ucf101],
    shots: &[4],
    seeds: &[1, u64::MAX],
};

fn made() -> Vec<TrialResults> {
    all_results(&GRID.plan())
}

fn read(path: &Path) -> DataFrame {
    ParquetReader::new(fs::File::open(path).unwrap()).finish().unwrap()
}

fn write_parquet(frame: &DataFrame, path: &Path) -> Result<(), ReportError> {
    write_frame(frame, path, FrameFormat::Parquet)
}

fn samples(results: &TrialResults) -> DataFrame {
    let record = &results.cells[0].1;
    samples_frame(results, record.outcome.cell, &predictions(record)).unwrap()
}

#[test]
fn a_frame_has_one_row_per_cell_and_one_per_step() {
    assert_eq!(cells_frame(&made()).unwrap().height(), 4 + 4 * 2);
    assert_eq!(curves_frame(&made()).unwrap().height(), 4 * 4);
    assert_eq!(cells_frame(&[]).unwrap().width(), cells_frame(&made()).unwrap().width());
}

#[test]
fn zero_shot_has_no_training_dataset_and_no_reward() {
    let cells = cells_frame(&made()).unwrap();
    let nulls = ["train_on", "final_reward_mean", "final_kl", "final_loss"];
    for column in nulls {
        assert_eq!(cells.column(column).unwrap().null_count(), 4, "{column}");
    }
}

#[test]
fn the_documented_columns_are_the_columns() {
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/../../results/README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let documented = |heading: &str| -> Vec<(String, String)> {
        let (_, section) = readme.split_once(heading).unwrap();
        let section = section.split("\n## ").next().unwrap();
        let rows = section.lines().filter(|line| line.starts_with("| `"));
        let cell = |row: &str, position| {
            row.split('|').nth(position).map(|cell: &str| cell.trim().replace('`', ""))
        };
        rows.map(|row| (cell(row, 1).unwrap(), cell(row, 2).unwrap())).collect()
    };
    let actual = |frame: DataFrame| -> Vec<(String, String)> {
        let columns = frame.columns().iter();
        columns.map(|column| (column.name().to_string(), column.dtype().to_string())).collect()
    };
    assert_eq!(documented("\n## Cells"), actual(cells_frame(&made()).unwrap()));
    assert_eq!(documented("\n## Samples"), actual(samples(&made()[0])));
    assert_eq!(documented("\n## Curves"), actual(curves_frame(&made()).unwrap()));
    let report = made_report(&GRID.plan(), &made()).unwrap();
    assert_eq!(documented("\n## Transfer"), actual(report.transfer().clone()));
}

#[test]
fn parquet_gives_back_the_frame_and_replaces_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cells.parquet");
    fs::write(&path, "something older").unwrap();
    for frame in [cells_frame(&made()).unwrap(), cells_frame(&[]).unwrap()] {
        write_parquet(&frame, &path).unwrap();
        assert!(read(&path).equals_missing(&frame));
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn the_same_results_give_the_same_parquet_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["a", "b"].map(|name| folder.path().join(name));
    let mut results = made();
    for path in &paths {
        write_parquet(&cells_frame(&results).unwrap(), path).unwrap();
        results.reverse();
    }
    assert_eq!(fs::read(&paths[0]).unwrap(), fs::read(&paths[1]).unwrap());
}

#[test]
fn a_file_that_cannot_be_written_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing").join("cells.parquet");
    let error = write_parquet(&cells_frame(&made()).unwrap(), &path).unwrap_err();
    assert!(error.to_string().contains("cells.parquet"), "{error}");
}

#[test]
fn two_records_of_one_cell_are_an_error() {
    let mut results = made();
    let cell = results[0].cells[0].clone();
    results[0].cells.push(cell);
    let error = cells_frame(&results).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cell `dtd.direct` of trial `zero-shot` has more than one record"
    );
}

#[test]
fn a_record_of_another_trial_is_an_error() {
    let mut results = made();
    results[1].cells[0].1.outcome.seed = 5;
    let error = cells_frame(&results).unwrap_err();
    assert!(matches!(error, ReportError::WrongTrial { .. }), "{error}");
}

#[test]
fn more_correct_answers_than_pictures_are_an_error() {
    let mut results = made();
    results[1].cells[0].1.outcome.n_correct_strict = 49;
    let error = cells_frame(&results).unwrap_err();
    assert!(error.to_string().ends_with("n_correct_strict is 49, expected at most 48"), "{error}");
}

#[test]
fn rows_say_what_they_were_made_from() {
    let cells = cells_frame(&made()).unwrap();
    let text = |column: &str, row| {
        cells.column(column).unwrap().str().unwrap().get(row).map(str::to_owned)
    };
    let last = cells.height() - 1;
    assert_eq!(text("data_digest", last).unwrap(), "data-of-ucf101");
    assert_eq!(text("train_data_digest", last).unwrap(), "data-of-ucf101");
    assert_eq!(text("base_weights_digest", 0).unwrap(), "0123456789abcdef");
    assert_eq!((text("train_data_digest", 0), text("picks_digest", 0)), (None, None));
}

#[test]
fn gpu_seconds_are_null_on_a_cpu_and_all_seconds_on_a_gpu() {
    let mut results = made();
    results[1].cells[0].1.run.place.device = "cuda:0 A device".into();
    results[1].training.run.place.device = "cuda:0 A device".into();
    let cells = cells_frame(&results).unwrap();
    let float = |column: &str, row| cells.column(column).unwrap().f64().unwrap().get(row);
    assert_eq!((float("train_gpu_s", 0), float("evaluate_gpu_s", 0)), (None, None));
    assert_eq!((float("train_gpu_s", 4), float("evaluate_gpu_s", 4)), (Some(6.25), Some(1.5)));
}

#[test]
fn tokens_are_counted_back_from_their_rates() {
    let cells = cells_frame(&made()).unwrap();
    let number = |column: &str, row| cells.column(column).unwrap().i64().unwrap().get(row);
    assert_eq!((number("train_tokens", 4), number("train_images", 4)), (Some(3840), Some(192)));
    assert_eq!((number("train_tokens", 0), number("evaluate_tokens", 0)), (Some(0), Some(456)));
}

#[test]
fn a_reward_has_its_column_and_others_are_null() {
    let curves = curves_frame(&made()).unwrap();
    let of = |column: &str| curves.column(column).unwrap();
    assert_eq!(of("reward_accuracy_string").f64().unwrap().get(0), Some(0.5));
    assert_eq!(of("reward_format").null_count(), curves.height());
}

#[test]
fn a_step_has_its_seconds_and_its_entropy_where_they_were_measured() {
    let mut results = made();
    let [measured, older] = [1, 2].map(|idx| results[idx].trial.key());
    results[2].training.run.steps.clear();
    for step in &mut results[2].training.outcome.steps {
        step.rollout.as_mut().unwrap().entropy = None;
    }
    let curves = curves_frame(&results).unwrap();
    let trials = curves.column("trial").unwrap().str().unwrap();
    let of = |trial: &str, column: &str| -> Vec<Option<f64>> {
        let values = curves.column(column).unwrap().f64().unwrap();
        let rows = trials.iter().zip(values.iter());
        rows.filter(|(of, _)| *of == Some(trial)).map(|(_, value)| value).collect()
    };
    assert_eq!(of(&measured, "rollout_s"), [0.55, 0.85, 1.15, 1.45].map(Some));
    for (column, value) in [("load_s", 0.0), ("reward_s", 0.125), ("update_s", 0.5)] {
        assert_eq!(of(&measured, column), [Some(value); 4], "{column}");
    }
    assert_eq!(of(&measured, "entropy")[..2], [Some(0.5), Some(0.25)]);
    for column in ["load_s", "rollout_s", "reward_s", "update_s", "entropy"] {
        assert_eq!(of(&older, column), [None; 4], "{column}");
    }
}

#[test]
fn what_is_not_a_number_is_null_in_every_frame() {
    let mut results = made();
    let step = &mut results[1].training.outcome.steps[3];
    (step.loss, step.grad_norm) = (f64::NAN, f64::INFINITY);
    results[1].training.run.tokens_per_second = f64::NAN;
    results[1].cells[0].1.outcome.mean_tokens = f64::NAN;
    let (cells, curves) = (cells_frame(&results).unwrap(), curves_frame(&results).unwrap());
    assert_eq!(curves.column("loss").unwrap().null_count(), 1);
    assert_eq!(cells.column("final_loss").unwrap().null_count(), 4 + 2);
    for frame in [cells, curves] {
        for column in frame.columns() {
            let Ok(values) = column.f64() else { continue };
            assert!(values.iter().flatten().all(f64::is_finite), "{}", column.name());
        }
    }
}

#[test]
fn a_cell_without_a_picture_has_no_accuracy() {
    let mut results = made();
    let outcome = &mut results[0].cells[0].1.outcome;
    (outcome.n, outcome.n_correct_published, outcome.n_correct_strict) = (0, 0, 0);
    (outcome.n_truncated, outcome.n_untagged, outcome.mean_tokens) = (0, 0, f64::NAN);
    let cells = cells_frame(&results).unwrap();
    for column in ["published_pct", "strict_pct", "mean_tokens"] {
        assert_eq!(cells.column(column).unwrap().null_count(), 1, "{column}");
    }
    assert_eq!(cells.column("evaluate_tokens").unwrap().null_count(), 0);
    let cell = results[0].cells[0].1.outcome.cell;
    assert_eq!(samples_frame(&results[0], cell, &[]).unwrap().height(), 0);
}

#[test]
fn other_readers_read_the_frames() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/python/read_frames.py");
    let folder = tempfile::tempdir().unwrap();
    let results = made();
    let at = |name: &str| folder.path().join(name);
    for format in FrameFormat::ALL {
        write_frame(&cells_frame(&results).unwrap(), &format.at(&at("made")), format).unwrap();
        let curves = curves_frame(&results).unwrap();
        write_frame(&curves, &format.at(&at("made.curves")), format).unwrap();
        let report = made_report(&GRID.plan(), &results).unwrap();
        write_frame(report.transfer(), &format.at(&at("made.transfer")), format).unwrap();
    }
    let read = &mut |trial: &clsrl_spec::Trial, cell| {
        let own = results.iter().find(|results| results.trial == *trial).unwrap();
        let mut predictions = predictions(
            &own.cells.iter().find(|(_, record)| record.outcome.cell == cell).unwrap().1,
        );
        predictions[0].image = "a,\"b\"\n<script>|_&%.jpg".into();
        Ok(predictions)
    };
    write_samples(&results, &at("made.samples"), &FrameFormat::ALL, read).unwrap();
    let python = std::env::var("CLSRL_PYTHON").unwrap_or_else(|_| "python3".into());
    let mut command = Command::new(&python);
    let command = command.arg(script).arg(at("made")).args(["12", "576", "16", "9"]);
    let Ok(output) = command.output() else {
        return eprintln!("skipped: `{python}` does not start");
    };
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    eprint!("{said}");
}
