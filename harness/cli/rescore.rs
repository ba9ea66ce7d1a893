//! `rescore`: verdicts given anew from the answers that a run stored, without a model.
//!
//! Records stay as they are: what comes out are frames and a report of their own, by the name
//! `SUITE.rescored-SCORER`. A cell that an older version of the scorers judged counts here, since its
//! answers are those that a run would give now.

mod outcome;
mod output;

use std::time::Instant;

use clsrl_runner::rescorable_statuses;
use clsrl_spec::Scorer;

use self::{
    outcome::{Outcome, Scorers},
    output::{render_json, render_text, summarize},
};
use crate::{
    exit::Exit,
    options::SuiteOptions,
    output::print,
    progress::Detail,
    report_writer::{ReportFormats, ReportWriter},
    sample_images::sample_images_dir,
    stored_run::{StoredRun, read_predictions},
    words::duration,
};

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
    let summary = summarize(&outcome, &options.suite.suite, scorers);
    suite.description = format!("{} {summary}", suite.description);
    let name = format!("{}.rescored-{}", suite.name, scorers.now.as_str());
    let StoredRun { request, store, binding } = &found;
    let data_dir = sample_images_dir(request, store, None, detail)?;
    let data_dir = data_dir.as_deref();
    let formats = &options.formats;
    let writer = ReportWriter { request, store, binding, name, formats, data_dir, detail };
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
            print(&format!("{:#}\n", render_json(&outcome, scorers, &path)))?;
        }
        false => {
            let changes = render_text(&outcome, scorers, options.list);
            print(&format!("{changes}\n{}", written.render(&done, detail)))?;
        }
    }
    let exit = written.exit;
    Ok(if is_complete && outcome.n_left_out == 0 { exit } else { Exit::Incomplete })
}
