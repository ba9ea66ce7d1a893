//! From changes to verdicts.

use std::collections::BTreeSet;

use super::{Absence, Comparison, Evidence};
use crate::statistics::{Average, Change, Interval, Level};

/// The gate's word on one comparison.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// The interval lies wholly above the allowed drop.
    Pass,
    /// The interval lies wholly below it.
    Fail,
    /// The allowed drop lies in the interval.
    Inconclusive(Needed),
    /// There is nothing to judge.
    Absent(Absence),
}

/// What would settle an open comparison if its change stayed as it is; either alone does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needed {
    /// Further images, shared by the targets as now; none if images alone cannot settle it.
    pub images: Option<usize>,
    /// Further seeds of every fine-tune, supposing that verdicts differ independently from seed to seed;
    /// none if no verdict differs, or no number settles it.
    pub seeds: Option<usize>,
}

/// A comparison, judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// What was compared.
    pub name: String,
    /// The word on it.
    pub verdict: Verdict,
    /// What it rests on; none where there is nothing to judge.
    pub measured: Option<Measured>,
}

/// What a verdict rests on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// The mean change, in points.
    pub change_points: f64,
    /// Its interval, in points: the lower end at the gate's level, the upper one at `fail_level`.
    pub interval: Interval,
    /// The level that this comparison was allowed to fail at.
    pub fail_level: Level,
    /// Images, those of one target counted once.
    pub n_images: usize,
    /// The fewest seeds of a cell.
    pub n_seeds: usize,
    /// Whether any verdict differs.
    pub differs: bool,
}

/// The gate's word on everything, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Overall {
    /// Something failed.
    Fail,
    /// Nothing failed, but the data or weights of something are others.
    LockDiffers,
    /// Neither, but something is missing, failed, stale or unlike.
    Incomplete,
    /// Everything was judged, and something is open. So is a gate that was asked nothing.
    Inconclusive,
    /// Everything passed.
    Pass,
}

/// Judges families of comparisons, for example averages and cells.
///
/// The level is shared evenly among the families that have something to judge, and within a family by
/// Holm's procedure. So where no comparison's true drop is above what is allowed, the chance that any
/// fails is at most the level.
pub fn judge(families: &[Vec<Comparison>], level: Level) -> Vec<Vec<Judged>> {
    let is_judged = |comparison: &Comparison| matches!(comparison.evidence, Evidence::Changes(_));
    let n_families = families.iter().filter(|family| family.iter().any(is_judged)).count();
    families.iter().map(|family| judge_family(family, level, level.shared_by(n_families))).collect()
}

/// The gate's word on all comparisons together.
pub fn overall<'a>(judged: impl IntoIterator<Item = &'a Judged>) -> Overall {
    let word = |judged: &Judged| match &judged.verdict {
        Verdict::Pass => Overall::Pass,
        Verdict::Fail => Overall::Fail,
        Verdict::Inconclusive(_) => Overall::Inconclusive,
        Verdict::Absent(Absence::LockDiffers) => Overall::LockDiffers,
        Verdict::Absent(_) => Overall::Incomplete,
    };
    judged.into_iter().map(word).min().unwrap_or(Overall::Inconclusive)
}

/// A comparison's changes, summed up.
struct Summed<'a> {
    change: Change,
    average: &'a Average,
    border: f64,
}

fn judge_family(family: &[Comparison], level: Level, family_level: Level) -> Vec<Judged> {
    let summed: Vec<Result<Summed<'_>, &Absence>> = family
        .iter()
        .map(|comparison| match &comparison.evidence {
            Evidence::Absent(absence) => Err(absence),
            Evidence::Changes(average) => {
                let border = -comparison.max_drop.points();
                Ok(Summed { change: Change::of(average), average, border })
            }
        })
        .collect();
    let present: Vec<&Summed<'_>> = summed.iter().flatten().collect();
    let mut fail_levels = fail_levels(&present, family_level).into_iter();
    let judge_one = |(comparison, summed): (&Comparison, &Result<Summed<'_>, &Absence>)| {
        let name = comparison.name.clone();
        match summed {
            Err(absence) => {
                Judged { name, verdict: Verdict::Absent((*absence).clone()), measured: None }
            }
            Ok(summed) => {
                let fail_level = fail_levels.next().expect("there is one for every change");
                let (verdict, measured) = summed.judge(level, fail_level);
                Judged { name, verdict, measured: Some(measured) }
            }
        }
    };
    family.iter().zip(&summed).map(judge_one).collect()
}

/// The level of every change by Holm's procedure: whenever some fail, the others share it among fewer.
fn fail_levels(summed: &[&Summed<'_>], level: Level) -> Vec<Level> {
    let mut levels = vec![level; summed.len()];
    let mut failed = BTreeSet::new();
    loop {
        let n_failed = failed.len();
        let share = level.shared_by(summed.len() - n_failed);
        for (at, summed) in summed.iter().enumerate() {
            if failed.contains(&at) {
                continue;
            }
            levels[at] = share;
            if summed.change.upper_points(share) < summed.border {
                failed.insert(at);
            }
        }
        if failed.len() == n_failed {
            return levels;
        }
    }
}

impl Summed<'_> {
    fn judge(&self, pass_level: Level, fail_level: Level) -> (Verdict, Measured) {
        let interval = Interval {
            lower: self.change.lower_points(pass_level),
            upper: self.change.upper_points(fail_level),
        };
        let verdict = match (interval.upper < self.border, self.border < interval.lower) {
            (true, _) => Verdict::Fail,
            (false, true) => Verdict::Pass,
            (false, false) => Verdict::Inconclusive(self.needed(pass_level, fail_level)),
        };
        let measured = Measured {
            change_points: self.change.points(),
            interval,
            fail_level,
            n_images: self.average.n_images(),
            n_seeds: self.average.fewest_seeds(),
            differs: self.change.is_any(),
        };
        (verdict, measured)
    }

    /// How much more brings the interval's nearer end to the border, as widths shrink with the root.
    fn needed(&self, pass_level: Level, fail_level: Level) -> Needed {
        let distance = (self.change.points() - self.border).abs();
        let reach = match self.change.points() < self.border {
            true => self.change.reach_above(fail_level),
            false => self.change.reach_below(pass_level),
        };
        let for_images = distance.powi(2) - reach.seeds.powi(2);
        Needed {
            images: further(self.average.n_images(), reach.images.powi(2) / for_images),
            seeds: further(self.average.fewest_seeds(), (reach.whole() / distance).powi(2))
                .filter(|_| self.change.is_any()),
        }
    }
}

/// Beyond this many times as many, a number is no advice.
const MOST_TIMES: f64 = 1e6;

fn further(n: usize, times: f64) -> Option<usize> {
    let is_advice = 0.0 < times && times < MOST_TIMES;
    is_advice.then(|| ((n as f64 * times).floor() as usize + 1).saturating_sub(n).max(1))
}
