//! From two runs to the gate's questions: cells paired by seed and image, and their averages.

use std::collections::{BTreeMap, BTreeSet};

use clsrl_spec::{CellKey, Form, MethodId, PromptStyle, Scorer, Seed};

use super::{Baseline, Digests, SavedCell, SavedKey};
use crate::{
    gate::{Absence, Comparison, Evidence, MaxDrop},
    statistics::{Average, AveragedCell, Scores, StatisticsError, Verdicts},
    verdicts::Repeats,
};

/// A cell of the run that is gated.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// Its name.
    pub key: SavedKey,
    /// Its verdicts, or why there are none.
    pub found: Result<SavedCell, Absent>,
}

/// Why something cannot be judged, for the gate and for the reader.
#[derive(Debug, Clone, PartialEq)]
pub struct Absent {
    /// For the gate.
    pub absence: Absence,
    /// For the reader, in a line.
    pub reason: String,
}

/// Two runs to be paired.
#[derive(Debug, Clone, Copy)]
pub struct Pairing<'a> {
    /// The run before.
    pub baseline: &'a Baseline,
    /// The cells of the run after, done or not.
    pub observed: &'a [Observed],
    /// What the run after was made from.
    pub digests: &'a Digests,
    /// Whose verdicts count.
    pub scorer: Scorer,
    /// The drop that is allowed.
    pub max_drop: MaxDrop,
}

/// A question to the gate, and what is known of it beside the evidence.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Asked {
    pub(super) comparison: Comparison,
    /// Why there is no evidence.
    pub(super) reason: Option<String>,
    /// Whether further seeds could be run; zero-shot has none.
    pub(super) has_seeds: bool,
}

/// Cells that are averaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Together {
    method: MethodId,
    form: Form,
    prompt: PromptStyle,
    shots: usize,
    part: Part,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    All,
    InDomain,
    Others,
}

type Grouped = BTreeMap<Repeats, Result<Scores, Absent>>;

/// The cells of an average, or why one of them has no scores.
type Members<'a> = Vec<(Repeats, &'a Result<Scores, Absent>)>;

/// The seeds of a cell, each before and after.
type Seeds = Vec<(Seed, Result<Pair, Absent>)>;

impl Pairing<'_> {
    /// The questions: averages, then cells. A cell of the baseline that is not in `is_asked` is none.
    pub(super) fn families(&self, is_asked: &dyn Fn(&SavedKey) -> bool) -> [Vec<Asked>; 2] {
        let grouped = self.grouped(is_asked);
        let cells = grouped.iter().map(|(group, scores)| {
            let evidence = scores
                .as_ref()
                .map_err(Absent::clone)
                .and_then(|scores| average(&[(*group, scores)]));
            self.ask(group.name(), group.source.is_some(), evidence)
        });
        let cells = cells.collect();
        let mut together: BTreeMap<Together, Members> = BTreeMap::new();
        for (group, scores) in &grouped {
            together.entry(Together::of(*group)).or_default().push((*group, scores));
        }
        let averages = together.into_iter().map(|(together, members)| {
            self.ask(together.name(), together.part != Part::All, average_of_all(&members))
        });
        [averages.collect(), cells]
    }

    fn ask(&self, name: String, has_seeds: bool, evidence: Result<Average, Absent>) -> Asked {
        let max_drop = self.max_drop;
        let (evidence, reason) = match evidence {
            Ok(average) => (Evidence::Changes(average), None),
            Err(Absent { absence, reason }) => (Evidence::Absent(absence), Some(reason)),
        };
        Asked { comparison: Comparison { name, evidence, max_drop }, reason, has_seeds }
    }

    fn grouped(&self, is_asked: &dyn Fn(&SavedKey) -> bool) -> Grouped {
        let before: BTreeMap<SavedKey, &SavedCell> =
            self.baseline.cells.iter().map(|cell| (cell.key, cell)).collect();
        let after: BTreeMap<SavedKey, &Observed> =
            self.observed.iter().map(|observed| (observed.key, observed)).collect();
        let saved = before.keys().filter(|key| is_asked(key));
        let keys: BTreeSet<SavedKey> = saved.chain(after.keys()).copied().collect();
        let mut by_group: BTreeMap<Repeats, Seeds> = BTreeMap::new();
        for key in keys {
            let pair = self.pair(before.get(&key).copied(), after.get(&key).copied());
            by_group.entry(Repeats::of(key)).or_default().push((key.seed, pair));
        }
        by_group.into_iter().map(|(group, pairs)| (group, scores_of(pairs))).collect()
    }

    /// The verdicts before and after, where they can be compared.
    fn pair(&self, before: Option<&SavedCell>, after: Option<&Observed>) -> Result<Pair, Absent> {
        let after = match after {
            None => return Err(absent(Absence::Missing, "it is not in the plan any more")),
            Some(observed) => observed.found.as_ref().map_err(Absent::clone)?,
        };
        let before =
            before.ok_or_else(|| absent(Absence::Missing, "the baseline has no such cell"))?;
        if !after.locked {
            return Err(absent(Absence::LockDiffers, "its data is not as locked"));
        }
        if !before.locked {
            return Err(absent(Absence::LockDiffers, "the baseline's data was not as locked"));
        }
        let differences = self.baseline.digests.differences(self.digests, before);
        if !differences.is_empty() {
            let reason = format!("not those of the baseline: {}", differences.join(", "));
            return Err(absent(Absence::LockDiffers, &reason));
        }
        if before.images != after.images {
            let reason = format!(
                "it was asked about other images than the baseline: {} then, {} now",
                before.n(),
                after.n()
            );
            return Err(absent(Absence::Stale, &reason));
        }
        Ok(Pair { before: self.verdicts(before)?, after: self.verdicts(after)? })
    }

    fn verdicts(&self, cell: &SavedCell) -> Result<Verdicts, Absent> {
        let right = match self.scorer {
            Scorer::Published => &cell.published,
            Scorer::Strict => &cell.strict,
        };
        // Both sides have the digest of the same positions, so the place among them names an image.
        Verdicts::new(right.iter().copied().enumerate()).map_err(unlike)
    }
}

