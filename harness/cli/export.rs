//! `export`: a run's results as other tools have them.

mod context;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::anyhow;
use clsrl_report::{Exported, LeftOut, TrialResults, write_every_eval_ever, write_lm_eval};
use clsrl_runner::{TrialStatus, trial_statuses};
use clsrl_spec::ModelId;

use self::context::export_context;
use crate::{
    exit::Exit,
    options::SuiteOptions,
    output::{note, print},
    progress::Detail,
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
    /// The start model on Hugging Face's hub, where `models.lock` does not know it by its name.
    pub base_model: Option<ModelId>,
    /// Who made the results, for those who ask.
    pub organization: Option<String>,
}

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
    let context = export_context(&run, options)?;
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
