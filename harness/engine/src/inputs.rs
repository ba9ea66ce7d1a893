//! From an example of a dataset to what the model reads: question, tokens, patches.

use std::path::Path;

use clsrl_data::{
    datasets::{Dataset, Example, Question, ask},
    image::{Patches, Processor},
    text::{TextTokenizer, example_labels, expand_image_tokens, render_example, render_prompt},
};
use clsrl_spec::{
    CellKey, EvalSplit, ImagePath, LabelMask, PromptStyle, Protocol, SftTarget, SolutionTag,
};
use clsrl_vlm::{Grid, Prompt};
use rayon::prelude::*;
use tch::Tensor;

use crate::EngineError;

/// Everything that turns examples into model input, loaded once.
#[derive(Debug)]
pub struct Inputs {
    /// The model's tokenizer.
    pub tokenizer: TextTokenizer,
    processor: Processor,
    protocol: Protocol,
    image_token: i64,
    /// The end of a turn.
    pub im_end: i64,
}

/// A prompt with what was asked.
#[derive(Debug)]
pub struct AskedPrompt {
    /// What the model reads.
    pub prompt: Prompt,
    /// The picture as the dataset lists it.
    pub image: String,
    /// The question with its suffix.
    pub text: String,
    /// How many names it lists.
    pub n_choices: usize,
    /// The right class name.
    pub gold: String,
}

/// A supervised example.
#[derive(Debug)]
pub struct LabelledPrompt {
    /// The whole conversation, answer included.
    pub prompt: Prompt,
    /// Per token: its id where the loss covers it, else -100.
    pub labels: Vec<i64>,
}

impl Inputs {
    /// Reads the tokenizer and the image processor of a model directory.
    pub fn from_dir(model_dir: &Path, protocol: &Protocol) -> Result<Self, EngineError> {
        let tokenizer = TextTokenizer::from_dir(model_dir)?;
        let processor = Processor::from_dir(model_dir)?
            .with_pixels(protocol.image.min_pixels, protocol.image.max_pixels);
        let image_token = tokenizer.token_id("<|image_pad|>")?;
        let im_end = tokenizer.token_id("<|im_end|>")?;
        Ok(Inputs { tokenizer, processor, protocol: protocol.clone(), image_token, im_end })
    }

    /// Builds the training prompts of some examples, in their order.
    pub fn training_prompts(
        &self,
        dataset: &Dataset,
        examples: &[&Example],
        style: PromptStyle,
    ) -> Result<Vec<AskedPrompt>, EngineError> {
        let suffix = self.protocol.prompts.train_suffix(style);
        self.asked(dataset, "train", examples, suffix, self.protocol.image.train)
    }

    /// Builds the evaluation prompts of some examples of a cell's target, in their order.
    pub fn evaluation_prompts(
        &self,
        dataset: &Dataset,
        split: EvalSplit,
        examples: &[&Example],
        cell: CellKey,
    ) -> Result<Vec<AskedPrompt>, EngineError> {
        let suffix = self.protocol.prompts.eval_suffix(cell.form, cell.prompt);
        self.asked(dataset, split.as_str(), examples, suffix, self.protocol.image.eval)
    }

    fn asked(
        &self,
        dataset: &Dataset,
        split: &str,
        examples: &[&Example],
        suffix: &str,
        order: ImagePath,
    ) -> Result<Vec<AskedPrompt>, EngineError> {
        let patches = self.patches(dataset, examples, order)?;
        examples
            .iter()
            .zip(patches)
            .map(|(example, patches)| {
                let Question { text, choices, gold } =
                    ask(dataset, split, example, &self.protocol.choices);
                let text = text + suffix;
                let prompts = &self.protocol.prompts;
                let rendered = render_prompt(&prompts.system, prompts.order, &text);
                let prompt = self.prompt(&self.tokenizer.encode(&rendered), patches)?;
                let image = example.path.clone();
                Ok(AskedPrompt { prompt, image, text, n_choices: choices.len(), gold })
            })
            .collect()
    }

    /// Builds the supervised examples of some training pictures, in their order.
    pub fn supervised(
        &self,
        dataset: &Dataset,
        examples: &[&Example],
    ) -> Result<Vec<LabelledPrompt>, EngineError> {
        let rule = &self.protocol.sft;
        let patches = self.patches(dataset, examples, self.protocol.image.train)?;
        examples
            .iter()
            .zip(patches)
            .map(|(example, patches)| {
                let question = ask(dataset, "train", example, &self.protocol.choices);
                let answer = match rule.target {
                    SftTarget::Name => question.gold,
                    SftTarget::AnswerTag => SolutionTag::Plain.solution(&question.gold),
                };
                let text = question.text + self.protocol.sft_suffix();
                let rendered = render_example(
                    &rule.system,
                    rule.order,
                    &text,
                    &answer,
                    rule.trailing_generation_prompt,
                );
                self.labelled(&self.tokenizer.encode(&rendered), patches, rule.label_mask)
            })
            .collect()
    }

    fn labelled(
        &self,
        ids: &[i64],
        patches: Patches,
        mask: LabelMask,
    ) -> Result<LabelledPrompt, EngineError> {
        let prompt = self.prompt(ids, patches)?;
        let labels = example_labels(&self.tokenizer, &prompt.ids, mask)?;
        Ok(LabelledPrompt { prompt, labels })
    }

    fn prompt(&self, ids: &[i64], patches: Patches) -> Result<Prompt, EngineError> {
        let n_patches: usize = patches.grid_thw.iter().product();
        let n_features = n_patches / self.processor.merge_size.pow(2);
        let ids = expand_image_tokens(ids, self.image_token, &[n_features])?;
        let [t, h, w] = patches.grid_thw.map(|side| side as i64);
        let pixels = Tensor::from_slice(&patches.values).reshape([n_patches as i64, -1]);
        Ok(Prompt { ids, pixels, grids: vec![Grid { t, h, w }] })
    }

    /// Reads pictures in parallel, in their order.
    fn patches(
        &self,
        dataset: &Dataset,
        examples: &[&Example],
        order: ImagePath,
    ) -> Result<Vec<Patches>, EngineError> {
        examples
            .par_iter()
            .map(|example| Ok(self.processor.load(&dataset.image_path(example)?, order)?))
            .collect()
    }
}
