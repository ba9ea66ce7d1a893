//! `compare`: two runs held to each other, and ends with a code that says how far they can be.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use anyhow::anyhow;
use clap::ValueEnum;
use clsrl_report::{
    baseline::SavedKey,
    compare::{CellOfRun, Comparer, Comparison, Side},
    statistics::Level,
};
use clsrl_runner::{State, TrialStatus, trial_statuses};
use clsrl_spec::{CellKey, CellRecord, Selection, Setting};

use crate::{
    exit::Exit,
    options::{SuiteOptions, Variant},
    output::print,
    stored_run::{InputNames, StoredRun},
};

/// What `compare` is asked for.
#[derive(Debug)]
pub struct CompareOptions {
    /// The runs, A before B: names of results, or their folders.
    pub runs: [String; 2],
    /// The part of both.
    pub selection: Selection,
    /// What makes another experiment of a suite, where the name of a run does not say it.
    pub variant: Variant,
    /// The suite of results folders, if it is not the project's of the folder's name.
    pub suite: Option<String>,
    /// The folder of results that are named, instead of the project's.
    pub out: Option<PathBuf>,
    /// The share of errors that an interval allows.
    pub alpha: Level,
    /// How the comparison is printed.
    pub format: CompareFormat,
    /// Whether text names everything.
    pub all: bool,
}

/// How a comparison is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CompareFormat {
    /// Plain lines.
    Text,
    /// Markdown.
    Markdown,
    /// One HTML file.
    Html,
    /// JSON.
    Json,
}

/// The file that every results folder has.
const LAST_RUN: &str = "last-run.json";

/// A run as it was found.
struct Run {
    stored: StoredRun,
    statuses: Vec<TrialStatus>,
    side: Side,
}

/// Compares two runs and prints what changed.
pub fn compare(options: &CompareOptions) -> anyhow::Result<Exit> {
    let [a, b] = options.runs.each_ref().map(|named| read(named, options));
    let (a, b) = (a?, b?);
    let scorer = a.stored.request.suite.protocol.scorer;
    let mut comparer = Comparer::new(scorer);
    let [of_a, of_b] = [&a, &b].map(Run::cells);
    let keys: BTreeSet<SavedKey> = of_a.keys().chain(of_b.keys()).copied().collect();
    for key in keys {
        let sides = [(&a, &of_a), (&b, &of_b)].map(|(run, cells)| match cells.get(&key) {
            Some((status, cell, state)) => run.cell(status, *cell, state),
            None => Err("it has no such cell".to_owned()),
        });
        comparer.add(key, sides);
    }
    let comparison = comparer.finish([a.side, b.side], options.alpha);
    if comparison.is_empty() {
        let why = comparison
            .unpaired
            .first()
            .map_or_else(String::new, |(name, reason)| format!("; the first: {name}: {reason}"));
        return Err(Exit::NothingSelected.because(anyhow!(
            "`{}` and `{}` have no finished cell in common{why}\nhint: what the runs were made with, \
             --limit included, is given here as well where anything is selected",
            options.runs[0],
            options.runs[1]
        )));
    }
    print(&match options.format {
        CompareFormat::Text => comparison.text(options.all),
        CompareFormat::Markdown => comparison.markdown(),
        CompareFormat::Html => comparison.html(),
        CompareFormat::Json => comparison.json(),
    })?;
    Ok(exit(&comparison))
}

fn exit(comparison: &Comparison) -> Exit {
    match (comparison.is_of_other_data(), comparison.is_complete()) {
        (true, _) => Exit::Differs,
        (false, false) => Exit::Incomplete,
        (false, true) => Exit::Ok,
    }
}

/// Finds a run by the name of its results or by their folder.
fn read(named: &str, options: &CompareOptions) -> anyhow::Result<Run> {
    let (name, out) = match Path::new(named).is_dir() {
        true => folder(Path::new(named))?,
        false => (named.to_owned(), options.out.clone()),
    };
    let is_path = named.ends_with(".toml") && !Path::new(named).is_dir();
    let (suite, protocol, lora, set) =
        if is_path { (name, None, None, Vec::new()) } else { parts(&name) };
    let given = options.variant.clone();
    let set = if is_path { given.set } else { named_settings(&set, &given.set)? };
    let (protocol, lora) = (protocol.or(given.protocol), lora.or(given.lora));
    let variant = Variant { protocol, lora, set };
    let suite = match (&options.suite, &out) {
        (Some(given), Some(_)) => given.clone(),
        _ => suite,
    };
    let selection = options.selection.clone();
    let stored = StoredRun::find(&SuiteOptions { suite, selection, variant, out })?;
    let statuses = trial_statuses(&stored.store, &stored.request.trials, &stored.binding)?;
    let side = side(named, &stored, &statuses)?;
    Ok(Run { stored, statuses, side })
}

