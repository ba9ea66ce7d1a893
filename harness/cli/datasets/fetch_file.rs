//! One file of a dataset: had, checked, unpacked, placed; or why not.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::Ordering,
};

use anyhow::{Context, anyhow};
use clsrl_files::FileLock;
use clsrl_hub::{Checksum, FetchError, FetchEvent, Session, WebFile, check_file, fetch_web_file};
use clsrl_sources::{Access, Limits, Packing, Piece, SourceFile, UnpackError, Unpacking, place};
use clsrl_spec::{
    DatasetId,
    lock::{Known, Lock, LockKey},
};

use super::{
    labels::validation_folders,
    sources::{Wanted, Way, find_in},
};
use crate::{ending::Signals, exit::Exit, options::FetchDatasetsOptions, progress::Detail};

/// Where archives wait below the data folder until they are unpacked.
const WAITING: &str = ".fetch";

/// Everything that is needed of the command to fetch a file.
pub struct Fetching<'f> {
    /// What was asked for.
    pub options: &'f FetchDatasetsOptions,
    /// The lock that files are held to.
    pub lock: &'f Lock,
    /// Who may stop it.
    pub signals: &'f Signals,
    /// How much is said.
    pub detail: Detail,
}

/// What became of a file.
pub enum Outcome {
    /// It is in place.
    Placed,
    /// It is left to the user, for this reason.
    ByHand(String),
    /// It is not what was published.
    Differs(String),
}

/// A file of the user's or of the web, or why there is none.
enum Had {
    Here(PathBuf),
    Not(Outcome),
}

impl Fetching<'_> {
    /// The folder of a dataset.
    pub fn dataset_dir(&self, id: DatasetId) -> PathBuf {
        self.options.dir.join(id.folder())
    }

    /// Where the archives of a dataset wait.
    fn waiting_dir(&self, id: DatasetId) -> PathBuf {
        self.options.dir.join(WAITING).join(id.as_str())
    }

    /// Takes the lock of a dataset; none where there are no locks.
    pub fn hold(&self, id: DatasetId) -> anyhow::Result<Option<FileLock>> {
        let dir = self.waiting_dir(id);
        fs::create_dir_all(&dir).with_context(|| format!("cannot create `{}`", dir.display()))?;
        match FileLock::try_take(&dir.join("lock")) {
            Ok(Some(lock)) => Ok(Some(lock)),
            Ok(None) => Err(Exit::Incomplete.because(anyhow!(
                "another process is fetching {id} into `{}`\nhint: run the same command again when it has ended",
                self.options.dir.display()
            ))),
            Err(_) => Ok(None),
        }
    }

    /// Brings one file into place.
    pub fn one(&self, wanted: &Wanted, session: &mut Session) -> anyhow::Result<Outcome> {
        let file = &wanted.file;
        let archive = match self.had(wanted, session)? {
            Had::Here(path) => path,
            Had::Not(outcome) => return Ok(outcome),
        };
        let folders = match &file.packing {
            Packing::Validation { labels } => match self.labels(file, labels)? {
                Some(folders) => folders,
                None => {
                    return Ok(Outcome::ByHand(format!(
                        "its labels are in `{labels}`, which is missing"
                    )));
                }
            },
            _ => Vec::new(),
        };
        let placed = self.place(file, &wanted.missing, (&archive, &folders), session);
        match placed.map_err(|error| error.downcast::<UnpackError>()) {
            Ok(()) => {
                let is_ours = archive.starts_with(self.waiting_dir(file.dataset));
                if is_ours && !self.options.keep_archives {
                    fs::remove_file(&archive)
                        .with_context(|| format!("cannot remove `{}`", archive.display()))?;
                }
                Ok(Outcome::Placed)
            }
            Err(Ok(
                error @ (UnpackError::Hostile { .. }
                | UnpackError::Broken { .. }
                | UnpackError::Missing { .. }
                | UnpackError::Occupied { .. }),
            )) => Ok(Outcome::Differs(format!("{}: {error}", file.dataset))),
            Err(Ok(error)) => Err(error.into()),
            Err(Err(error)) => match error.downcast::<Differs>() {
                Ok(Differs(message)) => Ok(Outcome::Differs(message)),
                Err(error) => Err(error),
            },
        }
    }

    /// Finds or fetches a file, and holds it to its checksum.
    fn had(&self, wanted: &Wanted, session: &mut Session) -> anyhow::Result<Had> {
        let file = &wanted.file;
        let waiting = self.waiting_dir(file.dataset);
        let url = self.url(file);
        let web_file = WebFile {
            name: &file.name,
            url: url.as_deref().unwrap_or(""),
            // What others reported of an archive's size decides nothing; its digest does.
            size: file.content.as_ref().map(|content| content.size),
            checksum: checksum(file),
        };
        match &wanted.way {
            Way::Here => Ok(Had::Not(Outcome::Placed)),
            Way::ByHand => Ok(Had::Not(Outcome::ByHand(match &file.access {
                Access::Terms => "it is handed out to whoever agreed to its terms".to_owned(),
                Access::Dead { since } => format!("gone from its address since {since}"),
                Access::Fetch | Access::Drive => "the lock has no address of it".to_owned(),
            }))),
            Way::Untrusted => Ok(Had::Not(Outcome::ByHand(
                "nobody published a checksum of it; --trust-first-use fetches it all the same"
                    .to_owned(),
            ))),
            Way::From(path) => match check_file(session, path, &web_file)? {
                true => Ok(Had::Here(path.clone())),
                false => Ok(Had::Not(Outcome::Differs(format!(
                    "{}: `{}` has other bytes than were published as `{}`, expected {}",
                    file.dataset,
                    path.display(),
                    file.name,
                    expected(&web_file)
                )))),
            },
            Way::Fetch => {
                let kept = waiting.join(&file.name);
                if kept.is_file() && file.has_digest() && check_file(session, &kept, &web_file)? {
                    return Ok(Had::Here(kept));
                }
                match fetch_web_file(session, &web_file, &waiting) {
                    Ok(path) => Ok(Had::Here(path)),
                    Err(error) => refused(error, file).map(Had::Not),
                }
            }
        }
    }

    fn url(&self, file: &SourceFile) -> Option<String> {
        match &self.options.mirror {
            Some(mirror) => {
                Some(format!("{}/{}/{}", mirror.trim_end_matches('/'), file.dataset, file.name))
            }
            None => file.url.clone(),
        }
    }

    /// The folders of ImageNet's validation images, if the archive with their labels is at hand.
    fn labels(&self, file: &SourceFile, labels: &str) -> anyhow::Result<Option<Vec<String>>> {
        let kit = SourceFile { name: labels.to_owned(), ..file.clone() };
        let Some(path) = find_in(&self.options.from, &kit) else { return Ok(None) };
        let folders = validation_folders(&path, &self.waiting_dir(file.dataset))
            .map_err(|error| Exit::Differs.because(error))?;
        Ok(Some(folders))
    }

    /// Unpacks a file beside the dataset's and renames its pieces into place; files of the lock are held to it first.
    fn place(
        &self,
        file: &SourceFile,
        missing: &[Piece],
        (archive, folders): (&Path, &[String]),
        session: &mut Session,
    ) -> anyhow::Result<()> {
        let size = fs::metadata(archive)
            .with_context(|| format!("cannot read `{}`", archive.display()))?
            .len();
        session.send(FetchEvent::Unpacking { name: &file.name, size });
        let unpacking = Unpacking {
            archive,
            packing: &file.packing,
            pieces: missing,
            folders,
            limits: &Limits::DATASETS,
        };
        let stop = self.signals.stop();
        let mut progress = |n_bytes| {
            session.send(FetchEvent::Bytes(n_bytes));
            !stop.load(Ordering::Relaxed)
        };
        let dir = self.dataset_dir(file.dataset);
        place(&unpacking, &dir, &mut progress, |piece, path| {
            self.expect_locked(file, piece, path)
        })?;
        session.send(FetchEvent::Done { name: &file.name });
        Ok(())
    }

    /// Holds a file to the lock before it has its name; of folders of images `verify` knows.
    fn expect_locked(&self, file: &SourceFile, piece: &Piece, path: &Path) -> anyhow::Result<()> {
        let key = LockKey { drawn_seed: None, dataset: file.dataset };
        let locked = self
            .lock
            .entry(key)
            .and_then(|entry| entry.annotations.iter().find(|file| file.path == piece.to));
        let Some(Known::Verified(locked)) = locked.map(|file| &file.content) else { return Ok(()) };
        let found = clsrl_files::sha256(path)
            .with_context(|| format!("cannot read `{}`", path.display()))?;
        let expected = locked.sha256.to_string();
        match found == expected {
            true => Ok(()),
            false => Err(Differs(format!(
                "{}/{}: expected sha256 {expected}, found {found}, and it is not kept",
                file.dataset, piece.to
            ))
            .into()),
        }
    }
}

