//! The methods and the ways of asking.

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
    /// GRPO with a format reward for the answer first and a reason after it (v6 appendix E.2).
    ThinkAfterAnswer,
    /// GRPO with a format reward that a thought neither earns nor costs (v6 appendix E.3).
    AdaptiveThinking,
}

impl MethodId {
    /// All methods, in table order.
    pub const ALL: [MethodId; 6] = [
        MethodId::ZeroShot,
        MethodId::Sft,
        MethodId::ClsRl,
        MethodId::NoThinkingClsRl,
        MethodId::ThinkAfterAnswer,
        MethodId::AdaptiveThinking,
    ];

    /// The methods that are trained by GRPO, with the prompt of each.
    pub const RL: [(MethodId, PromptStyle); 4] = [
        (MethodId::ClsRl, PromptStyle::Thinking),
        (MethodId::NoThinkingClsRl, PromptStyle::Direct),
        (MethodId::ThinkAfterAnswer, PromptStyle::ThinkAfterAnswer),
        (MethodId::AdaptiveThinking, PromptStyle::AdaptiveThinking),
    ];

    /// The id as it stands in suites, file names and frames.
    pub fn as_str(self) -> &'static str {
        match self {
            MethodId::ZeroShot => "zero-shot",
            MethodId::Sft => "sft",
            MethodId::ClsRl => "cls-rl",
            MethodId::NoThinkingClsRl => "no-thinking-cls-rl",
            MethodId::ThinkAfterAnswer => "think-after-answer",
            MethodId::AdaptiveThinking => "adaptive-thinking",
        }
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

/// Whether the question asks for a thought beside the answer, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
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
    pub const ALL: [PromptStyle; 4] = [
        PromptStyle::Thinking,
        PromptStyle::Direct,
        PromptStyle::ThinkAfterAnswer,
        PromptStyle::AdaptiveThinking,
    ];

    /// The id as it stands in suites, file names and frames.
    pub fn as_str(self) -> &'static str {
        match self {
            PromptStyle::Thinking => "thinking",
            PromptStyle::Direct => "direct",
            PromptStyle::ThinkAfterAnswer => "think-after-answer",
            PromptStyle::AdaptiveThinking => "adaptive-thinking",
        }
    }
}

impl fmt::Display for PromptStyle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for PromptStyle {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let all = PromptStyle::ALL;
        all.into_iter()
            .find(|style| style.as_str() == text)
            .ok_or_else(|| UnknownName::new("prompt style", text, all.map(PromptStyle::as_str)))
    }
}
