//! `datasets lock`: writes what lies there into the lock.

use std::{fs, path::Path};

use anyhow::{Context, anyhow};
use clsrl_data::lock::{Mode, find_misplaced, measure};
use clsrl_spec::{
    DatasetId,
    lock::{Change, Known, Lock, LockEntry, LockKey, changes, with_entries},
};
use serde::Serialize;

use super::place::Place;
use crate::{
    broken::broken_images,
    exit::Exit,
    locked::{parse_lock, with_meter},
    options::DatasetsOptions,
    output::print,
    progress::Detail,
};

/// The largest lock that is read.
const MAX_BYTES: u64 = 64 << 20;

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
pub fn lock(
    options: &DatasetsOptions,
    accept_changes: bool,
    detail: Detail,
) -> anyhow::Result<Exit> {
    let place = Place::find(options, true, detail)?;
    place.expect_some(detail)?;
    let mut reports = Vec::new();
    for &id in &place.ids {
        reports.push(measure_dataset(&place, id, detail)?);
    }
    // What is there when it is written counts: another process may lock other datasets at the same time. What a
    // link leads to is replaced, not the link.
    let written = &place.lock_file.written;
    let path = fs::canonicalize(written).unwrap_or_else(|_| written.clone());
    clsrl_files::update(&path, MAX_BYTES, |before| {
        let before = String::from_utf8(place.lock_file.before(before))
            .with_context(|| format!("the lock `{}` is no UTF-8", written.display()))?;
        update_text(written, &before, &mut reports, accept_changes)
    })
    .map_err(|error: anyhow::Error| match error.downcast::<std::io::Error>() {
        Ok(error) => {
            anyhow::Error::new(error).context(format!("cannot write `{}`", written.display()))
        }
        Err(error) => error,
    })?;
    print(&match options.json {
        true => serde_json::to_string_pretty(&reports)? + "\n",
        false => reports.iter().map(section).collect(),
    })?;
    let is_whole = reports.iter().all(|report| report.faults.is_empty());
    Ok(if is_whole { Exit::Ok } else { Exit::Differs })
}

/// The lock with what was measured in it; none if that changes nothing.
fn update_text(
    path: &Path,
    before: &str,
    reports: &mut [Report],
    accept_changes: bool,
) -> anyhow::Result<Option<Vec<u8>>> {
    let lock = parse_lock(path, before)?;
    reports.iter_mut().for_each(|report| report.compare(&lock));
    let refused: Vec<&Report> =
        reports.iter().filter(|report| report.replaces && !accept_changes).collect();
    if !refused.is_empty() {
        let message: String = refused.iter().map(|report| section(report)).collect();
        return Err(Exit::Differs.because(anyhow!(
            "the lock `{}` was verified with other contents; it is left as it was\n{}\n\
             hint: restore the data, or accept it with --accept-changes",
            path.display(),
            message.trim_end()
        )));
    }
    let entries: Vec<(LockKey, LockEntry)> =
        reports.iter().filter_map(|report| report.locked.clone()).collect();
    let text = with_entries(before, &entries)
        .with_context(|| format!("cannot write into `{}`", path.display()))?;
    Ok((text != before).then(|| text.into_bytes()))
}

impl Report {
    /// Tells what the measured values change in a lock.
    fn compare(&mut self, lock: &Lock) {
        let Some((key, entry)) = &self.locked else { return };
        let before = lock.entry(*key).cloned().unwrap_or_default();
        let changes = changes(&before, entry);
        self.replaces = changes.iter().any(|change| change.replaces);
        self.changes = changes.iter().map(sentence).collect();
    }
}

fn measure_dataset(place: &Place, id: DatasetId, detail: Detail) -> anyhow::Result<Report> {
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
    let mut measured = with_meter(detail, id, (Mode::Deep, &place.sidecars), |checking| {
        measure(&dataset, checking)
    })?;
    // What cannot be decoded must not become what everybody is compared with.
    if let Some(tree) = measured.entry.images.verified() {
        let broken = broken_images(&dataset, tree, (&place.sidecars, detail))?;
        if !broken.is_empty() {
            measured.entry.images = Known::Unverified;
            measured.faults.extend(broken);
        }
    }
    report.faults = measured.faults.iter().map(ToString::to_string).collect();
    if !report.faults.is_empty() || !measured.missing_folders.is_empty() {
        report.faults.extend(find_misplaced(&dataset));
    }
    let folders = measured.missing_folders.iter();
    report.left_out = folders
        .map(|folder| format!("`{folder}` is not there, so the images are not locked"))
        .chain(measured.not_standard)
        .chain(measured.links.iter().map(|folder| {
            format!("links lead into `{}`, where runs follow them from now on", folder.display())
        }))
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
