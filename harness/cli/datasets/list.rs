//! `datasets list`: a row for each dataset, without reading an image.

use clsrl_data::lock::{Difference, check_lists};
use clsrl_spec::{DatasetId, lock::LockEntry};
use serde::Serialize;

use super::place::Place;
use crate::{exit::Exit, options::DatasetsOptions, output::print, progress::Detail};

/// What is left of 80 columns for what the lock says.
const LOCK_WIDTH: usize = 19;

#[derive(Serialize)]
struct Row {
    dataset: &'static str,
    /// Whether its folder is there.
    there: bool,
    /// The number of images in the lists; none where they cannot be read.
    counts: Option<[usize; 3]>,
    /// Why the lists cannot be read.
    fault: Option<String>,
    /// Whether the lists are those that everybody uses; none where nobody can tell.
    standard_split: Option<bool>,
    /// What the lock says, by value: `ok`, `differs`, `locked` (not compared), `unverified`.
    lock: Vec<(&'static str, &'static str)>,
    /// What differs, of lists and annotation files.
    differences: Vec<String>,
}

/// Prints the table.
pub fn list(options: &DatasetsOptions, detail: Detail) -> anyhow::Result<Exit> {
    let place = Place::find(options, false, detail)?;
    let mut ids = [place.ids.as_slice(), &place.absent].concat();
    ids.sort();
    let rows: Vec<Row> = ids.into_iter().map(|id| row(&place, id)).collect();
    let text = match options.json {
        true => serde_json::to_string_pretty(&rows)? + "\n",
        false => table(&rows),
    };
    print(&text)?;
    Ok(Exit::Ok)
}

fn row(place: &Place, id: DatasetId) -> Row {
    let there = place.dir(id).exists();
    let entry = place.entry(id);
    let opened = there.then(|| place.open(id));
    let dataset = opened.as_ref().and_then(|opened| opened.as_ref().ok());
    let differences: Vec<Difference> = match (dataset, entry) {
        (Some(dataset), Some(entry)) => check_lists(dataset, entry),
        _ => Vec::new(),
    };
    let standard_split = dataset.map(|dataset| dataset.not_standard().is_none());
    Row {
        dataset: id.as_str(),
        there,
        counts: dataset.map(|dataset| [dataset.train.len(), dataset.val.len(), dataset.test.len()]),
        fault: opened.as_ref().and_then(|opened| opened.as_ref().err().cloned()),
        standard_split: standard_split.map(|standard| {
            standard && !differences.iter().any(|difference| difference.subject == "split")
        }),
        lock: states(entry, dataset.is_some(), &differences),
        differences: differences.iter().map(ToString::to_string).collect(),
    }
}

fn states(
    entry: Option<&LockEntry>,
    is_compared: bool,
    differences: &[Difference],
) -> Vec<(&'static str, &'static str)> {
    let unlocked = LockEntry::default();
    let unverified = entry.unwrap_or(&unlocked).unverified();
    let differs = |value: &str| {
        differences.iter().any(|difference| match difference.subject.split('.').next() {
            Some(first @ ("counts" | "classes" | "split")) => first == value,
            _ => value == "annotations",
        })
    };
    ["counts", "classes", "split", "annotations", "images"]
        .map(|value| {
            let state = match value {
                _ if differs(value) => "differs",
                _ if unverified.contains(&value) => "unverified",
                "images" => "locked",
                _ if is_compared => "ok",
                _ => "locked",
            };
            (value, state)
        })
        .to_vec()
}

fn table(rows: &[Row]) -> String {
    let mut text = format!(
        "{:<15}{:<9}{:>9}{:>8}{:>8}  {:<10}{}\n",
        "dataset", "lists", "train", "val", "test", "split", "lock"
    );
    for row in rows {
        let lists = match (row.there, row.counts) {
            (false, _) => "absent",
            (true, None) => "faulty",
            (true, Some(_)) => "read",
        };
        let counts = row.counts.map_or([const { String::new() }; 3], |n| n.map(|n| n.to_string()));
        let split = match row.standard_split {
            Some(true) => "standard",
            Some(false) => "another",
            None => "",
        };
        let [train, val, test] = counts;
        text += &format!("{:<15}{lists:<9}{train:>9}{val:>8}{test:>8}  {split:<10}", row.dataset,);
        let lock = summarize(&row.lock);
        text = match lock.chars().count() <= LOCK_WIDTH {
            true => format!("{text}{lock}\n"),
            false => format!("{}\n    {lock}\n", text.trim_end()),
        };
        let faults = row.fault.iter().flat_map(|fault| fault.lines()).map(str::to_owned);
        for line in faults.chain(row.differences.iter().cloned()) {
            text += &format!("    {line}\n");
        }
    }
    text
}

/// The states with the values that they are of, each state once; in two words where nothing is open. Images are not
/// compared here.
fn summarize(lock: &[(&str, &str)]) -> String {
    if lock.iter().all(|(_, state)| ["ok", "locked"].contains(state)) {
        return "as locked".to_owned();
    }
    let of_state = |state: &str| {
        let values: Vec<&str> =
            lock.iter().filter(|(_, of)| *of == state).map(|(value, _)| *value).collect();
        (!values.is_empty()).then(|| format!("{state}: {}", values.join(" ")))
    };
    let parts: Vec<String> =
        ["differs", "unverified", "ok", "locked"].into_iter().filter_map(of_state).collect();
    parts.join("; ")
}
