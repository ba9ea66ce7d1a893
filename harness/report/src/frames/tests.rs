//! The frames and their files, on made-up results.

use std::{fs, path::Path, process::Command};

use clsrl_spec::{DatasetId, MethodId, RewardId};
use polars_core::prelude::{Column, DataFrame};

use super::{
    FrameFormat, SamplePaths, frame,
    parquet::{read_columns, schema},
    samples_frame, write_frame, write_samples,
};
use crate::{
    CellRow, ClassRow, FrameRow, ReportError, SampleRow, StepRow, TransferRow, TrialResults,
    TrialRow,
    made::{Grid, all_results, made_report, predictions},
    rows,
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
    let columns = CellRow::columns().into_iter().map(|column| column.name);
    read_columns(&mut fs::File::open(path).unwrap(), columns).unwrap()
}

fn cells_frame(results: &[TrialResults]) -> Result<DataFrame, ReportError> {
    frame(&CellRow::all(results)?)
}

fn curves_frame(results: &[TrialResults]) -> Result<DataFrame, ReportError> {
    frame(&StepRow::all(results))
}

fn write_parquet<R: FrameRow>(rows: &[R], path: &Path) -> Result<(), ReportError> {
    write_frame(rows, path, FrameFormat::Parquet)
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
    let documented = |heading: &str| -> Vec<[String; 3]> {
        let (_, section) = readme.split_once(heading).unwrap();
        let section = section.split("\n## ").next().unwrap();
        let rows = section.lines().filter(|line| line.starts_with("| `"));
        let cells = |row: &str| row.split('|').map(|cell| cell.trim().replace('`', "")).collect();
        rows.map(|row| {
            let cells: Vec<String> = cells(row);
            [cells[1].clone(), cells[2].clone(), cells[3].clone()]
        })
        .collect()
    };
    fn actual<R: FrameRow>(frame: DataFrame) -> Vec<[String; 3]> {
        let columns = frame.columns().iter().zip(R::columns());
        let column = |(of, row): (&Column, rows::Column)| {
            assert!(!row.meaning.is_empty(), "{}", row.name);
            [of.name().to_string(), of.dtype().to_string(), row.unit.to_owned()]
        };
        columns.map(column).collect()
    }
    assert_eq!(documented("\n## Cells"), actual::<CellRow>(cells_frame(&made()).unwrap()));
    let trials = frame(&TrialRow::all(&made())).unwrap();
    assert_eq!(documented("\n## Trials"), actual::<TrialRow>(trials));
    assert_eq!(documented("\n## Samples"), actual::<SampleRow<'_>>(samples(&made()[0])));
    let classes = frame::<ClassRow<'_>>(&[]).unwrap();
    assert_eq!(documented("\n## Classes"), actual::<ClassRow<'_>>(classes));
    assert_eq!(documented("\n## Curves"), actual::<StepRow>(curves_frame(&made()).unwrap()));
    let report = made_report(&GRID.plan(), &made()).unwrap();
    let transfer = frame(report.transfer()).unwrap();
    assert_eq!(documented("\n## Transfer"), actual::<TransferRow>(transfer));
}

#[test]
fn the_arrow_schema_tells_unit_and_meaning() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cells.parquet");
    write_parquet(&CellRow::all(&made()).unwrap(), &path).unwrap();
    let schema = schema(&mut fs::File::open(path).unwrap()).unwrap();
    let metadata = |name: &str, key: &str| {
        let metadata = schema.try_get(name).unwrap().metadata.clone().unwrap();
        metadata.get(key).map(|text| text.to_string())
    };
    assert_eq!(metadata("train_s", "unit").as_deref(), Some("s"));
    assert_eq!(metadata("train_s", "description").as_deref(), Some("Seconds of all three."));
    assert_eq!(metadata("method", "unit"), None);
    assert_eq!(metadata("method", "description").as_deref(), Some("The trial's method."));
}

#[test]
fn parquet_gives_back_the_frame_and_replaces_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cells.parquet");
    fs::write(&path, "something older").unwrap();
    for rows in [CellRow::all(&made()).unwrap(), Vec::new()] {
        write_parquet(&rows, &path).unwrap();
        assert!(read(&path).equals_missing(&frame(&rows).unwrap()));
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn the_same_results_give_the_same_parquet_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["a", "b"].map(|name| folder.path().join(name));
    let mut results = made();
    for path in &paths {
        write_parquet(&CellRow::all(&results).unwrap(), path).unwrap();
        results.reverse();
    }
    assert_eq!(fs::read(&paths[0]).unwrap(), fs::read(&paths[1]).unwrap());
}

#[test]
fn a_file_that_cannot_be_written_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing").join("cells.parquet");
    let error = write_parquet(&CellRow::all(&made()).unwrap(), &path).unwrap_err();
    assert!(error.to_string().contains("cells.parquet"), "{error}");
}

#[test]
fn a_reward_has_its_column_and_others_are_null() {
    let curves = curves_frame(&made()).unwrap();
    let of = |column: &str| curves.column(column).unwrap();
    assert_eq!(of("reward_accuracy_string").f64().unwrap().get(0), Some(0.5));
    assert_eq!(of("reward_format").null_count(), curves.height());
}

#[test]
fn every_reward_has_a_column() {
    let columns: Vec<&str> = StepRow::columns().iter().map(|column| column.name).collect();
    for id in RewardId::ALL {
        let name = format!("reward_{}", id.as_str().replace('-', "_"));
        assert!(columns.contains(&name.as_str()), "{name}");
    }
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
fn a_cell_without_an_image_has_no_accuracy() {
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
        let cells = CellRow::all(&results).unwrap();
        write_frame(&cells, &format.at(&at("made")), format).unwrap();
        let trials = TrialRow::all(&results);
        write_frame(&trials, &format.at(&at("made.trials")), format).unwrap();
        let steps = StepRow::all(&results);
        write_frame(&steps, &format.at(&at("made.curves")), format).unwrap();
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
    let (samples, classes) = (at("made.samples"), at("made.classes"));
    let paths = SamplePaths { samples: &samples, classes: &classes };
    write_samples(&results, paths, &FrameFormat::ALL, read).unwrap();
    let python = std::env::var("CLSRL_PYTHON").unwrap_or_else(|_| "python3".into());
    let mut command = Command::new(&python);
    let command = command.arg(script).arg(at("made")).args(["12", "5", "576", "16", "9"]);
    let Ok(output) = command.output() else {
        return eprintln!("skipped: `{python}` does not start");
    };
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    eprint!("{said}");
}