/// A file that is not what the lock says.
#[derive(Debug)]
struct Differs(String);

impl std::fmt::Display for Differs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Differs {}

/// What published bytes are held to: the lock's SHA-256 before an MD5.
fn checksum(file: &SourceFile) -> Checksum {
    match (&file.content, &file.md5) {
        (Some(content), _) => Checksum::Sha256(content.sha256),
        (None, Some(md5)) => Checksum::Md5(md5.clone()),
        (None, None) => Checksum::Unknown,
    }
}

fn expected(file: &WebFile) -> String {
    let digest = match &file.checksum {
        Checksum::Sha256(digest) => format!("sha256 {digest}"),
        Checksum::Md5(md5) => format!("md5 {md5}"),
        Checksum::Unknown => return "another size".to_owned(),
    };
    file.size.map_or(digest.clone(), |size| format!("{size} bytes with {digest}"))
}

/// What a refusal means: a file that is left to the user, other bytes, or the end of everything.
fn refused(error: FetchError, file: &SourceFile) -> anyhow::Result<Outcome> {
    match &error {
        FetchError::WrongBytes { .. } => Ok(Outcome::Differs(format!("{}/{error}", file.dataset))),
        FetchError::Page { .. } => Ok(Outcome::ByHand(format!(
            "{error}: its quota may be used up for a day, or it wants to be asked in a browser"
        ))),
        FetchError::Io { .. } if error.is_full() => {
            Err(anyhow::Error::new(error).context("the disk is full; what came so far is kept"))
        }
        FetchError::Stopped | FetchError::Io { .. } | FetchError::NoSpace { .. } => {
            Err(error.into())
        }
        FetchError::Address { .. } | FetchError::Proxy(_) => {
            Err(Exit::Usage.because(anyhow!(error)))
        }
        _ => {
            // What lies below says more than the sentence above it: no such host, a certificate, a time-out.
            let causes: Vec<String> =
                anyhow::Error::new(error).chain().map(ToString::to_string).collect();
            Ok(Outcome::ByHand(causes.join(": ")))
        }
    }
}
