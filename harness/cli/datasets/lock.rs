//! `datasets lock`: writes what lies there into the lock.

use std::{fs, io::Write, path::Path};

use anyhow::{Context, anyhow};
use clsrl_data::lock::{Mode, measure};
use clsrl_spec::{
    DatasetId,
    lock::{Change, LockEntry, LockKey, changes, with_entries},
};
use serde::Serialize;

use super::Place;
use crate::{args::LockArgs, exit::Exit, locked::metered, output::print, progress::Detail};

#[derive(Serialize)]
struct Report {
    dataset: &'static str,
    /// The lock's table.
    table: String,
    changes: Vec<String>,
    /// Why it is not locked, or not whole.
    faults: Vec<String>,
    /// What there was nothing to lock of.
    left_out: Vec<String>,
    #[serde(skip)]
    locked: Option<(LockKey, LockEntry)>,
    #[serde(skip)]
    replaces: bool,
}

/// Measures the datasets, writes the lock and prints what changed in it.
pub fn lock(args: &LockArgs, detail: Detail) -> anyhow::Result<Exit> {
    let place = Place::find(&args.datasets, true, detail)?;
    place.expect_some(detail)?;
    let mut reports = Vec::new();
    for &id in &place.ids {
        reports.push(measured(&place, id, detail)?);
    }
    let refused: Vec<&Report> =
        reports.iter().filter(|report| report.replaces && !args.accept_changes).collect();
    if !refused.is_empty() {
        let told: String = refused.iter().map(|report| section(report)).collect();
        return Err(Exit::Differs.because(anyhow!(
            "the lock `{}` was verified with other contents; it is left as it was\n{}\n\
             hint: restore the data, or accept it with --accept-changes",
            place.lock_path.display(),
            told.trim_end()
        )));
    }
    let entries: Vec<(LockKey, LockEntry)> =
        reports.iter().filter_map(|report| report.locked.clone()).collect();
    let text = with_entries(&place.lock_text, &entries)
        .with_context(|| format!("cannot write into `{}`", place.lock_path.display()))?;
    if text != place.lock_text {
        write_atomically(&place.lock_path, &text)
            .with_context(|| format!("cannot write `{}`", place.lock_path.display()))?;
    }
    print(&match args.datasets.json {
        true => serde_json::to_string_pretty(&reports)? + "\n",
        false => reports.iter().map(section).collect(),
    })?;
    let is_whole = reports.iter().all(|report| report.faults.is_empty());
    Ok(if is_whole { Exit::Ok } else { Exit::Differs })
}

fn measured(place: &Place, id: DatasetId, detail: Detail) -> anyhow::Result<Report> {
    let key = place.key(id);
    let mut report = Report {
        dataset: id.as_str(),
        table: key.table(),
        changes: Vec::new(),
        faults: Vec::new(),
        left_out: Vec::new(),
        locked: None,
        replaces: false,
    };
    let dataset = match place.open(id) {
        Ok(dataset) => dataset,
        Err(fault) => {
            report.faults.push(fault);
            return Ok(report);
        }
    };
    // What is locked is what was read just now, whatever an earlier pass remembers.
    let measured =
        metered(detail, id, (Mode::Deep, &place.sidecars), |checking| measure(&dataset, checking))?;
    let before = place.entry(id).cloned().unwrap_or_default();
    let changes = changes(&before, &measured.entry);
    report.replaces = changes.iter().any(|change| change.replaces);
    report.changes = changes.iter().map(sentence).collect();
    report.faults = measured.faults.iter().map(ToString::to_string).collect();
    let folders = measured.missing_folders.iter();
    report.left_out = folders
        .map(|folder| format!("`{folder}` is not there, so the pictures are not locked"))
        .chain(measured.not_standard)
        .collect();
    report.locked = Some((key, measured.entry));
    Ok(report)
}

fn sentence(change: &Change) -> String {
    format!("{}: {} → {}", change.what, change.locked, change.found)
}

fn section(report: &Report) -> String {
    let mut text = match (report.locked.is_some(), report.changes.len()) {
        (false, _) => format!("{}: not locked\n", report.table),
        (true, 0) => format!("{}: nothing new\n", report.table),
        (true, 1) => format!("{}: 1 value\n", report.table),
        (true, n) => format!("{}: {n} values\n", report.table),
    };
    let faults = report.faults.iter().flat_map(|fault| fault.lines()).map(str::to_owned);
    for line in report.changes.iter().cloned().chain(faults).chain(report.left_out.iter().cloned())
    {
        text += &format!("  {line}\n");
    }
    text
}

fn write_atomically(path: &Path, text: &str) -> std::io::Result<()> {
    // What a link leads to is replaced, not the link.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut temporary = path.clone().into_os_string();
    temporary.push(format!(".partial-{}", std::process::id()));
    let mut file = fs::File::create(&temporary)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    let renamed = written.and_then(|()| fs::rename(&temporary, &path));
    if renamed.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_file(&temporary);
    }
    renamed
}
