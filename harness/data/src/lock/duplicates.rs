//! Files with equal bytes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use clsrl_spec::lock::Digest;

use super::{LockError, image_digests::path_of, leaks::is_test_again, sidecar::Listed, stat_cache};
use crate::datasets::Dataset;

/// How many pairs across splits are named.
const MAX_PAIRS: usize = 20;

/// Files with equal bytes, as the last check of the dataset found them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Duplicates {
    /// Contents that several files have.
    pub n_contents: usize,
    /// Files that have one of these contents.
    pub n_files: usize,
    /// Pairs of files in different splits: their paths below the dataset's folder and the splits' names.
    /// The first twenty.
    pub across_splits: Vec<[(String, &'static str); 2]>,
    /// How many more pairs there are.
    pub n_more: usize,
}

/// Finds files with equal bytes among those of the last [`super::check`] or [`super::measure`] of the
/// dataset, whose cache is in `sidecars`.
///
/// Two readings of the list hold eight bytes for each file instead of every path.
pub fn duplicates(dataset: &Dataset, sidecars: &std::path::Path) -> Result<Duplicates, LockError> {
    let Ok(real_dir) = dataset.dir.canonicalize() else { return Ok(Duplicates::default()) };
    let cache = stat_cache::path_of(sidecars, dataset.id, &real_dir);
    let files = || stat_cache::files(&cache, dataset.id, &real_dir);
    let repeated = repeated_prefixes(files()?);
    let mut groups: BTreeMap<Digest, Vec<String>> = BTreeMap::new();
    for Listed { sha256, path, .. } in files()? {
        if repeated.contains(&prefix(sha256)) {
            groups.entry(sha256).or_default().push(path);
        }
    }
    groups.retain(|_, paths| 1 < paths.len());
    let mut duplicates = Duplicates {
        n_contents: groups.len(),
        n_files: groups.values().map(Vec::len).sum(),
        ..Duplicates::default()
    };
    name_pairs(dataset, &groups, &mut duplicates);
    Ok(duplicates)
}

fn prefix(digest: Digest) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = digest.0;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

fn repeated_prefixes(files: impl Iterator<Item = Listed>) -> BTreeSet<u64> {
    let mut prefixes: Vec<u64> = files.map(|file| prefix(file.sha256)).collect();
    prefixes.sort_unstable();
    prefixes.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect()
}

fn name_pairs(
    dataset: &Dataset,
    groups: &BTreeMap<Digest, Vec<String>>,
    duplicates: &mut Duplicates,
) {
    let wanted: BTreeSet<&str> = groups.values().flatten().map(String::as_str).collect();
    let mut split_of: HashMap<String, &'static str> = HashMap::new();
    for (split, examples) in dataset.splits() {
        if is_test_again(dataset, split) {
            continue;
        }
        for example in examples {
            let path = path_of(dataset, example);
            if wanted.contains(path.as_str()) {
                split_of.insert(path, split);
            }
        }
    }
    let mut n_pairs = 0;
    for paths in groups.values() {
        let mut by_split: BTreeMap<&'static str, Vec<&String>> = BTreeMap::new();
        for path in paths {
            if let Some(split) = split_of.get(path) {
                by_split.entry(split).or_default().push(path);
            }
        }
        let by_split: Vec<_> = by_split.into_iter().collect();
        for (at, (split, paths)) in by_split.iter().enumerate() {
            for (of_other, others) in &by_split[at + 1..] {
                n_pairs += paths.len() * others.len();
                let pairs =
                    paths.iter().flat_map(|path| others.iter().map(move |other| (path, other)));
                let n_free = MAX_PAIRS - duplicates.across_splits.len();
                duplicates.across_splits.extend(pairs.take(n_free).map(|(path, other)| {
                    [((*path).clone(), *split), ((*other).clone(), *of_other)]
                }));
            }
        }
    }
    duplicates.n_more = n_pairs - duplicates.across_splits.len();
}
