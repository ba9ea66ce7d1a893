//! `rescore`: verdicts given anew from the answers that a run stored, without a model.
//!
//! Records stay as they are: what comes out are frames and a report of their own, by the name
//! `SUITE.rescored-SCORER`. A cell that an older version of the scorers judged counts here, since its
//! answers are those that a run would give now.

mod told;

use std::time::Instant;

use clsrl_report::{Provenance, ScoreChange, TrialResults};
use clsrl_runner::{State, Store, TrialStatus, rescorable_statuses};
use clsrl_spec::{Binding, CellKey, CellRecord, MethodId, Scorer, Trial, training_identity};

use self::told::{as_json, as_text, in_report};
use crate::{
    exit::Exit,
    options::SuiteOptions,
    output::{note, print},
    progress::Detail,
    report_writer::{ReportFormats, ReportWriter},
    sample_images::sample_images_dir,
    stored_run::{StoredRun, provenance, read_predictions},
    words::duration,
};

/// The score that counted at the run, and the one that is asked for.
#[derive(Debug, Clone, Copy)]
struct Scorers {
    before: Scorer,
    now: Scorer,
}

/// What happened to a cell.
#[derive(Debug)]
struct Cell {
    trial: String,
    method: MethodId,
    key: CellKey,
    /// The version of the scorers at the run.
    scored_by: Option<u64>,
    change: ScoreChange,
}

/// Everything under its new verdicts.
#[derive(Debug, Default)]
struct Outcome {
    results: Vec<TrialResults>,
    cells: Vec<Cell>,
    /// Cells without answers that can be read.
    n_left_out: usize,
}

/// What `rescore` is asked for.
#[derive(Debug)]
pub struct RescoreOptions {
    /// Whose answers.
    pub suite: SuiteOptions,
    /// The scorer, instead of the protocol's.
    pub scorer: Option<Scorer>,
    /// Which files of a report.
    pub formats: ReportFormats,
    /// Whether every cell that changes is named.
    pub list: bool,
    /// Whether to print JSON.
    pub json: bool,
}

/// Gives verdicts anew, writes frames and a report of them, and prints what changed.
pub fn rescore(options: &RescoreOptions, detail: Detail) -> anyhow::Result<Exit> {
    let began = Instant::now();
    let mut found = StoredRun::find(&options.suite)?;
    let _lock = found.store.lock_report()?;
    let statuses = rescorable_statuses(&found.store, &found.request.trials, &found.binding)?;
    let is_complete = found.is_complete(&statuses, detail)?;
    let before = found.request.suite.protocol.scorer;
    let scorers = Scorers { before, now: options.scorer.unwrap_or(before) };
    let mut outcome = Outcome::default();
    for status in &statuses {
        outcome.add(&found.store, status, &found.binding, scorers);
    }

    let suite = &mut found.request.suite;
    suite.protocol.scorer = scorers.now;
    let told = in_report(&outcome, &options.suite.suite, scorers);
    suite.description = format!("{} {told}", suite.description);
    let name = format!("{}.rescored-{}", suite.name, scorers.now.as_str());
    let StoredRun { request, store, binding } = &found;
    let data_dir = sample_images_dir(request, store, None, detail)?;
    let data_dir = data_dir.as_deref();
    let formats = &options.formats;
    let writer = ReportWriter { request, store, binding, name, formats, data_dir };
    let written = writer.write(&outcome.results, &mut |trial, cell| {
        let record = outcome.record(trial, cell);
        let stored = read_predictions(store, &statuses, (trial, cell))?;
        Ok(clsrl_report::rescore(record, &stored).predictions)
    })?;
    let done = format!("rescored in {}", duration(began.elapsed()));
    match options.json {
        true => {
            let path = written.paths.last().map(|path| path.display().to_string());
            let path = path.unwrap_or_default();
            print(&format!("{:#}\n", as_json(&outcome, scorers, &path)))?;
        }
        false => {
            let changes = as_text(&outcome, scorers, options.list);
            print(&format!("{changes}\n{}", written.render(&done, detail)))?;
        }
    }
    let exit = written.exit;
    Ok(if is_complete && outcome.n_left_out == 0 { exit } else { Exit::Incomplete })
}

impl Outcome {
    /// Gives the verdicts of a trial's cells anew; tells of those whose answers cannot be read.
    fn add(&mut self, store: &Store, status: &TrialStatus, binding: &Binding, scorers: Scorers) {
        let TrialStatus { trial, training: State::Done(training), cells, .. } = status else {
            return;
        };
        let provenance = provenance(status, binding);
        let mut results = TrialResults {
            trial: trial.clone(),
            training_id: training_identity(trial, binding).id(),
            training: training.record.clone(),
            cells: Vec::new(),
            provenance: Provenance { rescored: true, ..provenance },
        };
        for (key, state) in cells {
            let State::Done(done) = state else { continue };
            let stored = match store.read_predictions(trial, done) {
                Ok(stored) => stored,
                Err(why) => {
                    let trial = trial.key();
                    note(&format!("warning: cell `{key}` of trial `{trial}` is left out: {why}"));
                    self.n_left_out += 1;
                    continue;
                }
            };
            let identity = &done.identity;
            let rescored = clsrl_report::rescore(&done.record, &stored);
            let scored_by = identity.json()["scorer"].as_u64();
            let change = rescored.change(&stored, scorers.before, scorers.now);
            self.cells.push(Cell {
                trial: trial.key(),
                method: trial.method,
                key: *key,
                scored_by,
                change,
            });
            results.cells.push((identity.id(), rescored.record));
        }
        self.results.push(results);
    }

    /// The new record of a cell that has one.
    fn record(&self, trial: &Trial, cell: CellKey) -> &CellRecord {
        let of_trial = self.results.iter().filter(|results| results.trial == *trial);
        let mut records = of_trial.flat_map(|results| &results.cells).map(|(_, record)| record);
        records.find(|record| record.outcome.cell == cell).expect("only these cells are written")
    }

    /// What happened to all cells together.
    fn total(&self) -> ScoreChange {
        let mut total = ScoreChange::default();
        self.cells.iter().for_each(|cell| total += cell.change);
        total
    }
}
