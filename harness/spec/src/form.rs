//! The forms in which the paper asks about an image, and the halves of a dataset's classes.

use serde::{Deserialize, Serialize};
use strum::{EnumCount, EnumString, IntoStaticStr, VariantArray, VariantNames};

use crate::UnknownName;

/// Which classes a question is about, and whether it lists their names.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    IntoStaticStr,
    EnumCount,
    VariantArray,
    strum::Display,
    EnumString,
    VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case", parse_err_ty = UnknownName, parse_err_fn = unknown)]
pub enum Form {
    /// All classes, with a list (paper §4.1, few-shot classification).
    FewShot,
    /// The first half of the classes, with a list of them alone (base-to-new).
    Base,
    /// The second half of the classes, with a list of them alone (base-to-new).
    New,
    /// All classes, and no list.
    OpenSet,
}

impl Form {
    /// All forms, in table order.
    pub const ALL: [Form; Form::COUNT] =
        *<Self as VariantArray>::VARIANTS.first_chunk().expect("it has COUNT variants");

    /// The id as it stands in suites, file names and frames.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The classes that a question of this form is about.
    pub fn half(self) -> ClassHalf {
        match self {
            Form::FewShot | Form::OpenSet => ClassHalf::All,
            Form::Base => ClassHalf::Base,
            Form::New => ClassHalf::New,
        }
    }

    /// Whether a question of this form lists class names.
    pub fn is_listed(self) -> bool {
        self != Form::OpenSet
    }
}

fn unknown(found: &str) -> UnknownName {
    UnknownName::among::<Form>("form", found)
}

/// What a suite asks: the paper's three experiments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// Train and evaluate on all classes, with lists.
    FewShot,
    /// Train on the base classes, evaluate on base and on new ones.
    BaseToNew,
    /// Train and evaluate on all classes, without lists.
    OpenSet,
}

impl Task {
    /// The form of training questions.
    pub fn training_form(self) -> Form {
        match self {
            Task::FewShot => Form::FewShot,
            Task::BaseToNew => Form::Base,
            Task::OpenSet => Form::OpenSet,
        }
    }

    /// The forms of evaluation, each giving its own cells.
    pub fn evaluation_forms(self) -> &'static [Form] {
        match self {
            Task::FewShot => &[Form::FewShot],
            Task::BaseToNew => &[Form::Base, Form::New],
            Task::OpenSet => &[Form::OpenSet],
        }
    }
}

/// All classes of a dataset, or one of the two halves of base-to-new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClassHalf {
    /// All classes.
    All,
    /// The classes with the lower labels.
    Base,
    /// The rest.
    New,
}

/// How many of n classes are base classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BaseRule {
    /// `ceil(n / 2)`: CoOp's `subsample_classes`.
    Ceil,
    /// `floor(n / 2)`: the paper's published lists (23 of DTD's 47).
    Floor,
}

impl BaseRule {
    /// The number of base classes among `n_classes`.
    pub fn n_base(self, n_classes: usize) -> usize {
        match self {
            BaseRule::Ceil => n_classes.div_ceil(2),
            BaseRule::Floor => n_classes / 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_odd_class_is_base_for_coop_and_new_for_the_paper() {
        assert_eq!((BaseRule::Ceil.n_base(47), BaseRule::Floor.n_base(47)), (24, 23));
        assert_eq!((BaseRule::Ceil.n_base(10), BaseRule::Floor.n_base(10)), (5, 5));
    }
}
