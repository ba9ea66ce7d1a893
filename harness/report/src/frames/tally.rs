//! Counting samples: from the samples' file to a row per group.

use std::{
    collections::{BTreeSet, HashMap},
    path::Path,
};

use clsrl_spec::{ParseStatus, ThoughtNames};
use polars_core::prelude::{DataFrame, DataType, PolarsResult};

use super::parquet::read_columns;
use crate::ReportError;

/// The columns that are counted.
const COUNTED: [&str; 5] =
    ["correct_published", "correct_strict", "parse_status", "ambiguous", "thought_names"];

/// How many samples of a group are what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleCounts {
    /// The group's values of the columns that it is grouped by; none is null.
    pub group: Vec<Option<String>>,
    /// All samples.
    pub n: usize,
    /// Correct by the published score.
    pub n_correct_published: usize,
    /// Correct by the strict score.
    pub n_correct_strict: usize,
    /// Answers that the published score would take for several listed names.
    pub n_ambiguous: usize,
    parsed: [usize; ParseStatus::ALL.len()],
    thoughts: [usize; ThoughtNames::ALL.len()],
}

impl SampleCounts {
    /// The samples of a parse status.
    pub fn parsed(&self, status: ParseStatus) -> usize {
        self.parsed[status as usize]
    }

    /// The samples whose thought names something.
    pub fn thoughts(&self, names: ThoughtNames) -> usize {
        self.thoughts[names as usize]
    }

    fn of(group: Group) -> Self {
        SampleCounts {
            group,
            n: 0,
            n_correct_published: 0,
            n_correct_strict: 0,
            n_ambiguous: 0,
            parsed: [0; ParseStatus::ALL.len()],
            thoughts: [0; ThoughtNames::ALL.len()],
        }
    }
}

/// Counts the samples of a Parquet file by some of its columns, for example by `cell_id`, or by `method`
/// and `prompt`; groups stand in the order of their first samples. Only the columns that are needed are read.
pub fn tally_samples(path: &Path, by: &[&str]) -> Result<Vec<SampleCounts>, ReportError> {
    let mut file = clsrl_files::open(path)
        .map_err(|source| ReportError::Read { path: path.to_owned(), source })?;
    // A column that is both grouped by and counted is read once.
    let columns: BTreeSet<&str> = by.iter().chain(&COUNTED).copied().collect();
    let samples = read_columns(&mut file, columns)
        .map_err(|source| ReportError::Decode { path: path.to_owned(), source })?;
    Ok(tally(&samples, by)?)
}

/// Counts the samples of a frame, as [`tally_samples`] does.
fn tally(samples: &DataFrame, by: &[&str]) -> PolarsResult<Vec<SampleCounts>> {
    let (group_of, groups) = group(samples, by)?;
    let mut counts: Vec<SampleCounts> = groups.into_iter().map(SampleCounts::of).collect();
    for &group in &group_of {
        counts[group].n += 1;
    }
    let mut count_true = |name: &str, count: fn(&mut SampleCounts) -> &mut usize| {
        let truths = samples.column(name)?.bool()?.iter();
        for (&group, _) in group_of.iter().zip(truths).filter(|(_, truth)| *truth == Some(true)) {
            *count(&mut counts[group]) += 1;
        }
        PolarsResult::Ok(())
    };
    count_true("correct_published", |counts| &mut counts.n_correct_published)?;
    count_true("correct_strict", |counts| &mut counts.n_correct_strict)?;
    count_true("ambiguous", |counts| &mut counts.n_ambiguous)?;
    let names = samples.column("parse_status")?.str()?.iter();
    for (&group, name) in group_of.iter().zip(names) {
        let status = ParseStatus::ALL.into_iter().find(|status| Some(status.as_str()) == name);
        status.into_iter().for_each(|status| counts[group].parsed[status as usize] += 1);
    }
    let names = samples.column("thought_names")?.str()?.iter();
    for (&group, name) in group_of.iter().zip(names) {
        let thought = ThoughtNames::ALL.into_iter().find(|names| Some(names.as_str()) == name);
        thought.into_iter().for_each(|names| counts[group].thoughts[names as usize] += 1);
    }
    Ok(counts)
}

/// The values of the columns that are grouped by.
type Group = Vec<Option<String>>;

/// Which group each row is in, and the groups' values, in the order of their first rows.
fn group(samples: &DataFrame, by: &[&str]) -> PolarsResult<(Vec<usize>, Vec<Group>)> {
    let mut group_of = vec![0; samples.height()];
    let mut groups = vec![Vec::new()];
    for name in by {
        let texts = samples.column(name)?.cast(&DataType::String)?;
        let mut split: HashMap<(usize, Option<&str>), usize> = HashMap::new();
        let mut values = Vec::new();
        for (group, text) in group_of.iter_mut().zip(texts.str()?.iter()) {
            *group = *split.entry((*group, text)).or_insert_with(|| {
                let whole: &Group = &groups[*group];
                values.push([&whole[..], &[text.map(str::to_owned)]].concat());
                values.len() - 1
            });
        }
        groups = values;
    }
    Ok((group_of, groups))
}

#[cfg(test)]
mod tests;
