//! A cell's prompt for any image: what is kept beside a checkpoint, so that whoever has the one can ask as the cell did
//! without suite, protocol or data.

use clsrl_spec::{
    CellKey, EvalSplit, ImageRule, MessageOrder, Trial,
    ranges::{MAX_BATCH, MAX_PIXELS, MAX_TOKENS},
};
use serde::{Deserialize, Serialize};

use super::{HAS_SYSTEM, RenderedPrompt, questions};
use crate::{
    datasets::{Dataset, UnlabelledQuestions},
    text::render_prompt,
};

/// Everything that makes a cell's prompt and bounds its answer, but the image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PromptRecipe {
    /// The cell.
    pub cell: CellKey,
    /// The protocol's name.
    pub protocol: String,
    /// The split whose images the cell evaluates; it orders the list of names.
    pub split: EvalSplit,
    /// The question, and what may be answered.
    pub questions: UnlabelledQuestions,
    /// How an image becomes patches.
    pub image: ImageRule,
    /// Prompts that are answered together.
    pub batch: usize,
    /// The longest answer in tokens.
    pub max_new_tokens: usize,
    system: String,
    order: MessageOrder,
    suffix: String,
}

impl PromptRecipe {
    /// How a trial's cell asks about the images of its target.
    pub fn new(trial: &Trial, cell: CellKey, target: &Dataset) -> Self {
        let (protocol, evaluation) = (&trial.protocol, &trial.evaluation);
        let prompts = &protocol.prompts;
        PromptRecipe {
            cell,
            protocol: protocol.name.clone(),
            split: evaluation.split_of(cell.target),
            questions: questions(protocol, target, cell.form).unlabelled(),
            image: protocol.image.clone(),
            batch: evaluation.batch,
            max_new_tokens: evaluation.max_new_tokens,
            system: prompts.system.clone().expect(HAS_SYSTEM),
            order: prompts.order,
            suffix: prompts.eval_suffix(cell.form, cell.prompt).to_owned(),
        }
    }

    /// Whether its numbers are those that a suite can have; an error names the first that is not.
    pub fn check(&self) -> Result<(), String> {
        for (name, found, most) in [
            ("batch", self.batch, MAX_BATCH),
            ("max_new_tokens", self.max_new_tokens, MAX_TOKENS),
            ("image.max_pixels", self.image.max_pixels, MAX_PIXELS),
            ("image.min_pixels", self.image.min_pixels, self.image.max_pixels),
        ] {
            if !(1..=most).contains(&found) {
                return Err(format!("`{name}`: expected 1 to {most}, found {found}"));
            }
        }
        Ok(())
    }

    /// The prompt about an image that the cell's list has by this path, or that is called so.
    pub fn render(&self, path: &str) -> RenderedPrompt {
        let text = self.questions.ask(self.split.as_str(), path) + &self.suffix;
        RenderedPrompt { conversation: render_prompt(&self.system, self.order, &text), text }
    }
}
