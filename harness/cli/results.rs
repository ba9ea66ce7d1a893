//! `results merge`: several results folders become one.

use std::path::PathBuf;

use anyhow::anyhow;
use clsrl_runner::{LastRun, Merged, Store, merge};

use crate::{
    exit::Exit,
    options::SuiteOptions,
    output::{note, print},
    progress::Detail,
    request::Request,
    words::count,
};

/// Results to merge.
#[derive(Debug)]
pub struct MergeOptions {
    /// The suite and the part of it, and the folder to merge into.
    pub suite: SuiteOptions,
    /// The folders to merge.
    pub from: Vec<PathBuf>,
    /// Whether the first folder wins a conflict.
    pub prefers_first: bool,
}

/// Merges, and tells what came, what does not agree and what is missing.
pub fn merge_folders(options: &MergeOptions, detail: Detail) -> anyhow::Result<Exit> {
    let request = Request::load(&options.suite)?;
    let into = request.store();
    let from: Vec<Store> =
        options.from.iter().map(|dir| Store::new(dir, &request.suite.name)).collect();
    for store in &from {
        if !store.dir().is_dir() {
            let dir = store.dir().display();
            return Err(Exit::Usage.because(anyhow!(
                "there are no results in `{dir}`\nhint: name the folder that was given to `run --out`, \
                 which has one for the suite"
            )));
        }
    }
    let _lock = into.lock()?;
    let merged = merge(&from, &into, &request.trials, options.prefers_first)?;
    remember(&request, &from, &into)?;
    for reason in &merged.left_out {
        detail.say(&format!("left out {reason}"));
    }
    for conflict in &merged.conflicts {
        let ending = if conflict.is_settled { "; the first one's are taken" } else { "" };
        note(&format!("conflict: trial `{}`: {}{ending}", conflict.trial, conflict.reason));
    }
    print(&summary(&merged, &into))?;
    let open = || merged.conflicts.iter().filter(|conflict| !conflict.is_settled);
    if 0 < open().count() {
        note("hint: --prefer first takes all of such a trial from the first folder that has it");
    }
    Ok(match open().any(|conflict| conflict.is_of_inputs) {
        true => Exit::Differs,
        false if 0 < open().count() || merged.n_cells_there < merged.n_cells_wanted => {
            Exit::Incomplete
        }
        false => Exit::Ok,
    })
}

fn summary(merged: &Merged, into: &Store) -> String {
    let Merged { n_fine_tunes, n_cells, n_known, n_cells_there, n_cells_wanted, .. } = merged;
    format!(
        "merged {} and {} into `{}`, {n_known} records were there already\n\
         {n_cells_there} of {} are there\n",
        count(*n_fine_tunes, "fine-tune"),
        count(*n_cells, "cell"),
        into.dir().display(),
        count(*n_cells_wanted, "cell"),
    )
}

/// Writes for `report` what a run would have written beside the merged results.
fn remember(request: &Request, from: &[Store], into: &Store) -> anyhow::Result<()> {
    if into.read_last_run()?.is_some() {
        return Ok(());
    }
    let Some(found) = from.iter().find_map(|store| store.read_last_run().ok().flatten()) else {
        return Ok(());
    };
    let selection = request.selection.clone();
    Ok(into.write_last_run(&LastRun {
        methods: selection.methods.unwrap_or_default(),
        datasets: selection.datasets.unwrap_or_default(),
        shots: selection.shots.unwrap_or_default(),
        seeds: selection.seeds.unwrap_or_default(),
        limit: selection.limit,
        ..found
    })?)
}
