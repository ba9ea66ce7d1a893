//! Class names that two datasets have both: training on one then teaches names of the other.
//!
//! Names are compared in lower case, an underscore as a space; a name that only resembles another is not
//! one of them. Those of the published lists are kept beside this file, so that a report needs no data.

use std::collections::{BTreeMap, BTreeSet};

use clsrl_spec::DatasetId;

/// Two datasets, the first before the second in table order.
pub type Pair = (DatasetId, DatasetId);

/// A line for every name: both datasets and the name, with tabulators between them.
const OF_PUBLISHED_LISTS: &str = include_str!("shared_names.txt");

/// The names that two datasets share by the published lists, sorted.
pub fn shared_names() -> BTreeMap<Pair, Vec<String>> {
    let mut shared: BTreeMap<Pair, Vec<String>> = BTreeMap::new();
    for line in OF_PUBLISHED_LISTS.lines() {
        let mut parts = line.splitn(3, '\t');
        let mut dataset = || parts.next().and_then(|id| id.parse().ok());
        let pair = dataset().zip(dataset()).expect("a test reads every line of the file");
        shared.entry(pair).or_default().extend(parts.next().map(str::to_owned));
    }
    shared
}

/// The names that any two of these datasets share, sorted.
pub fn shared_among(lists: &[(DatasetId, Vec<String>)]) -> BTreeMap<Pair, Vec<String>> {
    let plain = |name: &String| name.to_lowercase().replace('_', " ").trim().to_owned();
    let sets: BTreeMap<DatasetId, BTreeSet<String>> =
        lists.iter().map(|(id, names)| (*id, names.iter().map(plain).collect())).collect();
    let mut shared = BTreeMap::new();
    for (&one, names) in &sets {
        for (&other, others) in sets.iter().filter(|(other, _)| one < **other) {
            let both: Vec<String> = names.intersection(others).cloned().collect();
            if !both.is_empty() {
                shared.insert((one, other), both);
            }
        }
    }
    shared
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn the_kept_names_are_those_that_the_published_lists_share() {
        let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
        let shared = std::env::var_os("CLSRL_SHARED").map_or(beside.into(), PathBuf::from);
        let Ok(text) = std::fs::read_to_string(shared.join("data/classnames/all.json")) else {
            return eprintln!("skipped: there are no class lists in `{}`", shared.display());
        };
        let lists: BTreeMap<String, Vec<String>> = serde_json::from_str(&text).unwrap();
        let lists: Vec<_> =
            lists.into_iter().map(|(id, names)| (id.parse().unwrap(), names)).collect();
        assert_eq!(lists.len(), DatasetId::ALL.len());
        assert_eq!(shared_names(), shared_among(&lists));
    }

    #[test]
    fn every_kept_line_is_read() {
        let shared = shared_names();
        assert_eq!(
            shared.values().map(Vec::len).sum::<usize>(),
            OF_PUBLISHED_LISTS.lines().count()
        );
        let caltech = &shared[&(DatasetId::ImageNet, DatasetId::Caltech101)];
        assert!(caltech.contains(&"grand piano".to_owned()), "{caltech:?}");
    }
}
