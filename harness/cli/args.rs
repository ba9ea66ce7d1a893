//! The program's arguments.

mod audit;
mod datasets;
mod report;
mod rescore;
mod gate;
mod model;
mod size;
mod speed;
mod doctor;
mod tiny;

use std::{fmt, path::PathBuf, str::FromStr};

use clap::{Args, Parser, Subcommand, ValueEnum};
use clsrl_spec::{
    DatasetId, Form, ImagePath, MethodId, PromptStyle, Seed,
    ranges::{MAX_JOBS, MAX_LORA_RANK, MAX_PICTURES, MAX_THREADS},
};

#[cfg(feature = "libtorch")]
pub use self::speed::{
    EvalSpeedArgs, GrpoSpeedArgs, InputSpeedArgs, Labels, ModelSpeedArgs, SftSpeedArgs,
};
pub use self::{
    audit::{AuditVerb, DifferenceArgs, RewardsArgs},
    datasets::{DatasetsArgs, DatasetsVerb, LockArgs, VerifyArgs},
    doctor::DoctorArgs,
    gate::{BaselineVerb, GateArgs, GateFormat, SaveArgs},
    model::{FetchModelArgs, ModelVerb},
    report::{Against, ReportArgs},
    rescore::RescoreArgs,
    size::CacheSize,
    speed::{Dtype, SpeedVerb},
    tiny::{DrawArgs, PretrainArgs, TinyVerb},
};
use crate::exit::Exit;

/// Fine-tunes and evaluates Qwen2-VL on few-shot image classification, and reports what came out.
#[derive(Debug, Parser)]
#[command(version, after_help = Exit::table())]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
    /// Tell nothing but errors.
    #[arg(short, long, global = true)]
    pub quiet: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Run what is left of a suite, then write its report.
    Run(RunArgs),
    /// Bring the weights of a model here.
    #[command(subcommand)]
    Model(ModelVerb),
    /// List a suite's trials and cells: done, stale or missing, and why.
    Plan(PlanArgs),
    /// Write the report and frames of a suite's last run again, from its results.
    Report(ReportArgs),
    /// Give the verdicts of a suite's last run anew, from its stored answers, and write another report.
    Rescore(RescoreArgs),
    /// Keep the verdicts of a suite's last run, for `gate`.
    #[command(subcommand)]
    Baseline(BaselineVerb),
    /// Hold the verdicts of a suite's last run to a baseline: did accuracy drop?
    Gate(GateArgs),
    /// Lock the datasets, and compare them with the lock.
    #[command(subcommand)]
    Datasets(DatasetsVerb),
    /// Show what the model will see.
    #[command(subcommand)]
    Inspect(InspectVerb),
    /// Show what a protocol pays for, and where two differ.
    #[command(subcommand)]
    Audit(AuditVerb),
    /// Make the tiny model and the drawn datasets.
    #[command(subcommand)]
    Tiny(TinyVerb),
    /// Time training, evaluation and the input path on random prompts.
    #[command(subcommand)]
    Bench(SpeedVerb),
    /// Check that models compute here what they should.
    Doctor(DoctorArgs),
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
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub methods: Vec<MethodId>,
    /// Only these datasets, to train on and to evaluate on.
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub datasets: Vec<DatasetId>,
    /// Only these numbers of training pictures per class.
    #[arg(long, value_name = "1,2", value_delimiter = ',', value_parser = whole::<1, MAX_PICTURES>)]
    pub shots: Vec<usize>,
    /// Only these seeds.
    #[arg(long, value_name = "1,2", value_delimiter = ',')]
    pub seeds: Vec<Seed>,
    /// Evaluate only N pictures of every dataset, spread evenly over its list.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_PICTURES>)]
    pub limit: Option<usize>,
    /// Another protocol than the suite's; results and report go by the name SUITE.PROTOCOL.
    #[arg(long, value_name = "NAME")]
    pub protocol: Option<String>,
    /// Train low-rank adapters of this rank instead of all weights; results and report go by the name
    /// SUITE.loraRANK.
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
    /// The lock of the data, instead of the project's `datasets.lock`.
    #[arg(long, value_name = "FILE")]
    pub lock: Option<PathBuf>,
    /// The folder of the lock's sidecars, which name every file, instead of one in the user's cache.
    #[arg(long, value_name = "DIR")]
    pub sidecars: Option<PathBuf>,
    /// Use data that differs from the lock or that nobody has locked, and mark every row.
    #[arg(long)]
    pub allow_unlocked: bool,
    /// A folder laid out as CoOp's data root, whose few-shot caches win over the protocol's picks.
    #[arg(long, value_name = "DIR")]
    pub few_shot_caches: Option<PathBuf>,
    /// Where to compute: cpu, cuda or cuda:N.
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    pub device: Device,
    /// Threads of one trial, instead of the suite's.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_THREADS>)]
    pub threads: Option<usize>,
    /// Take algorithms that give the same bits every time, and note in every fine-tune's record what two
    /// identical steps differed in.
    #[arg(long)]
    pub deterministic: bool,
    /// Run every layer again in the backward pass instead of keeping what it computed: for small GPUs.
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
    /// Read every picture's bytes before the run, also of those that look unchanged.
    #[arg(long)]
    pub deep: bool,
    /// Trials at once, instead of the suite's number.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_JOBS>)]
    pub jobs: Option<usize>,
    /// Keep resized pictures on disk, at most so much of them, for every trial that needs them again: pays for
    /// large photographs.
    #[arg(long, value_name = "SIZE")]
    pub picture_cache: Option<CacheSize>,
    /// Write over finished results of another model, of other data or of other settings. Without it a run that would do
    /// so ends before it starts.
    #[arg(long)]
    pub replace: bool,
    /// Keep the tuned weights of every trial.
    #[arg(long)]
    pub keep_checkpoints: bool,
    /// Run the trials in this process, one after the other.
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
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// What to show.
#[derive(Debug, Subcommand)]
pub enum InspectVerb {
    /// The rendered prompt of a test picture and its length in tokens.
    Prompt(PromptArgs),
    /// The preprocessed picture, as PNG.
    Image(ImageArgs),
    /// The few-shot picks of a seed.
    Sample(SampleArgs),
}

