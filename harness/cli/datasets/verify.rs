//! `datasets verify`: everything in which datasets differ from the lock, and images that stand where they
//! must not.
//!
//! It ends with the code for differing data if anything differs or leaks, else with the one for something
//! incomplete if the lock does not verify everything yet.

use clsrl_data::lock::{
    Checked, Difference, Duplicates, Leaks, Mode, check, check_without_lists, duplicates, leaks,
};
use clsrl_spec::{DatasetId, lock::Tree};
use serde::Serialize;

use super::place::Place;
use crate::{
    broken::broken_images, exit::Exit, locked::with_meter, options::DatasetsOptions, output::print,
    progress::Detail,
};

/// How many leaks of one kind are reported one by one.
const MAX_LEAKS: usize = 20;

#[derive(Serialize)]
pub struct Report {
    dataset: &'static str,
    /// The lock's table.
    table: String,
    /// `as locked`, `differs` or `unverified`.
    state: &'static str,
    images: Images,
    differences: Vec<Finding>,
    /// Differences that are not listed.
    more_differences: usize,
    unverified: Vec<&'static str>,
    /// What nobody compares with, and should be known.
    notes: Vec<String>,
    hint: Option<String>,
}

#[derive(Serialize)]
struct Images {
    n_files: usize,
    n_bytes: u64,
    sha256: String,
}

#[derive(Serialize)]
struct Finding {
    kind: &'static str,
    subject: String,
    expected: String,
    found: String,
}

