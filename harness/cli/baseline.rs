//! `baseline save`: keeps the verdicts of a run for the gate.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow};
use clsrl_report::baseline::{Baseline, Observed, SavedCell, SavedKey};

use crate::{
    exit::Exit,
    named_file::{BASELINES, NamedFile},
    observed_run::{Run, read_run},
    options::SuiteOptions,
    output::print,
    progress::Detail,
    project::Project,
};

/// The largest baseline that is read: that of the smoke suite has 110 KB.
const MAX_BYTES: u64 = 256 << 20;

/// How many cells are named where some cannot be kept.
const MAX_NAMED: usize = 10;

/// What `baseline save` is asked for.
#[derive(Debug)]
pub struct SaveOptions {
    /// The baseline's name, or the path of its file.
    pub name: String,
    /// Whose results.
    pub suite: SuiteOptions,
    /// Save what is done although some cells are missing.
    pub allow_incomplete: bool,
}

/// Writes the baseline and prints its path.
///
/// What is not as locked is never kept, because nothing could be held to it.
pub fn save(options: &SaveOptions, detail: Detail) -> anyhow::Result<Exit> {
    let run = read_run(&options.suite)?;
    let path = find_baseline(&run.request.project, &options.name);
    let cells = select_cells(&run, options.allow_incomplete, detail)?;
    if let Some(unsealed) = run.describe_unsealed() {
        detail.say(&unsealed);
    }
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).with_context(|| format!("cannot create `{}`", dir.display()))?;
    }
    // Runs of several machines may add their wall-clock to one baseline at the same time.
    let cannot_write = || format!("cannot write `{}`", path.display());
    clsrl_files::update(&path, MAX_BYTES, |before| {
        let before = before.map(|bytes| parse(&bytes, &path)).transpose()?;
        let baseline = build(&run, &cells, before, &path, detail)?;
        Ok(Some(baseline.write().into_bytes()))
    })
    .map_err(|error: anyhow::Error| match error.is::<std::io::Error>() {
        true => error.context(cannot_write()),
        false => error,
    })?;
    detail.say(&format!("{} cells kept", cells.len()));
    print(&format!("{}\n", path.display()))?;
    Ok(Exit::Ok)
}

/// The baseline of a run; of one before it that has the same cells it keeps the wall-clock history.
fn build(
    run: &Run,
    cells: &[SavedCell],
    before: Option<Baseline>,
    path: &Path,
    detail: Detail,
) -> anyhow::Result<Baseline> {
    let mut history = Vec::new();
    if let Some(before) = before {
        check_suite(&before, run, path)?;
        let keys =
            |cells: &[SavedCell]| cells.iter().map(|cell| cell.key).collect::<Vec<SavedKey>>();
        match keys(&before.cells) == keys(cells) {
            true => history = before.history,
            false => detail.say("the baseline had other cells; its wall-clock history begins anew"),
        }
    }
    match &run.timing {
        Some(timing) => timing.clone().add_to(&mut history),
        None => detail.say("no wall-clock is kept: not everything ran on one kind of machine"),
    }
    Ok(Baseline {
        suite: run.request.suite.name.clone(),
        protocol: run.request.suite.protocol.name.clone(),
        device_kind: run.binding.device_kind.clone(),
        precision: run.binding.precision.clone(),
        commit: run.commit.clone(),
        digests: run.digests(),
        cells: cells.to_vec(),
        history,
        is_sealed: true,
    })
}

/// Reads a baseline's file.
pub fn read_baseline(project: &Project, named: &str) -> anyhow::Result<Baseline> {
    let NamedFile { path, shown } = BASELINES.resolve(project, named);
    let bytes = clsrl_files::read(&path, MAX_BYTES)
        .with_context(|| {
            format!(
                "cannot read baseline `{shown}`\nhint: {}\n\
                 hint: `clsrl-bench baseline save NAME --suite SUITE` makes one of a run",
                BASELINES.hint(project, named)
            )
        })
        .map_err(|error| Exit::Usage.because(error))?;
    parse(&bytes, &path)
}

/// The file of a baseline.
pub fn find_baseline(project: &Project, named: &str) -> PathBuf {
    BASELINES.resolve(project, named).path
}

fn parse(bytes: &[u8], path: &Path) -> anyhow::Result<Baseline> {
    let shown = path.display().to_string();
    let read = match str::from_utf8(bytes) {
        Ok(text) => Baseline::read(text, &shown).map_err(anyhow::Error::from),
        Err(error) => Err(anyhow!("baseline `{shown}` is damaged: it is no UTF-8 ({error})")),
    };
    read.map_err(|error| Exit::Usage.because(error))
}

/// Refuses a baseline of another suite or protocol.
pub fn check_suite(baseline: &Baseline, run: &Run, path: &Path) -> anyhow::Result<()> {
    let suite = &run.request.suite;
    let found = (&baseline.suite, &baseline.protocol);
    if found == (&suite.name, &suite.protocol.name) {
        return Ok(());
    }
    Err(Exit::Usage.because(anyhow!(
        "baseline `{}` is of suite `{}` under protocol `{}`, expected `{}` under `{}`",
        path.display(),
        found.0,
        found.1,
        suite.name,
        suite.protocol.name
    )))
}

/// The cells in the order of their keys; an error if some are not done or not as locked.
fn select_cells(
    run: &Run,
    allow_incomplete: bool,
    detail: Detail,
) -> anyhow::Result<Vec<SavedCell>> {
    let mut cells = Vec::new();
    let mut not_done = Vec::new();
    let mut unlocked = Vec::new();
    for Observed { key, found } in &run.observed {
        let name = || format!("{} of seed {}, {}", key.method, key.seed, key.cell);
        match found {
            Err(absent) => not_done.push(format!("{}: {}", name(), absent.reason)),
            Ok(cell) if !cell.locked => unlocked.push(name()),
            Ok(cell) => cells.push(cell.clone()),
        }
    }
    if !unlocked.is_empty() {
        return Err(Exit::Differs.because(anyhow!(
            "{} cells rest on data that is not as locked\n{}\n\
             hint: lock the data with `clsrl-bench datasets lock`, then run them again",
            unlocked.len(),
            some(&unlocked)
        )));
    }
    if !not_done.is_empty() {
        let message = format!("{} of {} cells are not done", not_done.len(), run.observed.len());
        if !allow_incomplete || cells.is_empty() {
            return Err(Exit::Incomplete.because(anyhow!(
                "{message}\n{}\nhint: `{}` makes them; --allow-incomplete keeps the others",
                some(&not_done),
                run.request.command
            )));
        }
        detail.say(&format!("{message} and left out of the baseline\n{}", some(&not_done)));
    }
    cells.sort_by_key(|cell| cell.key);
    Ok(cells)
}

fn some(lines: &[String]) -> String {
    let mut some = lines.iter().take(MAX_NAMED).cloned().collect::<Vec<_>>();
    if MAX_NAMED < lines.len() {
        some.push(format!("({} more)", lines.len() - MAX_NAMED));
    }
    some.join("\n")
}
