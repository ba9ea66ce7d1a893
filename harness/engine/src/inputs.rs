//! From an example of a dataset to what the model reads: question, tokens, patches.

use std::collections::BTreeMap;

use clsrl_data::{
    BoundDataset,
    datasets::{Dataset, Example, Question, Questions},
    image::{CacheSpace, ImageCache, ImageFile, Patches, Processor},
    prompts::{self, RenderedPrompt},
    text::{TextTokenizer, example_labels, expand_image_tokens},
};
use clsrl_files::Folder;
use clsrl_spec::{
    CellKey, DatasetId, EvalSplit, ImageRule, ImageSteps, LabelMask, PromptStyle, Protocol,
};
use clsrl_vlm::{Grid, Prompt};
use rayon::prelude::*;
use tch::Tensor;

use crate::EngineError;

/// Everything that turns examples into model input, loaded once.
#[derive(Debug)]
pub struct Inputs {
    builder: PromptBuilder,
    data: BTreeMap<DatasetId, BoundDataset>,
    protocol: Protocol,
    /// The end of a turn.
    pub im_end: i64,
}

/// From a conversation and an image to a prompt.
#[derive(Debug)]
pub(crate) struct PromptBuilder {
    pub(crate) tokenizer: TextTokenizer,
    processor: Processor,
    image_cache: Option<ImageCache>,
    image_token: i64,
}

/// A prompt with what was asked.
#[derive(Debug)]
pub struct AskedPrompt {
    /// What the model reads.
    pub prompt: Prompt,
    /// The image as the dataset lists it.
    pub image: String,
    /// The question with its suffix.
    pub text: String,
    /// The whole conversation, as the tokenizer reads it.
    pub conversation: String,
    /// How many names it lists.
    pub n_choices: usize,
    /// The right class name.
    pub gold: String,
}

impl AskedPrompt {
    /// What no other prompt of its list has: its image and all that is said about it.
    pub fn name(&self) -> String {
        [&self.image, "\n", &self.conversation].concat()
    }
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
    /// Reads the tokenizer and the image processor of a model directory; images go through the cache if there is
    /// one.
    pub fn from_folder(
        model: &Folder,
        protocol: &Protocol,
        image_cache: Option<&CacheSpace>,
    ) -> Result<Self, EngineError> {
        let builder = PromptBuilder::from_folder(model, &protocol.image, image_cache)?;
        let im_end = builder.tokenizer.token_id("<|im_end|>")?;
        let (data, protocol) = (BTreeMap::new(), protocol.clone());
        Ok(Inputs { builder, data, protocol, im_end })
    }

    /// The model's tokenizer.
    pub fn tokenizer(&self) -> &TextTokenizer {
        &self.builder.tokenizer
    }

    /// Holds every image to what was found of its dataset; one of a dataset that is not here is refused.
    pub fn held_to(self, data: &BTreeMap<DatasetId, BoundDataset>) -> Self {
        Inputs { data: data.clone(), ..self }
    }

    /// Builds the training prompts of some examples, in their order.
    pub fn training_prompts(
        &self,
        questions: &Questions,
        examples: &[&Example],
        style: PromptStyle,
    ) -> Result<Vec<AskedPrompt>, EngineError> {
        let show = |question: &Question| prompts::rollout_prompt(&self.protocol, style, question);
        self.ask((questions, prompts::TRAIN), examples, self.protocol.image.training(), show)
    }

    /// Builds the evaluation prompts of some examples of a cell's target, in their order.
    pub fn evaluation_prompts(
        &self,
        questions: &Questions,
        split: EvalSplit,
        examples: &[&Example],
        cell: CellKey,
    ) -> Result<Vec<AskedPrompt>, EngineError> {
        let show = |question: &Question| prompts::evaluation_prompt(&self.protocol, cell, question);
        self.ask((questions, split.as_str()), examples, self.protocol.image.evaluation(), show)
    }