/// Compares the datasets with the lock and prints what differs.
pub fn verify(options: &DatasetsOptions, deep: bool, detail: Detail) -> anyhow::Result<Exit> {
    let place = Place::find(options, false, detail)?;
    place.expect_some(detail)?;
    let mode = if deep { Mode::Deep } else { Mode::Fast };
    let (mut reports, mut first_error) = (Vec::new(), None);
    for &id in &place.ids {
        match verify_dataset(&place, id, mode, detail) {
            Ok(report) => reports.push(report),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    let n_with = |state: &str| reports.iter().filter(|report| report.state == state).count();
    let (n_differ, n_unverified) = (n_with(DIFFERS), n_with(UNVERIFIED));
    print(&match options.json {
        true => serde_json::to_string_pretty(&reports)? + "\n",
        false => {
            let sections: String = reports.iter().map(section).collect();
            let n_locked = n_with(AS_LOCKED);
            let n = reports.len();
            let plural = if n == 1 { "" } else { "s" };
            sections
                + &format!(
                    "{n} dataset{plural}: {n_locked} as locked, {n_differ} with differences, \
                     {n_unverified} not verified yet\n"
                )
        }
    })?;
    match (first_error, n_differ, n_unverified) {
        (Some(error), _, _) => Err(error),
        (None, 0, 0) => Ok(Exit::Ok),
        (None, 0, _) => Ok(Exit::Incomplete),
        (None, _, _) => Ok(Exit::Differs),
    }
}

const AS_LOCKED: &str = "as locked";
const DIFFERS: &str = "differs";
const UNVERIFIED: &str = "unverified";

/// Compares a dataset with the lock.
pub fn verify_dataset(
    place: &Place,
    id: DatasetId,
    mode: Mode,
    detail: Detail,
) -> anyhow::Result<Report> {
    let (opened, entry, dir) = (place.open(id), place.entry(id), place.dir(id));
    let how = (mode, place.sidecars.as_path());
    let checked = with_meter(detail, id, how, |checking| match &opened {
        Ok(dataset) => check(dataset, entry, checking),
        Err(_) => check_without_lists((id, &dir), entry, checking),
    })?;
    let Checked { images, differences, n_more, unverified, hint, .. } = checked;
    let mut findings: Vec<Finding> = Vec::new();
    let mut notes = Vec::new();
    match &opened {
        Err(fault) => findings.push(Finding {
            kind: "lists",
            subject: "lists".to_owned(),
            expected: "lists that can be read".to_owned(),
            found: fault.clone(),
        }),
        Ok(dataset) => {
            findings.extend(describe_leaks(&leaks(dataset), &mut notes));
            notes.extend(dataset.not_standard());
            // Without a folder there is no list of files to look through.
            if dataset.dir.is_dir() {
                note_duplicates(&duplicates(dataset, &place.sidecars)?, &mut notes);
                if mode == Mode::Deep {
                    let broken = broken_images(dataset, &images, (&place.sidecars, detail))?;
                    findings.extend(broken.into_iter().map(Finding::from));
                }
            }
        }
    }
    findings.extend(differences.into_iter().map(Finding::from));
    Ok(Report {
        dataset: id.as_str(),
        table: place.key(id).table(),
        state: match (findings.is_empty(), unverified.is_empty()) {
            (false, _) => DIFFERS,
            (true, false) => UNVERIFIED,
            (true, true) => AS_LOCKED,
        },
        images: Images::from(&images),
        differences: findings,
        more_differences: n_more,
        unverified,
        notes,
        hint,
    })
}

impl Report {
    /// Whether anything differs from the lock.
    pub fn differs(&self) -> bool {
        self.state == DIFFERS
    }
}

impl From<Difference> for Finding {
    fn from(difference: Difference) -> Self {
        let Difference { kind, subject, expected, found } = difference;
        Finding { kind: kind.as_str(), subject, expected, found }
    }
}

impl From<&Tree> for Images {
    fn from(tree: &Tree) -> Self {
        let Tree { n_files, n_bytes, sha256 } = *tree;
        Images { n_files, n_bytes, sha256: sha256.to_string() }
    }
}

/// The leaks as differences: from the rule that no image stands in two places.
fn describe_leaks(leaks: &Leaks, notes: &mut Vec<String>) -> Vec<Finding> {
    let leak = |subject: &String, expected: &str, found: String| Finding {
        kind: "leak",
        subject: subject.clone(),
        expected: expected.to_owned(),
        found,
    };
    let mut findings: Vec<Finding> = Vec::new();
    for (path, [a, b]) in leaks.in_two_splits.iter().take(MAX_LEAKS) {
        findings.push(leak(path, "one split", format!("it in `{a}` and in `{b}`")));
    }
    for (path, shots, seed) in leaks.in_few_shot.iter().take(MAX_LEAKS) {
        let found = format!("it in the few-shot set of {shots} shots and seed {seed}");
        findings.push(leak(path, "a test image in no few-shot set", found));
    }
    let n_listed = findings.len();
    let n_more = leaks.in_two_splits.len() + leaks.in_few_shot.len() - n_listed;
    if 0 < n_more {
        notes.push(format!("{n_more} more leaks"));
    }
    if let Some((path, split)) = leaks.repeated.first() {
        let n = leaks.repeated.len();
        notes.push(format!(
            "{n} images stand twice in their split, the first `{path}` in `{split}`"
        ));
    }
    findings
}

fn note_duplicates(duplicates: &Duplicates, notes: &mut Vec<String>) {
    if duplicates.n_files == 0 {
        return;
    }
    let Duplicates { n_contents, n_files, across_splits, n_more } = duplicates;
    notes.push(format!("{n_files} files share {n_contents} contents with another"));
    for [(a, of_a), (b, of_b)] in across_splits {
        notes.push(format!("equal bytes: `{a}` in `{of_a}` and `{b}` in `{of_b}`"));
    }
    if 0 < *n_more {
        notes.push(format!("{n_more} more pairs across splits have equal bytes"));
    }
}

pub fn section(report: &Report) -> String {
    let Images { n_files, n_bytes, sha256 } = &report.images;
    let n_differ = report.differences.len() + report.more_differences;
    let state = match report.state {
        DIFFERS if n_differ == 1 => "1 difference".to_owned(),
        DIFFERS => format!("{n_differ} differences"),
        UNVERIFIED => "nothing differs".to_owned(),
        state => state.to_owned(),
    };
    let mut text = format!(
        "{}: {state} ({n_files} files, {n_bytes} bytes, tree {})\n",
        report.table,
        &sha256[..16]
    );
    let mut line = |line: &str| text += &format!("  {line}\n");
    for Finding { subject, expected, found, .. } in &report.differences {
        line(&format!("{subject}: expected {expected}, found {}", found.replace('\n', "\n    ")));
    }
    if 0 < report.more_differences {
        line(&format!("({} more)", report.more_differences));
    }
    if !report.unverified.is_empty() {
        line(&format!("not verified yet: {}", report.unverified.join(", ")));
    }
    report.notes.iter().for_each(|note| line(&format!("note: {note}")));
    report.hint.iter().for_each(|hint| line(&format!("hint: {hint}")));
    text
}
