//! The program's arguments.

mod audit;
mod datasets;
mod report;
mod rescore;
mod gate;
mod model;
mod shell;
mod size;
mod bench;
mod doctor;
mod tiny;

use std::{fmt, path::PathBuf, str::FromStr};

use clap::{Args, Parser, Subcommand, ValueEnum};
use clsrl_spec::{
    DatasetId, Form, ImagePath, MethodId, PromptStyle, Seed,
    ranges::{MAX_JOBS, MAX_LORA_RANK, MAX_PICTURES, MAX_THREADS},
};

#[cfg(feature = "libtorch")]
pub use self::bench::{
    BenchEvalArgs, BenchGrpoArgs, BenchInputArgs, BenchModelArgs, BenchSftArgs, Labels,
};
pub use self::{
    audit::{AuditVerb, DifferenceArgs, RewardsArgs},
    bench::{BenchVerb, Dtype},
    datasets::{DatasetsArgs, DatasetsVerb, LockArgs, VerifyArgs},
    doctor::DoctorArgs,
    gate::{BaselineVerb, GateArgs, GateFormat, SaveArgs},
    model::{FetchModelArgs, ModelVerb},
    report::{Against, ReportArgs},
    rescore::RescoreArgs,
    shell::{CompletionsArgs, ManArgs},
    size::CacheSize,
    tiny::{DrawArgs, PretrainArgs, TinyVerb},
};
use crate::{exit::Exit, names, words::WIDTH};

/// Fine-tunes and evaluates Qwen2-VL on few-shot image classification, and writes a report.
#[derive(Debug, Parser)]
#[command(version, after_help = Exit::table(), max_term_width = WIDTH)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
    /// Print results and errors, and nothing else.
    #[arg(short, long, global = true)]
    pub quiet: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Run a suite, or the rest of it, and write its report.
    Run(RunArgs),
    /// Fetch models from the Hugging Face Hub.
    #[command(subcommand)]
    Model(ModelVerb),
    /// Show what a suite would run: trials, steps, images, what is done already.
    Plan(PlanArgs),
    /// Write the report and data frames of the last run again from its results.
    Report(ReportArgs),
    /// Re-score stored answers, with another scorer if wanted, and write a report.
    Rescore(RescoreArgs),
    /// Save the last run as a baseline for `gate`.
    #[command(subcommand)]
    Baseline(BaselineVerb),
    /// Compare the last run with a baseline; fail if accuracy dropped.
    Gate(GateArgs),
    /// List, lock and verify datasets.
    #[command(subcommand)]
    Datasets(DatasetsVerb),
    /// Show prompts, preprocessed images and few-shot samples.
    #[command(subcommand)]
    Inspect(InspectVerb),
    /// Audit the rewards of a protocol, or compare two protocols.
    #[command(subcommand)]
    Audit(AuditVerb),
    /// Make the tiny model and the synthetic datasets.
    #[command(subcommand)]
    Tiny(TinyVerb),
    /// Benchmark training, evaluation and preprocessing.
    #[command(subcommand)]
    Bench(BenchVerb),
    /// Check that models compute the right numbers on this machine.
    Doctor(DoctorArgs),
    /// Print completions for a shell.
    #[command(
        after_help = "Bash: clsrl-bench completions bash > ~/.local/share/bash-completion/completions/clsrl-bench\n\
        Zsh: clsrl-bench completions zsh > \"${fpath[1]}/_clsrl-bench\"\n\
        Fish: clsrl-bench completions fish > ~/.config/fish/completions/clsrl-bench.fish"
    )]
    Completions(CompletionsArgs),
    /// Print the man page, or write those of all verbs.
    Man(ManArgs),
    /// Run one trial: its job is the first line of standard input, and its end stops the trial.
    #[command(hide = true)]
    Trial(TrialArgs),
}

/// Arguments of `trial`.
#[derive(Debug, Args)]
pub struct TrialArgs {
    /// Ends when standard input does, or the trial, and at no signal: the run that started it takes those.
    #[arg(long)]
    pub of_run: bool,
}