    fn ask(
        &self,
        (questions, split): (&Questions, &str),
        examples: &[&Example],
        steps: ImageSteps,
        show: impl Fn(&Question) -> RenderedPrompt,
    ) -> Result<Vec<AskedPrompt>, EngineError> {
        let patches = self.patches(questions.view().dataset(), examples, steps)?;
        examples
            .iter()
            .zip(patches)
            .map(|(example, patches)| {
                let question = questions.ask(split, example);
                let RenderedPrompt { text, conversation } = show(&question);
                let prompt = self.builder.prompt(&conversation, patches)?;
                let Question { choices, gold, .. } = question;
                let image = example.path.clone();
                Ok(AskedPrompt {
                    prompt,
                    image,
                    text,
                    conversation,
                    n_choices: choices.len(),
                    gold,
                })
            })
            .collect()
    }

    /// Builds the supervised examples of some training images, in their order.
    pub fn supervised_examples(
        &self,
        questions: &Questions,
        examples: &[&Example],
    ) -> Result<Vec<LabelledPrompt>, EngineError> {
        let dataset = questions.view().dataset();
        let patches = self.patches(dataset, examples, self.protocol.image.training())?;
        examples
            .iter()
            .zip(patches)
            .map(|(example, patches)| {
                let question = questions.ask(prompts::TRAIN, example);
                let shown = prompts::supervised_example(&self.protocol, &question);
                self.label(&shown.conversation, patches, self.protocol.sft.label_mask)
            })
            .collect()
    }

    fn label(
        &self,
        conversation: &str,
        patches: Patches,
        mask: LabelMask,
    ) -> Result<LabelledPrompt, EngineError> {
        let prompt = self.builder.prompt(conversation, patches)?;
        let labels = example_labels(&self.builder.tokenizer, &prompt.ids, mask)?;
        Ok(LabelledPrompt { prompt, labels })
    }

    /// Reads images in parallel, in their order; each must be what was checked.
    fn patches(
        &self,
        dataset: &Dataset,
        examples: &[&Example],
        steps: ImageSteps,
    ) -> Result<Vec<Patches>, EngineError> {
        let nothing = BoundDataset::default();
        let bound = self.data.get(&dataset.id).unwrap_or(&nothing);
        examples
            .par_iter()
            .map(|example| {
                let file = bound.read_image::<EngineError>(dataset, example)?;
                self.builder.patches(&file, steps)
            })
            .collect()
    }
}

impl PromptBuilder {
    /// Reads the tokenizer and the image processor of a model directory.
    pub(crate) fn from_folder(
        model: &Folder,
        image: &ImageRule,
        image_cache: Option<&CacheSpace>,
    ) -> Result<Self, EngineError> {
        let tokenizer = TextTokenizer::from_folder(model)?;
        let processor =
            Processor::from_folder(model)?.with_pixels(image.min_pixels, image.max_pixels);
        let image_token = tokenizer.token_id("<|image_pad|>")?;
        let image_cache = image_cache.map(ImageCache::new);
        Ok(PromptBuilder { tokenizer, processor, image_cache, image_token })
    }

    /// Decodes and resizes an image, through the cache if there is one.
    pub(crate) fn patches(
        &self,
        file: &ImageFile,
        steps: ImageSteps,
    ) -> Result<Patches, EngineError> {
        Ok(match &self.image_cache {
            Some(cache) => self.processor.load_through(cache, file, steps)?,
            None => self.processor.load_file(file, steps)?,
        })
    }

    /// Builds the prompt of a conversation with one image.
    pub(crate) fn prompt(
        &self,
        conversation: &str,
        patches: Patches,
    ) -> Result<Prompt, EngineError> {
        let n_patches: usize = patches.grid_thw.iter().product();
        let n_features = self.processor.n_features(&patches);
        let ids = self.tokenizer.encode(conversation);
        let ids = expand_image_tokens(&ids, self.image_token, &[n_features])?;
        let [t, h, w] = patches.grid_thw.map(|side| side as i64);
        let pixels = Tensor::from_slice(&patches.values).reshape([n_patches as i64, -1]);
        Ok(Prompt { ids, pixels, grids: vec![Grid { t, h, w }] })
    }
}
