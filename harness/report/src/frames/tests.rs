//! The frames and their files, on made-up results.

use std::{fs, path::Path, process::Command};

use clsrl_spec::{DatasetId, MethodId};
use polars::prelude::DataFrame;
use polars_io::{SerReader, parquet::read::ParquetReader};

use super::{cells_frame, curves_frame, write_parquet};
use crate::{
    ReportError, TrialResults,
    made::{Grid, all_results},
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
    assert_eq!(documented("\n## Curves"), actual(curves_frame(&made()).unwrap()));
}

#[test]
fn parquet_gives_back_the_frame_and_replaces_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cells.parquet");
    fs::write(&path, "something older").unwrap();
    for mut frame in [cells_frame(&made()).unwrap(), cells_frame(&[]).unwrap()] {
        write_parquet(&mut frame, &path).unwrap();
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
        write_parquet(&mut cells_frame(&results).unwrap(), path).unwrap();
        results.reverse();
    }
    assert_eq!(fs::read(&paths[0]).unwrap(), fs::read(&paths[1]).unwrap());
}

#[test]
fn a_file_that_cannot_be_written_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing").join("cells.parquet");
    let error = write_parquet(&mut cells_frame(&made()).unwrap(), &path).unwrap_err();
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
fn other_readers_read_the_frames() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/python/read_frames.py");
    let folder = tempfile::tempdir().unwrap();
    let [cells, curves] = ["cells.parquet", "curves.parquet"].map(|name| folder.path().join(name));
    write_parquet(&mut cells_frame(&made()).unwrap(), &cells).unwrap();
    write_parquet(&mut curves_frame(&made()).unwrap(), &curves).unwrap();
    let python = std::env::var("CLSRL_PYTHON").unwrap_or_else(|_| "python3".into());
    let mut command = Command::new(&python);
    let Ok(output) = command.arg(script).args([&cells, &curves]).args(["12", "16"]).output() else {
        return eprintln!("skipped: `{python}` does not start");
    };
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    eprint!("{said}");
}
