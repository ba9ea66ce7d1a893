//! The program's arguments.

mod suite;
mod inputs;
mod run;
mod plan;
mod predict;
mod inspect;
pub mod mistyped;
mod audit;
mod compare;
mod datasets;
mod report;
mod results;
mod export;
mod gate;
mod model;
mod shell;
mod size;
mod number;
mod bench;
mod doctor;
mod tiny;
mod slurm;

use clap::{Args, Parser, Subcommand};

pub use self::{
    audit::AuditVerb,
    bench::BenchVerb,
    compare::CompareArgs,
    datasets::DatasetsVerb,
    doctor::DoctorArgs,
    export::ExportVerb,
    gate::{BaselineVerb, GateArgs},
    inspect::InspectVerb,
    model::ModelVerb,
    plan::PlanArgs,
    predict::PredictArgs,
    report::{ReportArgs, RescoreArgs},
    results::ResultsVerb,
    run::{RunArgs, RunKind},
    shell::{CompletionsArgs, ManArgs},
    slurm::SlurmVerb,
    tiny::TinyVerb,
};
use crate::{device::Device, exit::Exit, words::WIDTH};

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
    /// Run a suite on a cluster with Slurm.
    #[command(subcommand)]
    Slurm(SlurmVerb),
    /// Write the report and data frames of the last run again from its results.
    Report(ReportArgs),
    /// Merge results of shards and machines.
    #[command(subcommand)]
    Results(ResultsVerb),
    /// Name pictures of your own with a kept checkpoint.
    Predict(PredictArgs),
    /// Export results to other tools.
    #[command(subcommand)]
    Export(ExportVerb),
    /// Re-score stored answers, with another scorer if wanted, and write a report.
    Rescore(RescoreArgs),
    /// Save the last run as a baseline for `gate`.
    #[command(subcommand)]
    Baseline(BaselineVerb),
    /// Compare the last run with a baseline; fail if accuracy dropped.
    Gate(GateArgs),
    /// Compare two runs: changes with intervals, settings that differ, answers that flipped.
    Compare(CompareArgs),
    /// List, fetch, lock and verify datasets.
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
    /// Check this machine: the numbers, and with --suite all that a run needs.
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
    /// Ends at once, well if this device is there: the run that asks opens none itself.
    #[arg(long, value_name = "DEVICE")]
    pub probe: Option<Device>,
}

#[cfg(test)]
mod tests;
