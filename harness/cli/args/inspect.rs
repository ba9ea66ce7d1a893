//! Arguments of `inspect`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use clsrl_spec::{CellKey, DatasetId, Form, ImagePath, PromptStyle, Seed, ranges::MAX_IMAGES};

use super::number::whole;
use crate::{
    inspect::{ImageOptions, PromptOptions, SampleOptions},
    names,
};

/// What to show.
#[derive(Debug, Subcommand)]
pub enum InspectVerb {
    /// Show the rendered prompt of a test image and its length in tokens.
    Prompt(PromptArgs),
    /// Write a preprocessed test image as PNG.
    Image(ImageArgs),
    /// List the few-shot samples of a seed.
    Sample(SampleArgs),
}

/// Arguments of `inspect prompt`.
#[derive(Debug, Args)]
pub struct PromptArgs {
    /// The suite whose protocol is used.
    #[arg(long, value_name = "NAME|PATH")]
    suite: String,
    /// The dataset.
    #[arg(long, value_name = "NAME", value_parser = names::dataset)]
    dataset: DatasetId,
    /// A Hugging Face model directory, or `hf:ID[@REV]` for what `model fetch` brought here, instead of the
    /// suite's.
    #[arg(long, value_name = "DIR|hf:ID")]
    model: Option<PathBuf>,
    /// The folder that holds the datasets' folders, instead of the suite's.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The position in the test split.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = whole::<0, MAX_IMAGES>)]
    index: usize,
    /// The prompt style.
    #[arg(long, value_enum, default_value_t = PromptArg::Thinking)]
    prompt: PromptArg,
    /// The kind of question: few-shot, base, new or open-set.
    #[arg(long, default_value_t = Form::FewShot)]
    form: Form,
    /// Another protocol than the suite's.
    #[arg(long, value_name = "NAME")]
    protocol: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Arguments of `inspect image`.
#[derive(Debug, Args)]
pub struct ImageArgs {
    /// The dataset.
    #[arg(long, value_name = "NAME", value_parser = names::dataset)]
    dataset: DatasetId,
    /// The position in the test split.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = whole::<0, MAX_IMAGES>)]
    index: usize,
    /// The image path, an order of conversion and resizing: rgb384, native384, eval384 or direct.
    #[arg(long, default_value = "rgb384")]
    order: ImagePath,
    /// The PNG file to write.
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// The model directory whose preprocessor is used, instead of the tiny model's.
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// The folder that holds the datasets' folders, instead of the synthetic ones.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// Arguments of `inspect sample`.
#[derive(Debug, Args)]
pub struct SampleArgs {
    /// The dataset.
    #[arg(long, value_name = "NAME", value_parser = names::dataset)]
    dataset: DatasetId,
    /// The folder that holds the datasets' folders, instead of the synthetic ones.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Training images per class.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_IMAGES>)]
    shots: usize,
    /// The seed of the trial; under the notebook's rule every seed has the same samples.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: Seed,
    /// The protocol whose rule samples, instead of CoOp's rule: a name in `suites/protocols/`, or a path.
    #[arg(long, value_name = "NAME|PATH")]
    protocol: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// A prompt's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PromptArg {
    /// A thought, then the answer.
    Thinking,
    /// The answer alone.
    Direct,
    /// The answer, then a reason.
    ThinkAfterAnswer,
    /// A thought only where the model finds it needed.
    AdaptiveThinking,
}

impl From<PromptArg> for PromptStyle {
    fn from(prompt: PromptArg) -> Self {
        match prompt {
            PromptArg::Thinking => PromptStyle::Thinking,
            PromptArg::Direct => PromptStyle::Direct,
            PromptArg::ThinkAfterAnswer => PromptStyle::ThinkAfterAnswer,
            PromptArg::AdaptiveThinking => PromptStyle::AdaptiveThinking,
        }
    }
}

impl From<PromptArgs> for PromptOptions {
    fn from(args: PromptArgs) -> Self {
        let PromptArgs { suite, dataset, model, data, index, prompt, form, protocol, json } = args;
        let cell = CellKey { target: dataset, form, prompt: prompt.into() };
        PromptOptions { suite, protocol, cell, index, model, data, json }
    }
}

impl From<ImageArgs> for ImageOptions {
    fn from(ImageArgs { dataset, index, order, to, model, data }: ImageArgs) -> Self {
        ImageOptions { dataset, index, order, to, model, data }
    }
}

impl From<SampleArgs> for SampleOptions {
    fn from(args: SampleArgs) -> Self {
        let SampleArgs { dataset, data, shots, seed, protocol, json } = args;
        SampleOptions { dataset, data, shots, seed, protocol, json }
    }
}
