//! The SHA-256 of single images, as a check of the whole tree found them.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use clsrl_spec::lock::{Digest, Tree};
use serde::{Deserialize, Serialize};

use super::{
    LockError, hash::hash_file, leaks::normal, merkle::Merkle, sidecar, sidecar::Listed, stat_cache,
};
use crate::{
    datasets::{Dataset, Example},
    sha256::TextHasher,
};

/// The SHA-256 of images, by their paths below the dataset's folder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ImageDigests(BTreeMap<String, Digest>);

/// The path of an example's image below the dataset's folder, without parts that lead nowhere.
pub fn path_of(dataset: &Dataset, example: &Example) -> String {
    let folder = dataset.image_dir.strip_prefix(&dataset.dir).unwrap_or(&dataset.image_dir);
    normal(&format!("{}/{}", folder.to_string_lossy(), example.path))
}

impl ImageDigests {
    /// Those of these examples' images, as the last [`super::check`] found them, whose cache is in `sidecars`.
    /// The list that it wrote must still have the `tree` that it gave.
    pub fn as_checked<'e>(
        dataset: &Dataset,
        sidecars: &Path,
        tree: &Tree,
        examples: impl IntoIterator<Item = &'e Example>,
    ) -> Result<Self, LockError> {
        let wanted = paths(dataset, examples);
        let Ok(real_dir) = dataset.dir.canonicalize() else { return Ok(Self::default()) };
        let cache = stat_cache::path_of(sidecars, dataset.id, &real_dir);
        let (mut merkle, mut digests) = (Merkle::default(), BTreeMap::new());
        for Listed { sha256, size, path } in stat_cache::files(&cache, dataset.id, &real_dir)? {
            merkle.push(&path, size, sha256);
            if wanted.contains(&path) {
                digests.insert(path, sha256);
            }
        }
        match merkle.finish() == *tree {
            true => Ok(ImageDigests(digests)),
            false => Err(stat_cache::changed(&cache)),
        }
    }

    /// Those of these examples' images without a check of the tree: from the list of the locked `tree` if that is
    /// there, else hashed now. What cannot be read has none.
    pub fn as_locked<'e>(
        dataset: &Dataset,
        sidecars: &Path,
        tree: Option<&Tree>,
        examples: impl IntoIterator<Item = &'e Example>,
    ) -> Self {
        let wanted = paths(dataset, examples);
        let listed = tree.and_then(|tree| {
            sidecar::open(&sidecar::path_of(sidecars, dataset.id, tree.sha256), tree).ok()
        });
        if let Some(listed) = listed {
            let of_wanted = listed.map_while(Result::ok).filter(|file| wanted.contains(&file.path));
            return ImageDigests(of_wanted.map(|file| (file.path, file.sha256)).collect());
        }
        let mut buffer = vec![0; 1 << 16];
        let hash = |path: String| {
            let file = dataset.dir.join(&path);
            let (sha256, _) = hash_file(&file, &mut buffer, &|_| ()).ok()?;
            Some((path, sha256))
        };
        ImageDigests(wanted.into_iter().filter_map(hash).collect())
    }

    /// Those of these examples' images alone.
    pub fn of<'e>(
        &self,
        dataset: &Dataset,
        examples: impl IntoIterator<Item = &'e Example>,
    ) -> Self {
        let known = |path: String| self.0.get(&path).map(|digest| (path.clone(), *digest));
        ImageDigests(paths(dataset, examples).into_iter().filter_map(known).collect())
    }

    /// That of an example's image.
    pub fn get(&self, dataset: &Dataset, example: &Example) -> Option<Digest> {
        self.0.get(&path_of(dataset, example)).copied()
    }

    /// Over these examples' images, in hexadecimal: the words `training images`, their number, then the SHA-256
    /// of each in their order. `None` where one of them is not known.
    pub fn digest_of(&self, dataset: &Dataset, examples: &[&Example]) -> Option<String> {
        let mut hasher = TextHasher::default();
        hasher.text("training pictures");
        hasher.number(examples.len());
        for example in examples {
            hasher.text(&self.get(dataset, example)?.to_string());
        }
        Some(hasher.finish())
    }

    pub(super) fn of_path(&self, path: &str) -> Option<Digest> {
        self.0.get(path).copied()
    }

    /// Every image's path below the dataset's folder with its digest, in the order of paths.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Digest)> {
        self.0.iter().map(|(path, digest)| (path.as_str(), *digest))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The paths of examples' images below the dataset's folder.
pub(super) fn paths<'e>(
    dataset: &Dataset,
    examples: impl IntoIterator<Item = &'e Example>,
) -> BTreeSet<String> {
    examples.into_iter().map(|example| path_of(dataset, example)).collect()
}
