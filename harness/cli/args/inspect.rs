//! Arguments of `inspect`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use clsrl_spec::{DatasetId, Form, ImagePath, PromptStyle, Seed, ranges::MAX_PICTURES};

use super::whole;
use crate::names;

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
    pub suite: String,
    /// The dataset.
    #[arg(long, value_name = "NAME", value_parser = names::dataset)]
    pub dataset: DatasetId,
    /// A Hugging Face model directory, or `hf:ID[@REV]` for what `model fetch` brought here, instead of the
    /// suite's.
    #[arg(long, value_name = "DIR|hf:ID")]
    pub model: Option<PathBuf>,
    /// The folder that holds the datasets' folders, instead of the suite's.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The position in the test split.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = whole::<0, MAX_PICTURES>)]
    pub index: usize,
    /// The prompt style.
    #[arg(long, value_enum, default_value_t = PromptArg::Thinking)]
    pub prompt: PromptArg,
    /// The kind of question: few-shot, base, new or open-set.
    #[arg(long, default_value_t = Form::FewShot)]
    pub form: Form,
    /// Another protocol than the suite's.
    #[arg(long, value_name = "NAME")]
    pub protocol: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `inspect image`.
#[derive(Debug, Args)]
pub struct ImageArgs {
    /// The dataset.
    #[arg(long, value_name = "NAME", value_parser = names::dataset)]
    pub dataset: DatasetId,
    /// The position in the test split.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = whole::<0, MAX_PICTURES>)]
    pub index: usize,
    /// The image path, an order of conversion and resizing: rgb384, native384, eval384 or direct.
    #[arg(long, default_value = "rgb384")]
    pub order: ImagePath,
    /// The PNG file to write.
    #[arg(long, value_name = "FILE")]
    pub to: PathBuf,
    /// The model directory whose preprocessor is used, instead of the tiny model's.
    #[arg(long, value_name = "DIR")]
    pub model: Option<PathBuf>,
    /// The folder that holds the datasets' folders, instead of the synthetic ones.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
}

/// Arguments of `inspect sample`.
#[derive(Debug, Args)]
pub struct SampleArgs {
    /// The dataset.
    #[arg(long, value_name = "NAME", value_parser = names::dataset)]
    pub dataset: DatasetId,
    /// The folder that holds the datasets' folders, instead of the synthetic ones.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Training images per class.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_PICTURES>)]
    pub shots: usize,
    /// The seed of the trial; under the notebook's rule every seed has the same samples.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: Seed,
    /// The protocol whose rule samples, instead of CoOp's rule: a name in `suites/protocols/`, or a path.
    #[arg(long, value_name = "NAME|PATH")]
    pub protocol: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
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
