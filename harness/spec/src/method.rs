//! The methods and the ways of asking.

use serde::{Deserialize, Serialize};
use strum::{EnumCount, EnumString, IntoStaticStr, VariantArray, VariantNames};

use crate::UnknownName;

/// How a model is fine-tuned before it is evaluated.
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
#[strum(serialize_all = "kebab-case", parse_err_ty = UnknownName, parse_err_fn = unknown_method)]
pub enum MethodId {
    /// No fine-tuning.
    ZeroShot,
    /// Supervised fine-tuning on the label.
    Sft,
    /// GRPO with a thinking-format reward and an accuracy reward (paper §3.2).
    ClsRl,
    /// GRPO whose only reward is that the whole answer equals the class name (paper §3.3).
    NoThinkingClsRl,
    /// GRPO with a format reward for the answer first and a reason after it (v6 appendix E.2).
    ThinkAfterAnswer,
    /// GRPO with a format reward that a thought neither earns nor costs (v6 appendix E.3).
    AdaptiveThinking,
}

impl MethodId {
    /// All methods, in table order.
    pub const ALL: [MethodId; MethodId::COUNT] =
        *<Self as VariantArray>::VARIANTS.first_chunk().expect("it has COUNT variants");

    /// The methods that are trained by GRPO, with the prompt of each.
    pub const RL: [(MethodId, PromptStyle); 4] = [
        (MethodId::ClsRl, PromptStyle::Thinking),
        (MethodId::NoThinkingClsRl, PromptStyle::Direct),
        (MethodId::ThinkAfterAnswer, PromptStyle::ThinkAfterAnswer),
        (MethodId::AdaptiveThinking, PromptStyle::AdaptiveThinking),
    ];

    /// The id as it stands in suites, file names and frames.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The name as it stands in tables.
    pub fn title(self) -> &'static str {
        match self {
            MethodId::ZeroShot => "Zero-shot",
            MethodId::Sft => "SFT",
            MethodId::ClsRl => "CLS-RL",
            MethodId::NoThinkingClsRl => "No-Thinking-CLS-RL",
            MethodId::ThinkAfterAnswer => "Think-After-Answer",
            MethodId::AdaptiveThinking => "Adaptive-Thinking",
        }
    }
}

fn unknown_method(found: &str) -> UnknownName {
    UnknownName::among::<MethodId>("method", found)
}

/// Whether the question asks for a thought beside the answer, and where.
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
#[strum(serialize_all = "kebab-case", parse_err_ty = UnknownName, parse_err_fn = unknown_style)]
pub enum PromptStyle {
    /// `<think> … </think> <answer> … </answer>`.
    Thinking,
    /// The answer alone.
    Direct,
    /// `<answer> … </answer> <reason> … </reason>`.
    ThinkAfterAnswer,
    /// `<answer> … </answer>`, with a `<think> … </think>` before it where the model finds it needed.
    AdaptiveThinking,
}

impl PromptStyle {
    /// All styles, in table order.
    pub const ALL: [PromptStyle; PromptStyle::COUNT] =
        *<Self as VariantArray>::VARIANTS.first_chunk().expect("it has COUNT variants");

    /// The id as it stands in suites, file names and frames.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

fn unknown_style(found: &str) -> UnknownName {
    UnknownName::among::<PromptStyle>("prompt style", found)
}
