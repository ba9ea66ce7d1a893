//! Choice lists: how many class names a question lists, and which.

use serde::{Deserialize, Serialize};

use crate::{Form, Seed};

/// The choice lists of questions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choices {
    /// How many of all names are listed.
    pub few_shot: ListRule,
    /// How many of a half's names are listed, in base-to-new.
    pub base_to_new: ListRule,
    /// What becomes of a name that two classes share.
    pub repeated_names: RepeatedNames,
    /// The seed of the lists; the published code has none.
    pub seed: Seed,
}

/// How many of n class names a question lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ListRule {
    /// The released notebook: `int(percent / 100 · n)`, all n where that is under 30, at most 100.
    Notebook {
        /// The share of the names.
        percent: usize,
    },
    /// The published lists: the same, but `min(n, 30)` where the share is under 30.
    Published {
        /// The share of the names.
        percent: usize,
    },
    /// All n names.
    All,
}

/// What becomes of a class name that two classes share (ImageNet's "missile" and "sunglasses").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RepeatedNames {
    /// It counts once per class and may be listed twice, as in the released notebook.
    Kept,
    /// It is one name.
    Merged,
}

impl Choices {
    /// The rule for a question of this form; none for one without a list.
    pub fn rule(&self, form: Form) -> Option<ListRule> {
        match form {
            Form::FewShot => Some(self.few_shot),
            Form::Base | Form::New => Some(self.base_to_new),
            Form::OpenSet => None,
        }
    }
}
