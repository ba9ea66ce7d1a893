//! The layout of Hugging Face's cache, as its own tools read and write it.
//!
//! `models--ORG--NAME/` holds `blobs/` by their digests, `snapshots/<commit>/` with links to them, and
//! `refs/<revision>`, each with the 40 digits of a commit.

use std::{
    io,
    path::{Path, PathBuf},
};

use clsrl_spec::{Commit, ModelId, Revision};

/// Where a folder that was fetched by itself keeps what is known of its files.
pub(crate) const LOCAL_METADATA: &str = ".cache/huggingface/download";

/// The most bytes of a file of refs or metadata.
pub(crate) const MAX_SMALL: u64 = 4096;

/// A folder with models in the layout of the hub's cache; it need not be there yet.
#[derive(Debug, Clone)]
pub struct HubCache {
    root: PathBuf,
}

impl HubCache {
    /// The cache in this folder.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        HubCache { root: root.into() }
    }

    /// The cache's folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The commit that a revision was when it was last fetched; of a commit itself, that.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, or that holds no commit.
    pub fn commit(&self, id: &ModelId, revision: &Revision) -> io::Result<Option<Commit>> {
        if let Some(commit) = revision.commit() {
            return Ok(Some(commit));
        }
        let path = self.ref_path(id, revision);
        match clsrl_files::read_to_string(&path, MAX_SMALL) {
            Ok(text) => text.trim().parse().map(Some).map_err(|error| {
                io::Error::new(io::ErrorKind::InvalidData, format!("`{}`: {error}", path.display()))
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The folder of a model's files at a commit, if it is there.
    pub fn snapshot(&self, id: &ModelId, commit: &Commit) -> Option<PathBuf> {
        let dir = self.snapshot_dir(id, commit);
        dir.is_dir().then_some(dir)
    }

    pub(crate) fn snapshot_dir(&self, id: &ModelId, commit: &Commit) -> PathBuf {
        self.model_dir(id).join("snapshots").join(commit.as_str())
    }

    /// The folder of all that there is of a model.
    pub(crate) fn model_dir(&self, id: &ModelId) -> PathBuf {
        self.root.join(folder_name(id))
    }

    #[cfg(feature = "network")]
    pub(crate) fn blobs_dir(&self, id: &ModelId) -> PathBuf {
        self.model_dir(id).join("blobs")
    }

    /// The lock that Hugging Face's tools hold while they write this blob.
    #[cfg(feature = "network")]
    pub(crate) fn lock_path(&self, id: &ModelId, blob: &str) -> PathBuf {
        self.root.join(".locks").join(folder_name(id)).join(format!("{blob}.lock"))
    }

    pub(crate) fn ref_path(&self, id: &ModelId, revision: &Revision) -> PathBuf {
        self.model_dir(id).join("refs").join(revision.as_str())
    }
}

fn folder_name(id: &ModelId) -> String {
    format!("models--{}", id.as_str().replace('/', "--"))
}

/// The commit that a folder's files are of, as far as whoever fetched them wrote it down: the folder is a
/// snapshot of a cache, or it was fetched by itself.
pub fn commit_of(dir: &Path) -> Option<Commit> {
    let name = dir.file_name()?.to_str()?;
    let parent = dir.parent().and_then(Path::file_name).and_then(|parent| parent.to_str());
    if parent == Some("snapshots")
        && let Ok(commit) = name.parse()
    {
        return Some(commit);
    }
    let metadata = dir.join(LOCAL_METADATA).join("config.json.metadata");
    let text = clsrl_files::read_to_string(&metadata, MAX_SMALL).ok()?;
    text.lines().next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const COMMIT: &str = "895c3a49bc3fa70a340399125c650a463535e71c";

    #[test]
    fn a_revision_is_found_by_its_ref_and_a_commit_by_itself() {
        let dir = tempfile::tempdir().unwrap();
        let cache = HubCache::new(dir.path());
        let id: ModelId = "a/b".parse().unwrap();
        let of = |revision: &str| cache.commit(&id, &revision.parse().unwrap());
        assert_eq!(of("main").unwrap(), None);
        let refs = dir.path().join("models--a--b/refs");
        fs::create_dir_all(refs.join("refs/pr")).unwrap();
        fs::write(refs.join("main"), COMMIT).unwrap();
        fs::write(refs.join("refs/pr/1"), format!("{COMMIT}\n")).unwrap();
        fs::write(refs.join("bad"), "../../..").unwrap();
        let commit: Commit = COMMIT.parse().unwrap();
        for revision in ["main", "refs/pr/1", COMMIT] {
            assert_eq!(of(revision).unwrap(), Some(commit.clone()), "{revision}");
        }
        assert!(of("bad").is_err());
        assert_eq!(cache.snapshot(&id, &commit), None);
        let snapshot = dir.path().join("models--a--b/snapshots").join(COMMIT);
        fs::create_dir_all(&snapshot).unwrap();
        assert_eq!(cache.snapshot(&id, &commit), Some(snapshot.clone()));
        assert_eq!(commit_of(&snapshot), Some(commit));
    }

    #[test]
    fn a_folder_that_was_fetched_by_itself_says_of_which_commit() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(commit_of(dir.path()), None);
        let metadata = dir.path().join(LOCAL_METADATA);
        fs::create_dir_all(&metadata).unwrap();
        fs::write(metadata.join("config.json.metadata"), format!("{COMMIT}\nabc\n1.5\n")).unwrap();
        assert_eq!(commit_of(dir.path()).unwrap().as_str(), COMMIT);
    }
}
