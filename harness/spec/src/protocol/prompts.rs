//! The texts around a question, in training and in each form of evaluation.

use serde::{Deserialize, Serialize};

use crate::{Form, PromptStyle};

/// The texts around a question. A suffix is appended to the question as it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prompts {
    /// The system message of every conversation but SFT's training; none is that of the model's chat template. Trials
    /// have one.
    pub system: Option<String>,
    /// Whether the image or the text comes first, in every conversation but SFT's training.
    pub order: MessageOrder,
    /// Appended in training, whatever the form.
    pub train: Suffixes,
    /// Appended in few-shot evaluation.
    pub few_shot: Suffixes,
    /// Appended in the evaluation of base classes.
    pub base: Suffixes,
    /// Appended in the evaluation of new classes.
    pub new: Suffixes,
    /// Appended in open-set evaluation.
    pub open_set: Suffixes,
}

impl Prompts {
    /// What a prompt style appends to the question in training.
    pub fn train_suffix(&self, style: PromptStyle) -> &str {
        self.train.of(style)
    }

    /// What a prompt style appends to a question of this form in evaluation.
    pub fn eval_suffix(&self, form: Form, style: PromptStyle) -> &str {
        let suffixes = match form {
            Form::FewShot => &self.few_shot,
            Form::Base => &self.base,
            Form::New => &self.new,
            Form::OpenSet => &self.open_set,
        };
        suffixes.of(style)
    }
}

/// What each prompt style appends to a question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Suffixes {
    /// Asks for a thought, then the answer.
    pub thinking: String,
    /// Asks for the answer alone.
    pub direct: String,
    /// Asks for the answer, then a reason.
    pub think_after_answer: String,
    /// Leaves it to the model whether to think.
    pub adaptive_thinking: String,
}

impl Suffixes {
    /// The suffix of a prompt style.
    pub fn of(&self, style: PromptStyle) -> &str {
        match style {
            PromptStyle::Thinking => &self.thinking,
            PromptStyle::Direct => &self.direct,
            PromptStyle::ThinkAfterAnswer => &self.think_after_answer,
            PromptStyle::AdaptiveThinking => &self.adaptive_thinking,
        }
    }
}

/// The order of image and text in a user message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MessageOrder {
    /// Image, then text.
    ImageFirst,
    /// Text, then image.
    TextFirst,
}
