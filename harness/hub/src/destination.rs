//! Where a model goes: into Hugging Face's cache, or into a folder by itself, laid out as its tools do.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use clsrl_spec::{Commit, ModelId, Revision};

use crate::{
    cache::{HubCache, LOCAL_METADATA, MAX_SMALL},
    content::ContentDigest,
    error::FetchError,
    listing::ListedFile,
};

/// Where a model goes.
#[derive(Debug, Clone)]
pub enum Destination {
    /// Into the cache that Hugging Face's tools use as well.
    Cache(HubCache),
    /// Into this folder.
    Folder(PathBuf),
}

/// Where one file goes.
#[derive(Debug, Clone)]
pub(crate) struct Spot {
    /// The file with the bytes.
    pub(crate) target: PathBuf,
    /// The folder in which it is written, on the same disk.
    pub(crate) parts_dir: PathBuf,
    /// What the names of its parts begin with: not as other tools' do, which may be at work.
    pub(crate) prefix: String,
    /// The lock of whoever writes it, if others may.
    pub(crate) lock: Option<PathBuf>,
}

impl Destination {
    /// The folder that a program opens to use the model.
    pub fn dir(&self, id: &ModelId, commit: &Commit) -> PathBuf {
        match self {
            Destination::Cache(cache) => cache.snapshot_dir(id, commit),
            Destination::Folder(dir) => dir.clone(),
        }
    }

    /// The folder whose disk must have room.
    pub(crate) fn root(&self) -> &Path {
        match self {
            Destination::Cache(cache) => cache.root(),
            Destination::Folder(dir) => dir,
        }
    }

    pub(crate) fn spot(&self, id: &ModelId, file: &ListedFile) -> Spot {
        let blob = file.digest.to_string();
        match self {
            Destination::Cache(cache) => Spot {
                target: cache.blobs_dir(id).join(&blob),
                parts_dir: cache.blobs_dir(id),
                lock: Some(cache.lock_path(id, &blob)),
                prefix: format!("{blob}.clsrl"),
            },
            Destination::Folder(dir) => Spot {
                target: dir.join(&file.name),
                parts_dir: dir.join(LOCAL_METADATA),
                lock: None,
                prefix: format!("{}.{blob}.clsrl", file.name),
            },
        }
    }

    /// A file of the model's that may have the bytes although the spot has none: of a cache that was written
    /// where there are no links.
    pub(crate) fn other_place(&self, id: &ModelId, commit: &Commit, name: &str) -> Option<PathBuf> {
        match self {
            Destination::Cache(cache) => Some(cache.snapshot_dir(id, commit).join(name)),
            Destination::Folder(_) => None,
        }
    }

    /// The files of a model that are there, with the digests under which they were fetched. What has none is
    /// left out.
    pub(crate) fn files_there(
        &self,
        id: &ModelId,
        commit: &Commit,
    ) -> Result<Vec<ListedFile>, FetchError> {
        let dir = self.dir(id, commit);
        let mut files = Vec::new();
        let entries = match fs::read_dir(&dir) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(files),
            entries => entries.map_err(FetchError::io("read", &dir))?,
        };
        for entry in entries {
            let path = entry.map_err(FetchError::io("read", &dir))?.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()).map(str::to_owned)
            else {
                continue;
            };
            let digest = match self {
                Destination::Cache(_) => fs::read_link(&path)
                    .ok()
                    .and_then(|link| Some(link.file_name()?.to_str()?.to_owned())),
                Destination::Folder(dir) => etag_in(dir, &name),
            };
            let digest = digest.and_then(|text| {
                ContentDigest::sha256(&text).or_else(|| ContentDigest::git(&text))
            });
            // A link to nothing is no file.
            let (Some(digest), Ok(data)) = (digest, fs::metadata(&path)) else { continue };
            files.push(ListedFile { name, size: data.len(), digest, refuses_pages: false });
        }
        files.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(files)
    }

    /// Whether what stands at a file's spot, with these bytes, may be replaced. In a cache only blobs stand
    /// there; in a folder what was fetched, and has not changed since.
    pub(crate) fn may_replace(&self, name: &str, is_of: impl Fn(&str) -> bool) -> bool {
        let Destination::Folder(dir) = self else { return true };
        etag_in(dir, name).is_some_and(|etag| is_of(&etag))
    }

    /// Makes the file part of the model's folder: its bytes are in place and were checked.
    pub(crate) fn publish(
        &self,
        id: &ModelId,
        commit: &Commit,
        file: &ListedFile,
    ) -> Result<(), FetchError> {
        match self {
            Destination::Cache(cache) => {
                let dir = cache.snapshot_dir(id, commit);
                let blob = Path::new("../../blobs").join(file.digest.to_string());
                link(&blob, &dir.join(&file.name))
            }
            Destination::Folder(dir) => {
                let path = metadata_path(dir, &file.name);
                // Hugging Face's tools take a file that is younger than its metadata's time for changed.
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                let text = format!("{commit}\n{}\n{:.3}\n", file.digest, now.as_secs_f64());
                clsrl_files::replace(&path, text.as_bytes()).map_err(FetchError::io("write", &path))
            }
        }
    }

    /// Makes the folders that a model needs.
    pub(crate) fn prepare(&self, id: &ModelId, commit: &Commit) -> Result<(), FetchError> {
        let make = |dir: &Path| fs::create_dir_all(dir).map_err(FetchError::io("create", dir));
        match self {
            Destination::Cache(cache) => {
                make(&cache.blobs_dir(id))?;
                make(&cache.snapshot_dir(id, commit))
            }
            Destination::Folder(dir) => {
                make(&dir.join(LOCAL_METADATA))?;
                let path = dir.join(".cache/huggingface/.gitignore");
                clsrl_files::replace(&path, b"*").map_err(FetchError::io("write", &path))
            }
        }
    }

    /// Writes down that a revision is this commit, once all files are there.
    pub(crate) fn publish_revision(
        &self,
        id: &ModelId,
        revision: &Revision,
        commit: &Commit,
    ) -> Result<(), FetchError> {
        let Destination::Cache(cache) = self else { return Ok(()) };
        if revision.commit().is_some() {
            return Ok(());
        }
        let path = cache.ref_path(id, revision);
        let dir = path.parent().expect("a ref stands in a folder");
        fs::create_dir_all(dir).map_err(FetchError::io("create", dir))?;
        clsrl_files::replace(&path, commit.as_str().as_bytes())
            .map_err(FetchError::io("write", &path))
    }
}

fn metadata_path(dir: &Path, name: &str) -> PathBuf {
    dir.join(LOCAL_METADATA).join(format!("{name}.metadata"))
}

/// The digest under which a file of a folder was fetched, if it was.
fn etag_in(dir: &Path, name: &str) -> Option<String> {
    let text = clsrl_files::read_to_string(&metadata_path(dir, name), MAX_SMALL).ok()?;
    Some(text.lines().nth(1)?.trim().to_owned())
}

/// Makes a link, in place of what stands there unless that is the same link.
fn link(target: &Path, path: &Path) -> Result<(), FetchError> {
    if fs::read_link(path).is_ok_and(|found| found == target) {
        return Ok(());
    }
    clsrl_files::replace_link(target, path).map_err(FetchError::io("make the link", path))
}