/// Arguments of `inspect prompt`.
#[derive(Debug, Args)]
pub struct PromptArgs {
    /// The suite whose protocol asks.
    #[arg(long, value_name = "NAME|PATH")]
    pub suite: String,
    /// The dataset.
    #[arg(long)]
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
    /// The prompt.
    #[arg(long, value_enum, default_value_t = PromptArg::Thinking)]
    pub prompt: PromptArg,
    /// The form of the question: few-shot, base, new or open-set.
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
    #[arg(long)]
    pub dataset: DatasetId,
    /// The position in the test split.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = whole::<0, MAX_PICTURES>)]
    pub index: usize,
    /// The order of conversion and resizing: rgb384, native384, eval384 or direct.
    #[arg(long, default_value = "rgb384")]
    pub order: ImagePath,
    /// The PNG file to write.
    #[arg(long, value_name = "FILE")]
    pub to: PathBuf,
    /// The model directory whose preprocessor is used, instead of the tiny model's.
    #[arg(long, value_name = "DIR")]
    pub model: Option<PathBuf>,
    /// The folder that holds the datasets' folders, instead of the drawn ones.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
}

/// Arguments of `inspect sample`.
#[derive(Debug, Args)]
pub struct SampleArgs {
    /// The dataset.
    #[arg(long)]
    pub dataset: DatasetId,
    /// The folder that holds the datasets' folders, instead of the drawn ones.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Training pictures per class.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_PICTURES>)]
    pub shots: usize,
    /// The seed of the trial; by the notebook's rule all trials have the same picks.
    #[arg(long)]
    pub seed: Seed,
    /// The protocol whose rule picks, instead of CoOp's rule: a name in `suites/protocols/`, or a path.
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