struct Pair {
    before: Verdicts,
    after: Verdicts,
}

fn scores_of(pairs: Seeds) -> Result<Scores, Absent> {
    let mut runs = Vec::new();
    let mut worst: Option<Absent> = None;
    for (seed, pair) in &pairs {
        match pair {
            Ok(pair) => runs.push((*seed, &pair.before, &pair.after)),
            Err(Absent { absence, reason }) => {
                let reason = match pairs.len() {
                    1 => reason.clone(),
                    _ => format!("seed {seed}: {reason}"),
                };
                keep_worse(&mut worst, Absent { absence: absence.clone(), reason });
            }
        }
    }
    match worst {
        Some(absent) => Err(absent),
        None => Scores::of_change(&runs).map_err(unlike),
    }
}

fn average(cells: &[(Repeats, &Scores)]) -> Result<Average, Absent> {
    let names: Vec<(String, String)> =
        cells.iter().map(|(group, _)| (group.fine_tunes(), group.images())).collect();
    let cells: Vec<AveragedCell<'_>> = cells
        .iter()
        .zip(&names)
        .map(|((_, scores), (fine_tunes, images))| AveragedCell { fine_tunes, images, scores })
        .collect();
    Average::new(&cells).map_err(unlike)
}

fn average_of_all(members: &[(Repeats, &Result<Scores, Absent>)]) -> Result<Average, Absent> {
    let mut present = Vec::new();
    let mut worst = None;
    for (group, scores) in members {
        match scores {
            Ok(scores) => present.push((*group, scores)),
            Err(absent) => keep_worse(&mut worst, absent.clone()),
        }
    }
    let Some(Absent { absence, reason }) = worst else { return average(&present) };
    let n_absent = members.len() - present.len();
    let reason = match members.len() {
        1 => reason,
        n => format!("{n_absent} of its {n} cells cannot be judged; one of them: {reason}"),
    };
    Err(Absent { absence, reason })
}

/// What differs from the lock tells more than what is missing; otherwise the first is given.
fn keep_worse(worst: &mut Option<Absent>, other: Absent) {
    let is_lock = |absent: &Absent| absent.absence == Absence::LockDiffers;
    if worst.as_ref().is_none_or(|worst| is_lock(&other) && !is_lock(worst)) {
        *worst = Some(other);
    }
}

impl Together {
    /// Those that a cell is averaged with.
    pub(crate) fn of(cells: Repeats) -> Self {
        let part = match cells.source {
            None => Part::All,
            Some(source) if source == cells.cell.target => Part::InDomain,
            Some(_) => Part::Others,
        };
        let CellKey { form, prompt, .. } = cells.cell;
        Together { method: cells.method, form, prompt, shots: cells.shots, part }
    }

    /// Names the average.
    pub(crate) fn name(&self) -> String {
        let Together { method, form, prompt, shots, part } = self;
        let form = match form {
            Form::FewShot => String::new(),
            form => format!(".{form}"),
        };
        match part {
            Part::All => format!("{method} → all{form}.{prompt}"),
            Part::InDomain => format!("{method}.{shots}shot → in-domain{form}.{prompt}"),
            Part::Others => format!("{method}.{shots}shot → others{form}.{prompt}"),
        }
    }
}

fn absent(absence: Absence, reason: &str) -> Absent {
    Absent { absence, reason: reason.to_owned() }
}

fn unlike(error: StatisticsError) -> Absent {
    Absent { reason: error.to_string(), absence: Absence::Unlike(error) }
}
