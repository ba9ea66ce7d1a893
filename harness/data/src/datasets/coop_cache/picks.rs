//! From the images that a cache names to positions in a dataset's lists.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use clsrl_spec::DatasetId;

use crate::datasets::{Dataset, Example, Faults, FewShot, few_shot::val_shots};

/// A cache's lists as stored.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CachedLists {
    pub(super) train: Vec<CachedPick>,
    /// Absent for ImageNet.
    pub(super) val: Option<Vec<CachedPick>>,
}

/// An image as stored.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CachedPick {
    pub(super) path: String,
    pub(super) label: usize,
    pub(super) class_name: String,
}

/// Finds every image in the list it should be from; what does not fit is a fault.
pub(super) fn check_picks(
    dataset: &Dataset,
    shots: usize,
    lists: &CachedLists,
    faults: &mut Faults,
) -> FewShot {
    let index = Index::new(dataset);
    let train = ListCheck { name: "train", examples: &dataset.train, shots };
    let train = train.positions(&index, &lists.train, faults);
    let val = match (dataset.id, lists.val.as_deref()) {
        (DatasetId::ImageNet, None | Some([])) => Vec::new(),
        (DatasetId::ImageNet, Some(_)) => {
            faults.push("`val`: found images, expected none for ImageNet".to_owned());
            Vec::new()
        }
        (_, None) => {
            faults.push("`val`: found no such list, expected one".to_owned());
            Vec::new()
        }
        (_, Some(picks)) => {
            let val = ListCheck { name: "val", examples: &dataset.val, shots: val_shots(shots) };
            val.positions(&index, picks, faults)
        }
    };
    FewShot { train, val }
}

/// Where a path stands in the three lists.
#[derive(Debug, Default, Clone, Copy)]
struct Places {
    train: Option<usize>,
    val: Option<usize>,
    is_test: bool,
    is_repeated: bool,
}

/// The places of every path; only looked up, never walked.
struct Index<'d>(HashMap<&'d str, Places>);

impl<'d> Index<'d> {
    fn new(dataset: &'d Dataset) -> Self {
        let mut index: HashMap<&str, Places> = HashMap::new();
        for (position, example) in dataset.train.iter().enumerate() {
            let places = index.entry(&example.path).or_default();
            places.is_repeated |= places.train.replace(position).is_some();
        }
        for (position, example) in dataset.val.iter().enumerate() {
            let places = index.entry(&example.path).or_default();
            places.is_repeated |= places.val.replace(position).is_some();
        }
        for example in &dataset.test {
            index.entry(&example.path).or_default().is_test = true;
        }
        Index(index)
    }

    /// Finds the one listed path that `path` ends in, from a slash or from its start.
    fn find(&self, path: &str) -> Result<Places, String> {
        let starts = path.match_indices('/').map(|(slash, _)| slash + 1);
        let mut found = std::iter::once(0)
            .chain(starts)
            .filter_map(|start| Some((&path[start..], self.0.get(&path[start..])?)));
        let expected = "expected a path that ends in one of the dataset's lists";
        let Some((listed, places)) = found.next() else {
            return Err(format!("found `{path}`, {expected}"));
        };
        if let Some((other, _)) = found.next() {
            return Err(format!(
                "found `{path}`, which may be `{listed}` or `{other}`, {expected}"
            ));
        }
        if places.is_repeated {
            return Err(format!("found `{path}`, which one list has more than once, {expected}"));
        }
        Ok(*places)
    }
}

/// What the images of one list must be.
struct ListCheck<'d> {
    name: &'static str,
    examples: &'d [Example],
    shots: usize,
}

impl ListCheck<'_> {
    fn positions(&self, index: &Index, picks: &[CachedPick], faults: &mut Faults) -> Vec<usize> {
        let mut positions = Vec::with_capacity(picks.len());
        let mut seen = BTreeSet::new();
        let mut all_found = true;
        for (number, pick) in picks.iter().enumerate() {
            let position = self.position(index, pick).and_then(|position| {
                let is_new = seen.insert(position);
                is_new.then_some(position).ok_or_else(|| {
                    format!("found `{}` again, expected every image once", pick.path)
                })
            });
            match position {
                Ok(position) => positions.push(position),
                Err(fault) => {
                    all_found = false;
                    faults.push(format!("`{}`[{number}]: {fault}", self.name));
                }
            }
        }
        if all_found {
            self.count(&positions, faults);
        }
        positions
    }

    fn position(&self, index: &Index, pick: &CachedPick) -> Result<usize, String> {
        let places = index.find(&pick.path)?;
        let expected = format!("expected one of the list `{}`", self.name);
        if places.is_test {
            return Err(format!("found the test image `{}`, {expected}", pick.path));
        }
        let place = if self.name == "train" { places.train } else { places.val };
        let Some(position) = place else {
            return Err(format!("found `{}` of another list, {expected}", pick.path));
        };
        let example = &self.examples[position];
        if (pick.label, &pick.class_name) != (example.label, &example.class_name) {
            return Err(format!(
                "found label {} named `{}` for `{}`, expected {} named `{}`",
                pick.label, pick.class_name, example.path, example.label, example.class_name
            ));
        }
        Ok(position)
    }

    /// Compares the images of every class with how many CoOp draws.
    fn count(&self, positions: &[usize], faults: &mut Faults) {
        let mut by_label: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
        for example in self.examples {
            by_label.entry(example.label).or_default().0 += 1;
        }
        for position in positions {
            by_label.entry(self.examples[*position].label).or_default().1 += 1;
        }
        for (label, (n_listed, n_found)) in by_label {
            let n_expected = n_listed.min(self.shots);
            if n_found != n_expected {
                faults.push(format!(
                    "`{}`: found {n_found} images of label {label}, expected {n_expected}",
                    self.name
                ));
            }
        }
    }
}
