//! Who decides what an answer is worth: rewards, their sums, and scorers.

use std::sync::OnceLock;

use crate::{
    Completion, MethodId, RewardId, Scorer, Solution,
    answer::{PublishedLabel, extract_published, is_correct_strict},
};

/// A reward, a method's rewards together, or a scorer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judge {
    /// One reward.
    Reward(RewardId),
    /// All rewards of a method; paid is what earns every one of them.
    Sum(MethodId, Vec<RewardId>),
    /// A verdict of the evaluation.
    Scorer(Scorer),
}

impl Judge {
    /// The judge as it stands in tables.
    pub fn title(&self) -> String {
        match self {
            Judge::Reward(id) => id.as_str().to_owned(),
            Judge::Sum(method, _) => format!("{method}, all rewards"),
            Judge::Scorer(Scorer::Published) => "published score".to_owned(),
            Judge::Scorer(Scorer::Strict) => "strict score".to_owned(),
        }
    }

    pub(super) fn pays(&self, answer: &Answer, label: &Label) -> bool {
        let earns = |&id: &RewardId| answer.completion.earns(id, &label.solution);
        match self {
            Judge::Reward(id) => earns(id),
            Judge::Sum(_, rewards) => rewards.iter().all(earns),
            Judge::Scorer(Scorer::Published) => label.published.is_in(answer.extracted()),
            Judge::Scorer(Scorer::Strict) => is_correct_strict(answer.text, label.text),
        }
    }
}

/// An answer as judges read it; each thing is read once.
pub(super) struct Answer<'t> {
    text: &'t str,
    completion: Completion<'t>,
    extracted: OnceLock<String>,
}

impl<'t> Answer<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Answer { text, completion: Completion::new(text), extracted: OnceLock::new() }
    }

    pub(super) fn text(&self) -> &'t str {
        self.text
    }

    fn extracted(&self) -> &str {
        self.extracted.get_or_init(|| extract_published(self.text).to_lowercase())
    }
}

/// A label as judges read it.
pub(super) struct Label<'t> {
    text: &'t str,
    solution: Solution<'t>,
    published: PublishedLabel,
}

impl<'t> Label<'t> {
    pub(super) fn new(label: &'t str, solution: &'t str) -> Self {
        Label {
            text: label,
            solution: Solution::new(solution),
            published: PublishedLabel::of(label),
        }
    }
}
