//! What the rows of a dataset's lists may not contradict: a label has one name, a path stands once, labels
//! run from 0 without a gap, and a training list has images of every class.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Component, Path, PathBuf},
};

use super::{Example, Faults};

/// The rows met so far, over all lists of a dataset.
#[derive(Default)]
pub(super) struct Ledger {
    names: BTreeMap<usize, String>,
    places: BTreeMap<PathBuf, String>,
}

impl Ledger {
    /// Starts with classes that are listed by themselves.
    pub(super) fn with_classes(names: &[String]) -> Self {
        Ledger { names: names.iter().cloned().enumerate().collect(), ..Ledger::default() }
    }

    /// Takes the row at `place`, or says what is wrong with it.
    pub(super) fn admit(&mut self, row: &Example, place: &str) -> Result<(), String> {
        let Example { path, label, class_name, .. } = row;
        if let Some(fault) = path_fault(path) {
            return Err(format!(
                "found a path that {fault}, `{path}`, expected one inside the images"
            ));
        }
        let name = self.names.entry(*label).or_insert_with(|| class_name.clone());
        if name != class_name {
            return Err(format!(
                "found label {label} named `{class_name}`, expected `{name}` as further up"
            ));
        }
        match self.places.insert(PathBuf::from(path), place.to_owned()) {
            None => Ok(()),
            Some(first) => {
                let fault = format!("found the path `{path}` again, expected it at {first} only");
                self.places.insert(PathBuf::from(path), first);
                Err(fault)
            }
        }
    }

    /// The class names by label; reports labels that are missing and classes that cannot be trained on.
    ///
    /// A training list without any image is no fault: a dataset may be there for evaluation alone.
    pub(super) fn class_names(self, train: &[Example], faults: &mut Faults) -> Vec<String> {
        let n_labels = self.names.len();
        let missing = (0..).zip(self.names.keys()).find(|(number, label)| number != *label);
        if n_labels == 0 {
            faults.push("found no image, expected some".to_owned());
        }
        if let Some((missing, _)) = missing {
            faults.push(format!(
                "found {n_labels} labels without label {missing}, expected all from 0 to {}",
                n_labels - 1
            ));
        }
        if faults.is_empty() {
            self.find_untrained(train, faults);
        }
        self.names.into_values().collect()
    }

    fn find_untrained(&self, train: &[Example], faults: &mut Faults) {
        let trained: BTreeSet<usize> = train.iter().map(|example| example.label).collect();
        let is_empty = |label: &usize| !trained.is_empty() && !trained.contains(label);
        for (label, name) in self.names.iter().filter(|(label, _)| is_empty(label)) {
            faults.push(format!(
                "found no training image of label {label}, `{name}`, expected some of every class"
            ));
        }
    }
}

/// Says what keeps a list's path from lying inside the image folder, judging by its text alone.
pub(super) fn path_fault(path: &str) -> Option<&'static str> {
    if path.is_empty() {
        return Some("is empty");
    }
    if path.contains('\0') {
        return Some("holds a NUL character");
    }
    if path.contains('\\') {
        return Some("has a backslash as on Windows");
    }
    Path::new(path).components().find_map(|component| match component {
        Component::ParentDir => Some("climbs with `..`"),
        Component::RootDir | Component::Prefix(_) => Some("is absolute"),
        Component::CurDir | Component::Normal(_) => None,
    })
}
