//! The question about a picture, with its list of choices (CLS-RL's notebook `few-shot-data.ipynb`).
//!
//! Differs from the notebook in two ways: the lists come from a seed, where it has none, and every
//! picture has a list of its own that does not depend on which others are asked about.

use std::borrow::Borrow;

use clsrl_spec::{Choices, DatasetId, ListRule, Stream};

use super::{Dataset, Example};

/// The longest list that a rule other than [`ListRule::All`] gives.
const MAX_LISTED: usize = 100;

/// Where 40 % of the classes are fewer than this, the rule asks for more.
const MIN_LISTED: usize = 30;

/// What the model is asked, before a prompt's suffix, and what it should say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The question and its list of choices.
    pub text: String,
    /// The listed class names, in the order of the text.
    pub choices: Vec<String>,
    /// The picture's class name, always listed.
    pub gold: String,
}

/// Asks about `example`, a picture of the list named `split_name`.
///
/// The class names are shuffled and cut to the rule's length; a truth that fell off replaces the last name
/// kept, and the rest is shuffled again.
pub fn ask(dataset: &Dataset, split_name: &str, example: &Example, choices: &Choices) -> Question {
    let stream_name = ["choices", dataset.id.as_str(), split_name, &example.path];
    let mut stream = Stream::new(choices.seed, &stream_name);
    let mut listed = dataset.class_names.clone();
    stream.shuffle(&mut listed);
    listed.truncate(list_length(choices.few_shot, listed.len()));
    if !listed.contains(&example.class_name) {
        listed.pop();
        listed.push(example.class_name.clone());
    }
    stream.shuffle(&mut listed);
    Question {
        text: question_text(dataset.id, &listed),
        choices: listed,
        gold: example.class_name.clone(),
    }
}

/// The question about a dataset's pictures with a list of names.
pub(crate) fn question_text(dataset: DatasetId, listed: &[impl Borrow<str>]) -> String {
    format!("{}\n Please choose one from list [ {}].", dataset.question(), listed.join(", "))
}

/// How many of `n_classes` names a list has.
pub fn list_length(rule: ListRule, n_classes: usize) -> usize {
    let share = |percent: usize| n_classes * percent / 100;
    match rule {
        ListRule::Notebook { percent } | ListRule::Published { percent }
            if MIN_LISTED <= share(percent) =>
        {
            share(percent).min(MAX_LISTED)
        }
        ListRule::Notebook { .. } | ListRule::All => n_classes,
        ListRule::Published { .. } => n_classes.min(MIN_LISTED),
    }
}
