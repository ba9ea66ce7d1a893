//! How often an audit's judge paid, and for what above all.

use serde::Serialize;

/// Labels that a tally names.
const N_TOLD: usize = 3;

/// The answers of one case, and what each judge paid of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CaseTally {
    /// Answers that were judged.
    pub asked: usize,
    /// By judge, in the audit's order.
    pub judges: Vec<Tally>,
}

/// What a judge paid.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Tally {
    /// Answers that were paid.
    pub paid: usize,
    /// Labels for which at least one answer was paid.
    pub labels: usize,
    /// The labels for which most answers were paid, the worst first.
    pub worst: Vec<Paid>,
}

/// Answers that were paid for one label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Paid {
    /// The label.
    pub label: String,
    /// How many answers.
    pub answers: usize,
    /// The first of them.
    pub example: String,
}

impl CaseTally {
    pub(super) fn new(n_judges: usize) -> Self {
        CaseTally { asked: 0, judges: vec![Tally::default(); n_judges] }
    }

    /// Adds the tally of other labels.
    pub fn add(&mut self, other: CaseTally) {
        self.asked += other.asked;
        for (ours, theirs) in self.judges.iter_mut().zip(other.judges) {
            ours.paid += theirs.paid;
            ours.labels += theirs.labels;
            ours.worst.extend(theirs.worst);
            ours.keep_worst();
        }
    }
}

impl Tally {
    /// Counts the answers that were paid for one label.
    pub(super) fn count(&mut self, label: &str, answers: usize, example: Option<String>) {
        let Some(example) = example.filter(|_| 0 < answers) else { return };
        self.paid += answers;
        self.labels += 1;
        self.worst.push(Paid { label: label.to_owned(), answers, example });
        self.keep_worst();
    }

    fn keep_worst(&mut self) {
        self.worst.sort_by_key(|paid| std::cmp::Reverse(paid.answers));
        self.worst.truncate(N_TOLD);
    }
}
