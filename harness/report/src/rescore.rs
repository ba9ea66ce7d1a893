//! Verdicts given anew, from the texts that a run stored: no model, and no record changed.

use clsrl_spec::{
    CellOutcome, CellRecord, Prediction, Scorer, extract_published, has_answer_tag,
    is_correct_published, is_correct_strict,
};

/// A cell under the scorers of this program.
#[derive(Debug, Clone, PartialEq)]
pub struct Rescored {
    /// Its record with the verdicts' counts made anew; nothing else in it differs.
    pub record: CellRecord,
    /// Its predictions with extraction and verdicts made anew.
    pub predictions: Vec<Prediction>,
}

/// What another scorer makes of a cell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ScoreChange {
    /// Images.
    pub n: usize,
    /// Right by the scorer of the run, as it was stored.
    pub n_right_before: usize,
    /// Right by the scorer that is asked for, of this program.
    pub n_right_now: usize,
    /// Wrong before, right now.
    pub n_became_right: usize,
    /// Right before, wrong now.
    pub n_became_wrong: usize,
    /// Answers that one of the scorers of this program reads or judges otherwise than it did at the run.
    pub n_drifted: usize,
}

/// Gives a cell's verdicts anew.
pub fn rescore(record: &CellRecord, stored: &[Prediction]) -> Rescored {
    let again = |stored: &Prediction| {
        let extracted = extract_published(&stored.raw).to_owned();
        Prediction {
            correct_published: is_correct_published(&extracted, &stored.gold),
            correct_strict: is_correct_strict(&stored.raw, &stored.gold),
            extracted,
            ..stored.clone()
        }
    };
    let predictions: Vec<Prediction> = stored.iter().map(again).collect();
    let n_where =
        |holds: fn(&Prediction) -> bool| predictions.iter().filter(|row| holds(row)).count();
    let outcome = CellOutcome {
        n_correct_published: n_where(|row| row.correct_published),
        n_correct_strict: n_where(|row| row.correct_strict),
        n_untagged: n_where(|row| !has_answer_tag(&row.raw)),
        ..record.outcome.clone()
    };
    Rescored { record: CellRecord { outcome, ..record.clone() }, predictions }
}

impl Rescored {
    /// What changes from the stored verdicts of one scorer to the new ones of another.
    pub fn change(&self, stored: &[Prediction], before: Scorer, now: Scorer) -> ScoreChange {
        let mut change = ScoreChange::default();
        for (old, new) in stored.iter().zip(&self.predictions) {
            let (was_right, is_right) = (verdict(old, before), verdict(new, now));
            change.n += 1;
            change.n_right_before += usize::from(was_right);
            change.n_right_now += usize::from(is_right);
            change.n_became_right += usize::from(!was_right && is_right);
            change.n_became_wrong += usize::from(was_right && !is_right);
            change.n_drifted += usize::from(old != new);
        }
        change
    }
}

impl ScoreChange {
    /// Whether anything differs.
    pub fn is_any(&self) -> bool {
        0 < self.n_became_right + self.n_became_wrong + self.n_drifted
    }
}

impl std::ops::AddAssign for ScoreChange {
    fn add_assign(&mut self, other: Self) {
        self.n += other.n;
        self.n_right_before += other.n_right_before;
        self.n_right_now += other.n_right_now;
        self.n_became_right += other.n_became_right;
        self.n_became_wrong += other.n_became_wrong;
        self.n_drifted += other.n_drifted;
    }
}

fn verdict(prediction: &Prediction, scorer: Scorer) -> bool {
    match scorer {
        Scorer::Published => prediction.correct_published,
        Scorer::Strict => prediction.correct_strict,
    }
}

#[cfg(test)]
mod tests {
    use clsrl_spec::{DatasetId, MethodId};

    use super::*;
    use crate::made::{Grid, all_results, predictions};

    /// A record and predictions: `n_strict` right by both scorers, 3 by the published one alone.
    fn made() -> (CellRecord, Vec<Prediction>) {
        let (methods, datasets) = (&[MethodId::ZeroShot][..], &[DatasetId::Dtd][..]);
        let grid = Grid { methods, datasets, shots: &[4], seeds: &[1] };
        let (_, mut record) = all_results(&grid.plan()).remove(0).cells.remove(0);
        record.outcome.n_untagged = 0;
        let predictions = predictions(&record);
        (record, predictions)
    }

    #[test]
    fn the_same_scorers_give_the_same_cell() {
        let (record, stored) = made();
        let again = rescore(&record, &stored);
        assert_eq!((&again.record, &again.predictions), (&record, &stored));
        assert!(!again.change(&stored, Scorer::Published, Scorer::Published).is_any());
    }

    #[test]
    fn another_scorer_changes_what_they_disagree_on() {
        let (record, stored) = made();
        let change = rescore(&record, &stored).change(&stored, Scorer::Published, Scorer::Strict);
        assert_eq!((change.n, change.n_became_wrong, change.n_became_right), (48, 3, 0));
        assert_eq!(change.n_right_before - 3, change.n_right_now);
        assert_eq!(change.n_drifted, 0);
    }

    #[test]
    fn verdicts_of_an_older_scorer_are_given_anew_and_told_of() {
        let (mut record, mut stored) = made();
        let n_strict = record.outcome.n_correct_strict;
        stored[0].correct_strict = false;
        stored[1].extracted = "something else".into();
        record.outcome.n_correct_strict -= 1;
        let again = rescore(&record, &stored);
        assert_eq!(again.record.outcome.n_correct_strict, n_strict);
        assert_eq!(again.predictions[1].extracted, "rose");
        let change = again.change(&stored, Scorer::Strict, Scorer::Strict);
        assert_eq!((change.n_became_right, change.n_became_wrong, change.n_drifted), (1, 0, 2));
    }

    #[test]
    fn a_cell_without_predictions_stays_empty() {
        let (record, _) = made();
        let again = rescore(&record, &[]);
        assert_eq!(again.record.outcome.n_correct_published, 0);
        assert_eq!(again.change(&[], Scorer::Published, Scorer::Strict), ScoreChange::default());
    }
}
