//! What the gate says of a run, whole.

use clsrl_spec::Scorer;

use super::{Pairing, SavedKey, WallClock, pairs::Asked};
use crate::{
    gate::{Absence, Judged, MaxDrop, Needed, Overall, Verdict, judge, overall},
    statistics::Level,
};

/// The gate's word on everything, and what it was asked.
#[derive(Debug, Clone, PartialEq)]
pub struct GateOutcome {
    /// The suite's name.
    pub suite: String,
    /// The baseline's name.
    pub baseline: String,
    /// The commit that the baseline was made with.
    pub baseline_commit: String,
    /// Whose verdicts counted.
    pub scorer: Scorer,
    /// The drop that was allowed.
    pub max_drop: MaxDrop,
    /// The gate's level.
    pub level: Level,
    /// Averages, then cells.
    pub families: [Family; 2],
    /// The word on the wall-clock, if it was asked for.
    pub wall_clock: Option<WallClock>,
    /// What else the reader should know, a line each.
    pub notes: Vec<String>,
}

/// Comparisons of one kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Family {
    /// `averages` or `cells`.
    pub name: &'static str,
    /// In the order of methods and datasets.
    pub rows: Vec<Row>,
}

/// A comparison, judged, and why it could not be, for the reader.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The verdict.
    pub judged: Judged,
    /// Why there is nothing to judge.
    pub reason: Option<String>,
}

impl GateOutcome {
    /// Pairs two runs and judges every average and every cell. A cell of the baseline that the run does
    /// not have counts as missing where `is_asked`.
    pub fn of(
        pairing: &Pairing<'_>,
        level: Level,
        suite: &str,
        baseline: &str,
        is_asked: &dyn Fn(&SavedKey) -> bool,
    ) -> Self {
        let asked = pairing.families(is_asked);
        let comparisons = asked
            .each_ref()
            .map(|family| family.iter().map(|asked| asked.comparison.clone()).collect::<Vec<_>>());
        let mut judged = judge(&comparisons, level).into_iter();
        let families = ["averages", "cells"].into_iter().zip(asked).map(|(name, asked)| {
            let judged = judged.next().expect("there is a list for every family");
            let row = |(mut judged, asked): (Judged, Asked)| {
                match &mut judged.verdict {
                    Verdict::Inconclusive(needed) if !asked.has_seeds => needed.seeds = None,
                    _ => {}
                }
                Row { judged, reason: asked.reason }
            };
            Family { name, rows: judged.into_iter().zip(asked).map(row).collect() }
        });
        let families: Vec<Family> = families.collect();
        GateOutcome {
            suite: suite.to_owned(),
            baseline: baseline.to_owned(),
            baseline_commit: pairing.baseline.commit.clone(),
            scorer: pairing.scorer,
            max_drop: pairing.max_drop,
            level,
            families: families.try_into().expect("there are two families"),
            wall_clock: None,
            notes: Vec::new(),
        }
    }

    /// All rows, averages first.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.families.iter().flat_map(|family| &family.rows)
    }

    /// The word on all accuracies.
    pub fn accuracy(&self) -> Overall {
        overall(self.rows().map(|row| &row.judged))
    }

    /// The word on everything that was asked, the wall-clock among it.
    pub fn overall(&self) -> Overall {
        let wall_clock = self.wall_clock.as_ref().map_or(Overall::Pass, WallClock::overall);
        self.accuracy().min(wall_clock)
    }

    /// Whether something was compared, and no verdict differs in any of it.
    pub(super) fn is_unchanged(&self) -> bool {
        let mut measured = self.rows().filter_map(|row| row.judged.measured).peekable();
        measured.peek().is_some() && measured.all(|measured| !measured.differs)
    }

    pub(super) fn scorer_name(&self) -> &'static str {
        match self.scorer {
            Scorer::Published => "published",
            Scorer::Strict => "strict",
        }
    }

    /// The number of rows of each word, the worst first; words that no row has are left out.
    pub(super) fn counts(&self, rows: &[Row]) -> Vec<(&'static str, usize)> {
        let words = [
            "fail",
            "lock differs",
            "missing",
            "failed",
            "stale",
            "unlike",
            "inconclusive",
            "pass",
        ];
        let count = |word| (word, rows.iter().filter(|row| row.word() == word).count());
        words.map(count).into_iter().filter(|(_, n)| 0 < *n).collect()
    }
}

