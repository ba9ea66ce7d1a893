//! A completion and a solution, with what rewards read in them: each thing is read once, and only if
//! a reward asks for it.

use std::sync::OnceLock;

use super::{format, name, reading::Reading};
use crate::{
    RewardId,
    answer::{is_equal_but_for_case, is_same_name},
};

/// A completion as rewards read it.
#[derive(Debug)]
pub struct Completion<'t> {
    text: &'t str,
    reading: OnceLock<Reading>,
    name: OnceLock<&'t str>,
    only_answer: OnceLock<Option<String>>,
}

impl<'t> Completion<'t> {
    /// Reads nothing yet.
    pub fn new(text: &'t str) -> Self {
        let (reading, name, only_answer) = (OnceLock::new(), OnceLock::new(), OnceLock::new());
        Completion { text, reading, name, only_answer }
    }

    /// Whether it earns a reward.
    pub fn earns(&self, id: RewardId, solution: &Solution) -> bool {
        match id {
            RewardId::Format => format::has_thinking_format(self.text),
            RewardId::FormatAnswerFirst => format::has_answer_first_format(self.text),
            RewardId::FormatAdaptive => format::has_adaptive_format(self.text),
            RewardId::Accuracy => self.has_number_of(solution) || self.names_label_of(solution),
            RewardId::AccuracyString => self.names_label_of(solution),
            RewardId::AccuracyStrict => self.says_label_of(solution),
            RewardId::AccuracyTwoWay => {
                self.has_number_of(solution) || self.shares_label_of(solution)
            }
            RewardId::Equality => self.text == solution.label,
        }
    }

    /// The number step: the numbers of the whole completion and of the whole solution agree, whatever
    /// the names say.
    fn has_number_of(&self, solution: &Solution) -> bool {
        let gold = solution.reading();
        !gold.is_empty() && self.reading.get_or_init(|| Reading::of(self.text)).agrees_with(gold)
    }

    fn names_label_of(&self, solution: &Solution) -> bool {
        let name = self.name.get_or_init(|| name::first_line_tag(self.text));
        is_equal_but_for_case(name, solution.label)
    }

    fn shares_label_of(&self, solution: &Solution) -> bool {
        let name = self.name.get_or_init(|| name::first_line_tag(self.text));
        let [name, label] = [*name, solution.label].map(without_blanks);
        label.contains(&name) || name.contains(&label)
    }

    fn says_label_of(&self, solution: &Solution) -> bool {
        let answer = self.only_answer.get_or_init(|| name::only_answer(self.text));
        answer.as_ref().is_some_and(|answer| is_same_name(answer, solution.label))
    }
}

/// Lower case, without blanks and underscores.
fn without_blanks(text: &str) -> String {
    text.chars().filter(|char| !matches!(char, ' ' | '_')).flat_map(char::to_lowercase).collect()
}

/// A solution as rewards read it: the label, with or without an answer tag.
#[derive(Debug)]
pub struct Solution<'t> {
    text: &'t str,
    label: &'t str,
    reading: OnceLock<Reading>,
}

impl<'t> Solution<'t> {
    /// Reads nothing but where the label stands.
    pub fn new(text: &'t str) -> Self {
        Solution { text, label: name::first_line_tag(text), reading: OnceLock::new() }
    }

    /// What the number step reads in it.
    pub fn reading(&self) -> &Reading {
        self.reading.get_or_init(|| Reading::of(self.text))
    }
}
