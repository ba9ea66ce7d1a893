//! Arguments of `predict`.

use std::path::PathBuf;

use clap::Args;
use clsrl_spec::{DatasetId, Form, ranges::MAX_THREADS};

use super::{inspect::PromptArg, number::whole};
use crate::{
    device::{Device, Dtype},
    names,
    options::PredictOptions,
};

/// Arguments of `predict`.
#[derive(Debug, Args)]
pub struct PredictArgs {
    /// The folder of kept weights: `checkpoint` in a trial's results, beside its `training.json`.
    #[arg(long, value_name = "DIR")]
    checkpoint: PathBuf,
    /// The images.
    #[arg(value_name = "PICTURE", required = true)]
    pictures: Vec<PathBuf>,
    /// Ask as about this dataset's images, instead of those that the checkpoint was trained on.
    #[arg(long, value_name = "NAME", value_parser = names::dataset)]
    dataset: Option<DatasetId>,
    /// The kind of question, where the checkpoint was evaluated in several: few-shot, base, new or open-set.
    #[arg(long)]
    form: Option<Form>,
    /// The prompt style, where the checkpoint was evaluated under several.
    #[arg(long, value_enum)]
    prompt: Option<PromptArg>,
    /// The folder that a dataset's lists name these pictures from: each gets the question that a run asks about it.
    /// Without it the order of the names follows from the file's name.
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Device: cpu, cuda or cuda:N.
    #[arg(long, value_name = "DEVICE", default_value = "cpu", value_parser = names::value::<Device>(&["cpu", "cuda"]))]
    device: Device,
    /// Precision of matrix products; auto is that of the training on its kind of device, else bf16 on CUDA and fp32 on
    /// a CPU.
    #[arg(long, alias = "dtype", value_enum, default_value_t = Dtype::Auto)]
    precision: Dtype,
    /// Threads; all cores by default.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_THREADS>)]
    threads: Option<usize>,
    /// Print JSON, one object a picture.
    #[arg(long)]
    json: bool,
}

impl From<PredictArgs> for PredictOptions {
    fn from(args: PredictArgs) -> Self {
        PredictOptions {
            checkpoint: args.checkpoint,
            pictures: args.pictures,
            dataset: args.dataset,
            form: args.form,
            prompt: args.prompt.map(Into::into),
            root: args.root,
            device: args.device,
            dtype: args.precision,
            threads: args.threads,
            json: args.json,
        }
    }
}