/// The word on everything.
pub(super) fn overall_word(overall: Overall) -> &'static str {
    match overall {
        Overall::Fail => "fail",
        Overall::LockDiffers => "lock differs",
        Overall::Incomplete => "incomplete",
        Overall::Inconclusive => "inconclusive",
        Overall::Pass => "pass",
    }
}

impl Row {
    /// The verdict in a word or two.
    pub fn word(&self) -> &'static str {
        match &self.judged.verdict {
            Verdict::Pass => "pass",
            Verdict::Fail => "fail",
            Verdict::Inconclusive(_) => "inconclusive",
            Verdict::Absent(Absence::Missing) => "missing",
            Verdict::Absent(Absence::Failed) => "failed",
            Verdict::Absent(Absence::Stale) => "stale",
            Verdict::Absent(Absence::LockDiffers) => "lock differs",
            Verdict::Absent(Absence::Unlike(_)) => "unlike",
        }
    }

    /// Whether it is open although no verdict differs: so few images are no evidence either way.
    pub(super) fn is_open_unchanged(&self) -> bool {
        let differs = self.judged.measured.is_none_or(|measured| measured.differs);
        matches!(self.judged.verdict, Verdict::Inconclusive(_)) && !differs
    }

    pub(super) fn is_pass(&self) -> bool {
        self.judged.verdict == Verdict::Pass
    }

    /// What the reader should know beside the word: why there is no verdict, or what would settle it.
    pub(super) fn remark(&self) -> String {
        match &self.judged.verdict {
            Verdict::Inconclusive(needed) => settles(*needed),
            _ => self.reason.clone().unwrap_or_default(),
        }
    }
}

/// The smallest allowed drop, in tenths of a point, of which every open row would pass as it is.
pub(super) fn passing_drop<'r>(rows: impl IntoIterator<Item = &'r Row>) -> Option<f64> {
    let is_open = |row: &&Row| matches!(row.judged.verdict, Verdict::Inconclusive(_));
    let lower = |row: &Row| row.judged.measured.map(|measured| measured.interval.lower);
    let lowest = rows.into_iter().filter(is_open).filter_map(lower).reduce(f64::min)?;
    // A row passes where its lower end lies above the border, not on it.
    Some((-lowest * 10.0).floor() / 10.0 + 0.1).filter(|drop| *drop <= 100.0)
}

/// What the reader should know of open rows in which no verdict differs, in one line for all of them.
pub(super) fn summarize_alike(rows: &[&Row], family: &str) -> String {
    let mut line = format!("{} {family} without a verdict that differs", rows.len());
    let needed = |row: &&Row| match &row.judged.verdict {
        Verdict::Inconclusive(needed) => needed.images,
        _ => None,
    };
    let ways: Vec<String> = [
        passing_drop(rows.iter().copied()).map(|drop| format!("--max-drop {drop:.1} passes them")),
        rows.iter()
            .filter_map(needed)
            .max()
            .map(|n| format!("up to {n} more images would settle it")),
    ]
    .into_iter()
    .flatten()
    .collect();
    if !ways.is_empty() {
        line += &format!("; {}", ways.join(", or "));
    }
    line
}

fn settles(needed: Needed) -> String {
    let plural = |n: usize, what: &str| match n {
        1 => format!("1 more {what}"),
        n => format!("{n} more {what}s"),
    };
    match (needed.images, needed.seeds) {
        (Some(images), Some(seeds)) => {
            format!("{} or {} would settle it", plural(images, "image"), plural(seeds, "seed"))
        }
        (Some(images), None) => format!("{} would settle it", plural(images, "image")),
        (None, Some(seeds)) => format!("{} would settle it", plural(seeds, "seed")),
        (None, None) => {
            "it lies at the border, no number of images or seeds is known to settle it".to_owned()
        }
    }
}