/// The name of the results in a folder, and the folder that they lie in.
fn folder(dir: &Path) -> anyhow::Result<(String, Option<PathBuf>)> {
    let name_of = |dir: &Path| Some(dir.file_name()?.to_str()?.to_owned());
    let whole = dir.canonicalize()?;
    if let (true, Some(name), Some(parent)) =
        (dir.join(LAST_RUN).exists(), name_of(&whole), whole.parent())
    {
        return Ok((name, Some(parent.to_owned())));
    }
    let entries = std::fs::read_dir(dir)?.flatten().map(|entry| entry.path());
    let mut names: Vec<String> = entries
        .filter(|path| path.join(LAST_RUN).exists())
        .filter_map(|path| name_of(&path))
        .collect();
    names.sort();
    match names.as_slice() {
        [one] => Ok((one.clone(), Some(whole))),
        [] => Err(Exit::Usage.because(anyhow!("`{}` has no results of a run", dir.display()))),
        several => Err(Exit::Usage.because(anyhow!(
            "`{}` has results of several suites\nhint: name one of its folders {}",
            dir.display(),
            several.join(", ")
        ))),
    }
}

/// The settings whose parts a name of results has, of those that were given.
fn named_settings(parts: &[String], given: &[Setting]) -> anyhow::Result<Vec<Setting>> {
    let find = |part: &String| {
        let found = given.iter().find(|setting| setting.part_of_name() == *part);
        found.cloned().ok_or_else(|| {
            Exit::Usage.because(anyhow!(
                "`{part}` names a field that was set, and not its value\nhint: give it as it was given to the run, \
                 by --set"
            ))
        })
    };
    parts.iter().map(find).collect()
}

/// The suite of a name of results, and the protocol, the rank of adapters and the fields that were set that it may end
/// with.
fn parts(name: &str) -> (String, Option<String>, Option<usize>, Vec<String>) {
    let mut parts = name.split('.');
    let suite = parts.next().unwrap_or_default().to_owned();
    let (mut protocol, mut lora, mut set) = (None, None, Vec::new());
    for part in parts {
        if part.starts_with("set-") {
            set.push(part.to_owned());
            continue;
        }
        match part.strip_prefix("lora").and_then(|rank| rank.parse().ok()) {
            Some(rank) => lora = Some(rank),
            None => protocol = Some(part.to_owned()),
        }
    }
    (suite, protocol, lora, set)
}

fn side(named: &str, stored: &StoredRun, statuses: &[TrialStatus]) -> anyhow::Result<Side> {
    let commit = statuses.iter().find_map(|status| match &status.training {
        State::Done(training) => Some(training.record.run.place.commit.clone()),
        State::Stale(_) | State::Missing(_) => None,
    });
    let InputNames { model, .. } = InputNames::read(&stored.store)?;
    Ok(Side {
        name: named.to_owned(),
        suite: stored.request.suite.name.clone(),
        protocol: stored.request.suite.protocol.name.clone(),
        model,
        device: format!("{} in {}", stored.binding.device_kind, stored.binding.precision),
        commit: commit.unwrap_or_else(|| "unknown".to_owned()),
    })
}

type Cells<'a> = BTreeMap<SavedKey, (&'a TrialStatus, CellKey, &'a State<CellRecord>)>;

impl Run {
    /// Every cell of the plan by its name.
    fn cells(&self) -> Cells<'_> {
        let of_trial = |status: &'_ TrialStatus| -> Vec<_> {
            let cells = status.cells.iter();
            cells.map(|(cell, _)| SavedKey::of(&status.trial, *cell)).collect()
        };
        let mut all = BTreeMap::new();
        for status in &self.statuses {
            for (key, (cell, state)) in of_trial(status).into_iter().zip(&status.cells) {
                all.insert(key, (status, *cell, state));
            }
        }
        all
    }

    /// What is known of a finished cell, or why it is none.
    fn cell(
        &self,
        status: &TrialStatus,
        cell: CellKey,
        state: &State<CellRecord>,
    ) -> Result<CellOfRun, String> {
        let store = &self.stored.store;
        let (State::Done(training), State::Done(done)) = (&status.training, state) else {
            let reasons = state.reasons();
            return Err(match reasons.is_empty() {
                true => format!("its fine-tune is not done ({cell})"),
                false => reasons.join("; "),
            });
        };
        Ok(CellOfRun {
            training: training.identity.json().clone(),
            identity: done.identity.json().clone(),
            is_locked: done.record.outcome.locked,
            predictions: store.read_predictions(&status.trial, done)?,
        })
    }
}
