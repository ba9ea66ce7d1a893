//! Counts of made-up samples.

use std::fs;

use clsrl_spec::{DatasetId, MethodId};

use super::*;
use crate::{
    FrameFormat,
    made::{Grid, all_results, predictions},
    samples_frame, write_frame,
};

const GRID: Grid<'_> = Grid {
    methods: &[MethodId::ZeroShot],
    datasets: &[DatasetId::Dtd, DatasetId::Eurosat],
    shots: &[4],
    seeds: &[1],
};

#[test]
fn counts_are_those_of_the_records() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("samples.parquet");
    let results = all_results(&GRID.plan()).remove(0);
    let mut samples: Option<DataFrame> = None;
    for (_, record) in &results.cells {
        let frame = samples_frame(&results, record.outcome.cell, &predictions(record)).unwrap();
        samples = Some(samples.map_or(frame.clone(), |samples| samples.vstack(&frame).unwrap()));
    }
    write_frame(&samples.unwrap(), &path, FrameFormat::Parquet).unwrap();
    let tally = tally_samples(&path, &["cell_id"]).unwrap();
    assert_eq!(tally.height(), 4);
    for (row, (id, record)) in results.cells.iter().enumerate() {
        let count = |column: &str| tally.column(column).unwrap().i64().unwrap().get(row).unwrap();
        let outcome = &record.outcome;
        let (published, strict) = (outcome.n_correct_published, outcome.n_correct_strict);
        assert_eq!(tally.column("cell_id").unwrap().str().unwrap().get(row), Some(id.as_str()));
        assert_eq!(count("n_correct_published"), published as i64);
        assert_eq!(count("n_parse_ok"), strict as i64);
        assert_eq!(count("n_parse_off_list"), (outcome.n - strict) as i64);
        assert_eq!(count("n_ambiguous"), (published - strict) as i64);
        assert_eq!((count("n"), count("n_thought_answer")), (48, 48));
    }
}

#[test]
fn a_file_that_is_no_frame_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("samples.parquet");
    let missing = tally_samples(&path, &["method"]).unwrap_err().to_string();
    assert!(missing.starts_with("cannot read") && missing.contains("samples.parquet"));
    fs::write(&path, "PAR1 half a file").unwrap();
    let broken = tally_samples(&path, &["method"]).unwrap_err().to_string();
    assert!(broken.contains("samples.parquet") && broken.ends_with("is not a readable frame"));
}
