//! TensorBoard: an event file for each trial, which grows while the trial runs.
//!
//! Owns how a step's row, a cell's accuracy and a trial's description become summaries. Tags are the columns of the
//! curves' frame, so that a curve has one name wherever it is looked at. Scalars are the `simple_value`s that every
//! reader of event files knows.

mod event;

use std::{
    fs, io,
    path::{Path, PathBuf},
    process,
    time::{SystemTime, UNIX_EPOCH},
};

use clsrl_files::GrowingFile;
use clsrl_spec::CellOutcome;

use self::event::{Event, Summary, SummaryValue};
use crate::{
    ReportError,
    rows::{FrameRow, Kind, StepRow},
};

/// What the names of event files begin with, wherever they are written.
const PREFIX: &str = "events.out.tfevents.";

/// The first record of a file.
const FILE_VERSION: &str = "brain.Event:2";

/// A trial's event file in the making.
#[derive(Debug)]
pub struct EventFile {
    path: PathBuf,
    file: GrowingFile,
    /// The optimizer steps that are done.
    step: usize,
}

impl EventFile {
    /// Begins a fine-tune's file, in place of those of earlier attempts: a fine-tune begins anew, and its steps would
    /// stand there twice.
    pub fn begin(dir: &Path) -> Result<Self, ReportError> {
        create_dir(dir)?;
        remove_event_files(dir).map_err(|source| write_error(dir, source))?;
        EventFile::create(dir, 0)
    }

    /// Begins a further file of a trial, after so many steps. Steps after those that stand in other files were lost, and
    /// count no more.
    pub fn go_on(dir: &Path, n_steps: usize) -> Result<Self, ReportError> {
        create_dir(dir)?;
        let mut file = EventFile::create(dir, n_steps)?;
        file.append(Event::restart(since_epoch(SystemTime::now()), n_steps + 1))?;
        Ok(file)
    }

    fn create(dir: &Path, step: usize) -> Result<Self, ReportError> {
        let now = SystemTime::now();
        let seconds = since_epoch(now) as u64;
        let mut n_taken = 0;
        let (path, file) = loop {
            let name = format!("{PREFIX}{seconds}.clsrl-bench.{}.{n_taken}", process::id());
            let path = dir.join(name);
            match GrowingFile::create(&path) {
                Ok(file) => break (path, file),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => n_taken += 1,
                Err(source) => return Err(write_error(&path, source)),
            }
        };
        let mut file = EventFile { path, file, step };
        let version = Some(FILE_VERSION.to_owned());
        file.append(Event { file_version: version, ..Event::at(since_epoch(now), 0) })?;
        Ok(file)
    }

    /// Adds an optimizer step: every number of its row.
    pub fn add_step(&mut self, row: &StepRow) -> Result<(), ReportError> {
        self.step = row.step;
        let columns = StepRow::columns().into_iter().zip(row.values());
        let numbers = columns.filter(|(column, _)| column.kind == Kind::Number);
        let scalars = numbers.filter_map(|(column, value)| {
            Some(SummaryValue::scalar(tag(column.name), value.number()?))
        });
        self.add(scalars.collect())
    }

    /// Adds the accuracies of a cell, in percent, at the last step.
    pub fn add_cell(&mut self, outcome: &CellOutcome) -> Result<(), ReportError> {
        let cell = outcome.cell;
        let scores =
            [("published_pct", outcome.published_pct()), ("strict_pct", outcome.strict_pct())];
        let scores = scores.into_iter().filter(|(_, score)| score.is_finite());
        let scalars = scores.map(|(name, pct)| SummaryValue::scalar(format!("{name}/{cell}"), pct));
        self.add(scalars.collect())
    }

    /// Adds a text in Markdown.
    pub fn add_text(&mut self, tag: &str, markdown: &str) -> Result<(), ReportError> {
        self.add(vec![SummaryValue::text(tag, markdown)])
    }

    fn add(&mut self, value: Vec<SummaryValue>) -> Result<(), ReportError> {
        let summary = Some(Summary { value });
        self.append(Event { summary, ..Event::at(since_epoch(SystemTime::now()), self.step) })
    }

    fn append(&mut self, event: Event) -> Result<(), ReportError> {
        self.file.append(&event.record()).map_err(|source| write_error(&self.path, source))
    }
}

/// A column as TensorBoard groups it: rewards, seconds, and the rest of the training.
fn tag(column: &str) -> String {
    match (column.strip_suffix("_s"), column.strip_prefix("reward_")) {
        (Some(phase), _) => format!("seconds/{phase}"),
        (None, Some(reward)) => format!("reward/{reward}"),
        (None, None) => format!("train/{column}"),
    }
}

fn since_epoch(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

fn create_dir(dir: &Path) -> Result<(), ReportError> {
    fs::create_dir_all(dir).map_err(|source| write_error(dir, source))
}

fn remove_event_files(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(PREFIX) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn write_error(path: &Path, source: io::Error) -> ReportError {
    ReportError::Write { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests;
