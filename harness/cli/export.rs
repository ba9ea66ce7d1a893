//! `export`: a run's results as other tools have them.

mod context;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::anyhow;
use clsrl_files::limit;
use clsrl_report::{
    Exported, FrameFormat, LeftOut, MODEL_CARD_MARK, TrialResults, dataset_card, model_card,
    write_every_eval_ever, write_lm_eval,
};
use clsrl_runner::{State, TrialStatus, trial_statuses};
use clsrl_spec::{ModelId, Trial};

pub use self::context::Names;
use crate::{
    exit::Exit,
    options::SuiteOptions,
    output::{note, print},
    output_files::{create_dir, write_file},
    progress::Detail,
    report_writer::{ReportFormats, ReportWriter},
    stored_run::{InputNames, StoredRun, read_predictions, trial_results},
    words::count,
};

/// What every export is asked.
#[derive(Debug)]
pub struct ExportOptions {
    /// Whose results.
    pub suite: SuiteOptions,
    /// The folder to write.
    pub to: PathBuf,
    /// Names that no record has.
    pub names: Names,
}

/// Which cards of models are wanted.
#[derive(Debug)]
pub struct CardOptions {
    /// Whose weights.
    pub suite: SuiteOptions,
    /// The folder that gets a folder for each trial; none puts each card beside its weights.
    pub to: Option<PathBuf>,
    /// The start model on Hugging Face's hub, where `models.lock` does not know it by its name.
    pub base_model: Option<ModelId>,
}

/// The name of a card on Hugging Face.
const CARD: &str = "README.md";

/// Who reads an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// lm-evaluation-harness.
    LmEval,
    /// Every Eval Ever.
    EveryEvalEver,
}

/// Writes what is done of the last run, and prints the folder.
pub fn export(options: &ExportOptions, reader: Reader, detail: Detail) -> anyhow::Result<Exit> {
    let run = StoredRun::find(&options.suite)?;
    let statuses = trial_statuses(&run.store, &run.request.trials, &run.binding)?;
    let is_complete = run.is_complete(&statuses, detail)?;
    check_is_new(&options.to)?;
    let results = named_results(&run, &statuses)?;
    let context = context::gather(&run, &options.names)?;
    let write = match reader {
        Reader::LmEval => write_lm_eval,
        Reader::EveryEvalEver => write_every_eval_ever,
    };
    let Exported { paths, left_out } =
        write(&results, &context, &options.to, &mut |trial, cell| {
            read_predictions(&run.store, &statuses, (trial, cell))
        })?;
    tell_left_out(&left_out);
    let n_cells: usize = results.iter().map(|results| results.cells.len()).sum();
    detail.say(&format!(
        "{} of {} in {}",
        count(paths.len(), "file"),
        count(n_cells - left_out.len(), "cell"),
        options.to.display()
    ));
    print(&format!("{}\n", options.to.display()))?;
    Ok(if is_complete && left_out.is_empty() { Exit::Ok } else { Exit::Incomplete })
}

/// Writes a folder that `load_dataset` reads: the frames in Parquet, and a card.
pub fn dataset(options: &ExportOptions, detail: Detail) -> anyhow::Result<Exit> {
    let run = StoredRun::find(&options.suite)?;
    let StoredRun { request, store, binding } = &run;
    let statuses = trial_statuses(store, &request.trials, binding)?;
    let is_complete = run.is_complete(&statuses, detail)?;
    check_is_new(&options.to)?;
    create_dir(&options.to)?;
    let results = named_results(&run, &statuses)?;
    let formats = ReportFormats::default();
    let writer = ReportWriter::new(request, store, binding, &formats, None, detail);
    let stem = |frame: &str| match frame.strip_prefix('.') {
        Some(frame) => options.to.join(frame),
        None => options.to.join("cells"),
    };
    let read = &mut |trial: &Trial, cell| read_predictions(store, &statuses, (trial, cell));
    let frames = writer.write_frames(&results, read, (&stem, &[FrameFormat::Parquet]))?;
    let card = dataset_card(&frames.cells, frames.sizes, &context::gather(&run, &options.names)?);
    write_file(&options.to.join(CARD), card)?;
    print(&format!("{}\n", options.to.display()))?;
    Ok(if is_complete && frames.left_out.is_empty() { Exit::Ok } else { Exit::Incomplete })
}

/// Writes the cards of kept weights, and prints their paths.
pub fn model_cards(options: &CardOptions, detail: Detail) -> anyhow::Result<Exit> {
    let CardOptions { suite, to, base_model } = options;
    let run = StoredRun::find(suite)?;
    let StoredRun { request, store, binding } = &run;
    let statuses = trial_statuses(store, &request.trials, binding)?;
    let is_complete = run.is_complete(&statuses, detail)?;
    let names = Names { base_model: base_model.clone(), organization: None };
    let context = context::gather(&run, &names)?;
    let mut paths = Vec::new();
    for results in named_results(&run, &statuses)? {
        let status = statuses.iter().find(|status| status.trial == results.trial);
        let Some(State::Done(training)) = status.map(|status| &status.training) else { continue };
        let Some(kept) = store.kept_checkpoint(&results.trial, training) else { continue };
        let dir = to.as_ref().map_or(kept, |to| to.join(results.trial.key()));
        let path = dir.join(CARD);
        check_is_ours(&path)?;
        create_dir(&dir)?;
        write_file(&path, model_card(&results, &context)?)?;
        paths.push(path);
    }
    if paths.is_empty() {
        return Err(Exit::Incomplete.because(anyhow!(
            "no weights are kept of these trials in `{}`\nhint: `{} --keep-checkpoints` keeps them",
            store.dir().display(),
            request.command
        )));
    }
    print(&paths.iter().map(|path| format!("{}\n", path.display())).collect::<String>())?;
    Ok(if is_complete { Exit::Ok } else { Exit::Incomplete })
}

/// Refuses to write over a card that somebody else wrote.
fn check_is_ours(path: &Path) -> anyhow::Result<()> {
    match clsrl_files::read_to_string(path, limit::SETTINGS) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Ok(text) if text.contains(MODEL_CARD_MARK) => Ok(()),
        _ => Err(Exit::Usage.because(anyhow!(
            "`{}` is another file than a card of this program\nhint: move it away, or name a folder with --to",
            path.display()
        ))),
    }
}

/// What is done of a run, with the names of its suite and of its model.
fn named_results(run: &StoredRun, statuses: &[TrialStatus]) -> anyhow::Result<Vec<TrialResults>> {
    let model = InputNames::read(&run.store)?.model;
    let mut results: Vec<TrialResults> =
        statuses.iter().filter_map(|status| trial_results(status, &run.binding)).collect();
    for TrialResults { provenance, .. } in &mut results {
        provenance.suite.clone_from(&run.request.suite.name);
        provenance.model.clone_from(&model);
    }
    Ok(results)
}

fn tell_left_out(left_out: &[LeftOut]) {
    for LeftOut { trial, cell, reason } in left_out {
        note(&format!("warning: cell `{cell}` of trial `{trial}` is left out: {reason}"));
    }
}

/// Refuses a folder with something in it: files of other results would stand among these.
fn check_is_new(dir: &Path) -> anyhow::Result<()> {
    let why = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => format!("cannot be written to: {error}"),
        Ok(mut entries) => match entries.next() {
            None => return Ok(()),
            Some(_) => "has something in it".to_owned(),
        },
    };
    Err(Exit::Usage.because(anyhow!(
        "`{}` {why}\nhint: name a folder that is not there yet, or an empty one",
        dir.display()
    )))
}
