//! The four methods and the two ways of asking.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::UnknownName;

/// How a model is fine-tuned before it is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MethodId {
    /// No fine-tuning.
    ZeroShot,
    /// Supervised fine-tuning on the label.
    Sft,
    /// GRPO with a thinking-format reward and an accuracy reward (paper §3.2).
    ClsRl,
    /// GRPO whose only reward is that the whole answer equals the class name (paper §3.3).
    NoThinkingClsRl,
}

impl MethodId {
    /// All methods, in table order.
    pub const ALL: [MethodId; 4] =
        [MethodId::ZeroShot, MethodId::Sft, MethodId::ClsRl, MethodId::NoThinkingClsRl];

    /// The id as it stands in suites, file names and frames.
    pub fn as_str(self) -> &'static str {
        match self {
            MethodId::ZeroShot => "zero-shot",
            MethodId::Sft => "sft",
            MethodId::ClsRl => "cls-rl",
            MethodId::NoThinkingClsRl => "no-thinking-cls-rl",
        }
    }

    /// The name as it stands in tables.
    pub fn title(self) -> &'static str {
        match self {
            MethodId::ZeroShot => "Zero-shot",
            MethodId::Sft => "SFT",
            MethodId::ClsRl => "CLS-RL",
            MethodId::NoThinkingClsRl => "No-Thinking-CLS-RL",
        }
    }
}

impl fmt::Display for MethodId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for MethodId {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        MethodId::ALL
            .into_iter()
            .find(|id| id.as_str() == text)
            .ok_or_else(|| UnknownName::new("method", text, MethodId::ALL.map(MethodId::as_str)))
    }
}

/// Whether the question asks for a thought before the answer, or for the answer alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PromptStyle {
    /// `<think> … </think> <answer> … </answer>`.
    Thinking,
    /// The answer alone.
    Direct,
}

impl PromptStyle {
    /// The id as it stands in suites, file names and frames.
    pub fn as_str(self) -> &'static str {
        match self {
            PromptStyle::Thinking => "thinking",
            PromptStyle::Direct => "direct",
        }
    }
}

impl fmt::Display for PromptStyle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
