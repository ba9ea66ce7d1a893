//! Counts of made-up samples.

use std::fs;

use clsrl_spec::{DatasetId, MethodId, Trial};

use super::*;
use crate::{
    FrameFormat, SamplePaths,
    made::{Grid, all_results, read},
    write_samples,
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
    let results = all_results(&GRID.plan());
    let path = folder.path().join("samples");
    let read = &mut |trial: &Trial, cell| read(&results, trial, cell);
    let classes = path.with_extension("classes");
    let paths = SamplePaths { samples: &path, classes: &classes };
    write_samples(&results, paths, &[FrameFormat::Parquet], read).unwrap();
    let tally = tally_samples(&FrameFormat::Parquet.at(&path), &["cell_id"]).unwrap();
    assert_eq!(tally.len(), 4);
    for (id, record) in &results[0].cells {
        let counts = tally.iter().find(|counts| counts.group == [Some(id.clone())]).unwrap();
        let outcome = &record.outcome;
        let (published, strict) = (outcome.n_correct_published, outcome.n_correct_strict);
        assert_eq!((counts.n_correct_published, counts.n_correct_strict), (published, strict));
        assert_eq!(counts.parsed(ParseStatus::Ok), strict);
        assert_eq!(counts.parsed(ParseStatus::OffList), outcome.n - strict);
        assert_eq!(counts.n_ambiguous, published - strict);
        assert_eq!((counts.n, counts.thoughts(ThoughtNames::Answer)), (48, 48));
    }
    let by = ["train_on", "seed", "correct_strict"];
    let tally = tally_samples(&FrameFormat::Parquet.at(&path), &by).unwrap();
    let strict: usize =
        results[0].cells.iter().map(|(_, cell)| cell.outcome.n_correct_strict).sum();
    let group = |truth: &str| vec![None, Some("1".to_owned()), Some(truth.to_owned())];
    let found: Vec<(Group, usize)> =
        tally.into_iter().map(|counts| (counts.group, counts.n)).collect();
    assert_eq!(found, [(group("true"), strict), (group("false"), 4 * 48 - strict)]);
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
