//! Answers of a kept checkpoint about images of no dataset, by the path of an evaluation: the same decoding, prompt,
//! generation and batches.

use std::{path::PathBuf, time::Instant};

use clsrl_data::{
    image::{ImageFile, Patches},
    prompts::PromptRecipe,
};
use clsrl_files::Folder;
use clsrl_libtorch::{set_full_float32, set_num_threads};
use clsrl_vlm::{Completion, GenerationConfig, Model, Precision, Prompt, device::DeviceName};
use rayon::prelude::*;

use crate::{
    EngineError,
    budget::TokenBudget,
    evaluate::{Answering, batch_on},
    inputs::PromptBuilder,
    weights,
};

/// A checkpoint and where it computes.
#[derive(Debug, Clone)]
pub struct PredictJob {
    /// Its folder.
    pub checkpoint: PathBuf,
    /// The digest of the weights that it must have.
    pub weights_digest: String,
    /// The device.
    pub device: DeviceName,
    /// What matrix products compute in.
    pub precision: Precision,
    /// Threads of libtorch within one operation.
    pub threads: usize,
}

/// An image to be named.
#[derive(Debug, Clone)]
pub struct Picture {
    /// Its file.
    pub path: PathBuf,
    /// What the list of names is ordered by: its path in the cell's list, or what it is called.
    pub listed_as: String,
}

/// What was answered about an image.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The question with its list and suffix.
    pub question: String,
    /// The answer as decoded, special tokens left out.
    pub raw: String,
    /// Its tokens, the stop token counted.
    pub n_tokens: usize,
    /// Whether it was cut at the longest length.
    pub truncated: bool,
    /// Its share of the seconds that its batch took.
    pub seconds: f64,
}

/// A fine-tuned model that answers as a cell of its trial.
pub struct Predictor {
    model: Model,
    builder: PromptBuilder,
    generation: GenerationConfig,
    recipe: PromptRecipe,
    budget: TokenBudget,
}

impl Predictor {
    /// Loads a checkpoint and holds it to its record's digest. Sets libtorch's threads for the whole process.
    ///
    /// # Errors
    ///
    /// Files that are no model, other weights than the record's, and a device that is not there or too small.
    pub fn load(job: &PredictJob, recipe: PromptRecipe) -> Result<Self, EngineError> {
        set_num_threads(job.threads as i32);
        let device = job.device.find()?;
        set_full_float32()?;
        let folder = Folder::unchecked(&job.checkpoint);
        let model = Model::from_folder(&folder, device, job.precision)?;
        let found = weights::digest(&model)?;
        if found != job.weights_digest {
            let (path, expected) = (job.checkpoint.clone(), job.weights_digest.clone());
            return Err(EngineError::OtherWeights { path, expected, found });
        }
        let generation = GenerationConfig::from_folder(&folder)?;
        generation.check_padding(&job.checkpoint, model.config())?;
        Ok(Predictor {
            model: model.frozen_copy(false),
            builder: PromptBuilder::from_folder(&folder, &recipe.image, None)?,
            generation,
            budget: TokenBudget::new(batch_on(device, recipe.batch)),
            recipe,
        })
    }

    /// The most images that are answered at once.
    pub fn batch(&self) -> usize {
        batch_on(self.model.device(), self.recipe.batch)
    }

    /// Answers about images, in their order; one that cannot be read has its error, and keeps no other from an answer.
    ///
    /// # Errors
    ///
    /// What ends all of them: no memory for one image, logits that are no numbers.
    pub fn answer(
        &mut self,
        pictures: &[Picture],
    ) -> Result<Vec<Result<Answer, EngineError>>, EngineError> {
        let began = Instant::now();
        let (builder, steps) = (&self.builder, self.recipe.image.evaluation());
        let read = |picture: &Picture| builder.patches(&ImageFile::read(&picture.path)?, steps);
        let patches: Vec<Result<Patches, EngineError>> = pictures.par_iter().map(read).collect();
        let ask = |(picture, patches): (&Picture, Result<Patches, EngineError>)| {
            self.ask(picture, patches?)
        };
        let asked: Vec<Result<Asked, EngineError>> =
            pictures.iter().zip(patches).map(ask).collect();
        let good: Vec<&Asked> = asked.iter().flatten().collect();
        let prompts: Vec<(&str, &Prompt)> =
            good.iter().map(|asked| (asked.name.as_str(), &asked.prompt)).collect();
        let answering = Answering {
            model: &self.model,
            generation: &self.generation,
            max_new_tokens: self.recipe.max_new_tokens,
        };
        let completions = match prompts.is_empty() {
            true => Vec::new(),
            false => answering.answer(&prompts, &mut self.budget)?,
        };
        let seconds = began.elapsed().as_secs_f64() / prompts.len().max(1) as f64;
        let mut completions = completions.into_iter();
        let mut answers = Vec::new();
        for asked in asked {
            answers.push(asked.map(|asked| {
                let completion = completions.next().expect("each prompt has its completion");
                self.describe(asked, &completion, seconds)
            }));
        }
        Ok(answers)
    }

    fn ask(&self, picture: &Picture, patches: Patches) -> Result<Asked, EngineError> {
        let shown = self.recipe.render(&picture.listed_as);
        let prompt = self.builder.prompt(&shown.conversation, patches)?;
        Ok(Asked { name: picture.path.display().to_string(), question: shown.text, prompt })
    }

    fn describe(&self, asked: Asked, completion: &Completion, seconds: f64) -> Answer {
        Answer {
            question: asked.question,
            raw: self.builder.tokenizer.decode(&completion.ids, true),
            n_tokens: completion.ids.len(),
            truncated: !completion.stopped,
            seconds,
        }
    }
}

struct Asked {
    name: String,
    question: String,
    prompt: Prompt,
}
