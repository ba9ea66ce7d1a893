//! Supervised fine-tuning's examples, and what their loss covers.

use serde::{Deserialize, Serialize};

use super::MessageOrder;

/// Supervised fine-tuning's examples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SftRule {
    /// The system message of a training example; none is that of the model's chat template. Trials have one.
    pub system: Option<String>,
    /// Which suffix a training example's question has.
    pub prompt: SftPrompt,
    /// Whether the image or the text comes first.
    pub order: MessageOrder,
    /// What the model is to answer.
    pub target: SftTarget,
    /// What the loss covers.
    pub label_mask: LabelMask,
    /// Whether `<|im_start|>assistant\n` is rendered again after the answer, as the released code does.
    pub trailing_generation_prompt: bool,
}

/// The suffix of a supervised example's question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SftPrompt {
    /// No suffix, as in the released code.
    QuestionOnly,
    /// The direct prompt's training suffix.
    Direct,
    /// The thinking prompt's training suffix.
    Thinking,
}

/// What a supervised example answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SftTarget {
    /// The class name alone.
    Name,
    /// `<answer>name</answer>`, as in the released code.
    AnswerTag,
}

/// Which tokens a supervised loss covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LabelMask {
    /// The answer and its `<|im_end|>`.
    Completion,
    /// Everything but padding and image placeholders, as in the released code.
    All,
}
