//! The program: reads its arguments, calls one verb, and ends with a code of [`exit::Exit`].

#![cfg_attr(
    not(all(feature = "libtorch", feature = "fetch")),
    expect(dead_code, reason = "what only a run or a fetch needs rests where there is none")
)]

mod args;
#[cfg(feature = "libtorch")]
mod compute;
#[cfg(not(feature = "libtorch"))]
#[path = "compute_missing.rs"]
mod compute;
mod hub;
mod plan;
mod task_plan;
mod replace;
mod slurm;
mod report;
mod report_writer;
mod results;
mod export;
mod against_paper;
mod rescore;
mod baseline;
mod gate;
mod compare;
mod stored_run;
mod observed_run;
mod sample_images;
mod datasets;
mod inspect;
mod audit;
mod tiny;
mod options;
mod device;
mod slots;
mod request;
mod suites;
mod named_file;
mod output_files;
mod broken;
mod inputs;
mod locked;
mod project;
mod embedded;
mod cache;
mod progress;
#[cfg(feature = "libtorch")]
mod tensorboard;
mod pace;
mod work;
mod memory;
mod meter;
mod terminal;
mod model;
mod output;
mod words;
mod names;
mod shell;
mod version;
mod exit;
mod ending;

use args::{
    AuditVerb, BaselineVerb, Cli, DatasetsVerb, ExportVerb, InspectVerb, ModelVerb, ResultsVerb,
    RunKind, SlurmVerb, TinyVerb, TrialArgs, Verb,
};
use clap::{Parser, error::ErrorKind};
use ending::Signals;
use exit::Exit;
use export::Reader;
use output::{note, print};
use progress::Detail;

fn main() {
    let exit = ending::without_panics(|| exit::tell(call()));
    ending::leave(exit);
}

/// Calls the verb that the arguments ask for.
fn call() -> anyhow::Result<Exit> {
    let Cli { verb, quiet } = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(answer) => return answer_arguments(&answer),
    };
    if let Verb::Trial(TrialArgs { of_run: true, .. }) = verb {
        ending::obey_standard_input_alone()?;
        return compute::trial();
    }
    let signals = Signals::listen()?;
    let detail = Detail::new(quiet);
    match verb {
        Verb::Run(args) => match args.split() {
            RunKind::Suite(options) => compute::run(&options, &signals, detail),
            RunKind::Task(options) => compute::run_task(&options, &signals, detail),
        },
        Verb::Model(ModelVerb::Fetch(args)) => hub::fetch(&args.into(), &signals, detail),
        Verb::Plan(args) => plan::plan(&args.into(), detail),
        Verb::Slurm(SlurmVerb::Submit(args)) => slurm::submit(&(*args).into(), detail),
        Verb::Slurm(SlurmVerb::Status(args)) => slurm::status(&args.into()),
        Verb::Slurm(SlurmVerb::Logs(args)) => slurm::logs(&args.into()),
        Verb::Slurm(SlurmVerb::Cancel(args)) => slurm::cancel(&args.into(), detail),
        Verb::Report(args) => report::report(&args.into(), detail),
        Verb::Results(ResultsVerb::Merge(args)) => results::merge_folders(&args.into(), detail),
        Verb::Predict(args) => compute::predict(&args.into()),
        Verb::Export(ExportVerb::LmEval(args)) => {
            export::export(&args.into(), Reader::LmEval, detail)
        }
        Verb::Export(ExportVerb::EveryEvalEver(args)) => {
            export::export(&args.into(), Reader::EveryEvalEver, detail)
        }
        Verb::Export(ExportVerb::Dataset(args)) => export::dataset(&args.into(), detail),
        Verb::Export(ExportVerb::ModelCard(args)) => export::model_cards(&args.into(), detail),
        Verb::Rescore(args) => rescore::rescore(&args.into(), detail),
        Verb::Baseline(BaselineVerb::Save(args)) => baseline::save(&args.into(), detail),
        Verb::Gate(args) => gate::gate(&args.into()),
        Verb::Compare(args) => compare::compare(&args.into()),
        Verb::Datasets(DatasetsVerb::List(args)) => match args.sources {
            true => datasets::list_sources(&args.datasets.into()),
            false => datasets::list(&args.datasets.into(), detail),
        },
        Verb::Datasets(DatasetsVerb::Fetch(args)) => {
            datasets::fetch(&args.into(), &signals, detail)
        }
        Verb::Datasets(DatasetsVerb::Lock(args)) => {
            datasets::lock(&args.datasets.into(), args.accept_changes, detail)
        }
        Verb::Datasets(DatasetsVerb::Verify(args)) => {
            datasets::verify(&args.datasets.into(), args.deep, detail)
        }
        Verb::Inspect(InspectVerb::Prompt(args)) => inspect::prompt(&args.into(), detail),
        Verb::Inspect(InspectVerb::Image(args)) => inspect::image(&args.into(), detail),
        Verb::Inspect(InspectVerb::Sample(args)) => inspect::sample(&args.into(), detail),
        Verb::Audit(AuditVerb::Rewards(args)) => audit::rewards(&args.into(), detail),
        Verb::Audit(AuditVerb::Protocol(args)) => audit::compare_protocols(&args.into()),
        Verb::Tiny(TinyVerb::Draw(args)) => tiny::draw(&args.to, args.seed, detail),
        Verb::Tiny(TinyVerb::Pretrain(args)) => compute::pretrain_model(&args.into(), detail),
        Verb::Bench(verb) => compute::bench(&verb.into(), detail),
        Verb::Doctor(args) => compute::doctor(&args.into(), detail),
        Verb::Completions(args) => shell::completions(args.shell),
        Verb::Man(args) => shell::man(args.to.as_deref()),
        Verb::Trial(TrialArgs { probe: Some(device), .. }) => compute::probe(&device),
        Verb::Trial(_) => compute::trial(),
    }
}

/// Prints what is wrong with the arguments, or the help that they ask for.
fn answer_arguments(answer: &clap::Error) -> anyhow::Result<Exit> {
    if answer.kind() == ErrorKind::DisplayVersion {
        print(&version::line())?;
        return Ok(Exit::Ok);
    }
    let text = answer.render().to_string();
    if answer.use_stderr() {
        note(text.trim_end());
        let given: Vec<String> =
            std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
        if let Some(guess) = args::mistyped::guess_verb(answer, &given) {
            note(&guess);
        }
        return Ok(Exit::Usage);
    }
    print(&text)?;
    Ok(Exit::Ok)
}