/// Which part of a suite; what is empty selects everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct SelectionArgs {
    /// Only these methods.
    #[arg(long, value_name = "A,B", value_delimiter = ',', value_parser = names::method)]
    pub methods: Vec<MethodId>,
    /// Only these datasets, to train on and to evaluate on.
    #[arg(long, value_name = "A,B", value_delimiter = ',', value_parser = names::dataset)]
    pub datasets: Vec<DatasetId>,
    /// Only these numbers of training images per class.
    #[arg(long, value_name = "1,2", value_delimiter = ',', value_parser = whole::<1, MAX_PICTURES>)]
    pub shots: Vec<usize>,
    /// Only these seeds.
    #[arg(long, value_name = "1,2", value_delimiter = ',')]
    pub seeds: Vec<Seed>,
    /// Evaluate only N images of each dataset, spread evenly over its list.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_PICTURES>)]
    pub limit: Option<usize>,
    /// Use another protocol; results and report are named SUITE.PROTOCOL.
    #[arg(long, value_name = "NAME")]
    pub protocol: Option<String>,
    /// Train LoRA adapters of this rank instead of all weights; results and report are named SUITE.loraRANK.
    #[arg(long, value_name = "RANK", value_parser = whole::<1, MAX_LORA_RANK>)]
    pub lora: Option<usize>,
}

/// With what a suite is run.
#[derive(Debug, Args)]
pub struct InputArgs {
    /// A Hugging Face model directory, or `hf:ID[@REV]` for what `model fetch` brought here, instead of the
    /// suite's.
    #[arg(long, value_name = "DIR|hf:ID")]
    pub model: Option<PathBuf>,
    /// The folder that holds the datasets' folders, instead of the suite's.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The data lock, instead of the project's `datasets.lock`.
    #[arg(long, value_name = "FILE")]
    pub lock: Option<PathBuf>,
    /// The folder of the lock's file lists, instead of one in the user's cache.
    #[arg(long, value_name = "DIR")]
    pub sidecars: Option<PathBuf>,
    /// Allow data that differs from the lock or is not in it; its rows are marked.
    #[arg(long)]
    pub allow_unlocked: bool,
    /// A data root with CoOp's few-shot caches; they override the protocol's few-shot sampling.
    #[arg(long, value_name = "DIR")]
    pub few_shot_caches: Option<PathBuf>,
    /// Device: cpu, cuda or cuda:N.
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    pub device: Device,
    /// Threads per trial, instead of the suite's number.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_THREADS>)]
    pub threads: Option<usize>,
    /// Use deterministic algorithms; each fine-tune records which tensors differ when its first step is repeated.
    #[arg(long)]
    pub deterministic: bool,
    /// Gradient checkpointing: recompute activations in the backward pass, for small GPUs.
    #[arg(long)]
    pub recompute: bool,
}

/// Arguments of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// A suite's name in `suites/`, or the path of a suite file.
    #[arg(long, value_name = "NAME|PATH")]
    pub suite: String,
    #[command(flatten)]
    pub selection: SelectionArgs,
    #[command(flatten)]
    pub inputs: InputArgs,
    /// The folder for results, frames and report, instead of `results` and `reports`.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Hash every image before the run, even if size and times are unchanged.
    #[arg(long)]
    pub deep: bool,
    /// Trials to run in parallel, instead of the suite's number.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_JOBS>)]
    pub jobs: Option<usize>,
    /// Cache resized images on disk, up to SIZE; worth it for large photographs.
    #[arg(long, value_name = "SIZE")]
    pub picture_cache: Option<CacheSize>,
    /// Overwrite finished results of another model, other data or other settings. Without it such a run ends before
    /// it starts.
    #[arg(long)]
    pub replace: bool,
    /// Keep the fine-tuned weights of every trial.
    #[arg(long)]
    pub keep_checkpoints: bool,
    /// Run the trials in this process, one after another, for debugging.
    #[arg(long)]
    pub in_process: bool,
}

/// Arguments of `plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// A suite's name in `suites/`, or the path of a suite file.
    #[arg(long, value_name = "NAME|PATH")]
    pub suite: String,
    #[command(flatten)]
    pub selection: SelectionArgs,
    #[command(flatten)]
    pub inputs: InputArgs,
    /// The folder of the results, instead of `results`.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// List every trial with its cells, and why they are not done.
    #[arg(long)]
    pub list: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

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

/// A device: `cpu`, `cuda` or `cuda:N`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device(String);

impl Device {
    /// `cpu` or `cuda`, without a number.
    pub fn kind(&self) -> &str {
        self.0.split(':').next().unwrap_or(&self.0)
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Device {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbered = text.strip_prefix("cuda:").is_some_and(|n| n.parse::<u8>().is_ok());
        if numbered || matches!(text, "cpu" | "cuda") {
            return Ok(Device(text.to_owned()));
        }
        Err("expected cpu, cuda or cuda:N".to_owned())
    }
}

/// A whole number within bounds.
fn whole<const LEAST: usize, const MOST: usize>(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if (LEAST..=MOST).contains(&number) => Ok(number),
        _ => Err(format!("expected a whole number from {LEAST} to {MOST}")),
    }
}

#[cfg(test)]
mod tests;
