//! What the RL methods reward, and which tokens their loss counts.

use serde::{Deserialize, Serialize};
use strum::{EnumCount, IntoStaticStr, VariantArray};

use crate::DatasetId;

/// Solutions and masks of the RL methods; the rewards are among each method's settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RlRule {
    /// How the label stands in the solution that rewards read.
    pub solution: SolutionTag,
    /// Datasets whose labels also count with blanks for underscores, in open-set training.
    pub open_set_blanks: Vec<DatasetId>,
    /// Where a completion's loss mask ends.
    pub end_mask: EndMask,
}

/// How a label stands in a solution. The number match of [`RewardId::Accuracy`] sees a number only
/// after a blank, so this decides whether it sees the year that a car's name begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SolutionTag {
    /// `<answer>name</answer>`.
    Plain,
    /// `<answer> name </answer>`.
    Blanks,
}

impl SolutionTag {
    /// The solution of a label.
    pub fn solution(self, label: &str) -> String {
        match self {
            SolutionTag::Plain => format!("<answer>{label}</answer>"),
            SolutionTag::Blanks => format!("<answer> {label} </answer>"),
        }
    }
}

/// A reward of a completion, 0 or 1.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    IntoStaticStr,
    EnumCount,
    VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum RewardId {
    /// The whole completion has the form `<think>…</think> <answer>…</answer>`.
    Format,
    /// The whole completion has the form `<answer>…</answer> <reason>…</reason>`.
    FormatAnswerFirst,
    /// The whole completion has the form `<answer>…</answer>`, with or without a `<think>…</think>`
    /// before it.
    FormatAdaptive,
    /// A number in the completion equals one in the solution, or names are equal as in
    /// [`RewardId::AccuracyString`].
    Accuracy,
    /// The first answer tag's text, or the whole text, equals the label, case-blind.
    AccuracyString,
    /// There is one answer tag, outside of any thought, and it equals the label after normalisation.
    AccuracyStrict,
    /// A number in the completion equals one in the solution, or one of answer and label is part of the other, case,
    /// blanks and underscores aside; nothing is part of everything (Visual-RFT).
    AccuracyTwoWay,
    /// The whole completion equals the class name.
    Equality,
}

impl RewardId {
    /// All rewards.
    pub const ALL: [RewardId; RewardId::COUNT] =
        *<Self as VariantArray>::VARIANTS.first_chunk().expect("it has COUNT variants");

    /// Whether it pays for a completion's form, whatever it answers.
    pub fn is_of_form(self) -> bool {
        matches!(self, RewardId::Format | RewardId::FormatAnswerFirst | RewardId::FormatAdaptive)
    }

    /// The id as it stands in protocols.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The last token of a completion that the loss counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndMask {
    /// The first `<|im_end|>`; another stop token does not end the mask (released code).
    ImEnd,
    /// The first stop token of any kind.
    AnyStop,
}
