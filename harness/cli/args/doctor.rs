//! Arguments of `doctor`.

use std::{path::PathBuf, time::Duration};

use clap::Args;

use clsrl_spec::ranges::{MAX_JOBS, MAX_THREADS};

use super::{
    bench::MAX_SIDE,
    inputs::DataArgs,
    number::{parse_duration, whole},
    suite::SelectionArgs,
};
use crate::{
    device::{Device, Dtype},
    names,
    options::{DoctorOptions, DoctorSuite, KeptWeights, SuiteOptions},
};

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Check everything that a run of this suite needs: a name in `suites/`, or the path of a suite file.
    #[arg(long, value_name = "NAME|PATH")]
    suite: Option<String>,
    #[command(flatten)]
    selection: SelectionArgs,
    #[command(flatten)]
    data: DataArgs,
    /// The folder for results, as the run would have it, to look for room.
    #[arg(long, value_name = "DIR", requires = "suite")]
    out: Option<PathBuf>,
    /// Trials to run in parallel, as the run would have them.
    #[arg(long, value_name = "N", requires = "suite", value_parser = whole::<1, MAX_JOBS>)]
    jobs: Option<usize>,
    /// Look for room for the fine-tuned weights of every trial.
    #[arg(long, requires = "suite")]
    keep_checkpoints: bool,
    /// Look for room for the middle of trials, which the run would keep so often.
    #[arg(long, value_name = "TIME", requires = "suite", value_parser = parse_duration)]
    checkpoint_every: Option<Duration>,
    /// The Hugging Face model directory to test, or `hf:ID[@REV]`, instead of the suite's or the tiny model.
    #[arg(long, value_name = "DIR|hf:ID")]
    model: Option<PathBuf>,
    /// Also compare with a golden set: a model and what transformers computed with it.
    #[arg(long, value_name = "DIR")]
    goldens: Option<PathBuf>,
    /// Device: cpu, cuda or cuda:N.
    #[arg(long, value_name = "DEVICE", default_value = "cpu", value_parser = names::value::<Device>(&["cpu", "cuda"]))]
    device: Device,
    /// Precision of matrix products; auto is bf16 on CUDA and fp32 on a CPU.
    #[arg(long, value_enum, default_value_t = Dtype::Auto)]
    dtype: Dtype,
    /// Side of the self-tests' images in pixels.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_SIDE>, default_value_t = 112)]
    image_size: usize,
    /// Threads; all cores by default.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_THREADS>)]
    threads: Option<usize>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl From<DoctorArgs> for DoctorOptions {
    fn from(args: DoctorArgs) -> Self {
        let (selection, variant) = args.selection.split();
        DoctorOptions {
            suite: args.suite.map(|suite| DoctorSuite {
                suite: SuiteOptions { suite, selection, variant, out: args.out },
                jobs: args.jobs,
                kept: KeptWeights {
                    checkpoints: args.keep_checkpoints,
                    states: args.checkpoint_every.is_some(),
                },
            }),
            data: args.data.into(),
            model: args.model,
            goldens: args.goldens,
            device: args.device,
            dtype: args.dtype,
            image_size: args.image_size,
            threads: args.threads,
            json: args.json,
        }
    }
}
