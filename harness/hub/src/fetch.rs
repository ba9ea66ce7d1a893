//! Fetching what is missing of a model, file by file, and making its folder.

use std::{collections::BTreeMap, fs, path::PathBuf, time::Duration};

use clsrl_files::FileLock;
use clsrl_spec::{
    Commit,
    lock::{Digest, FileDigest},
};

use crate::{
    destination::Spot,
    download::download,
    error::FetchError,
    listing::address_of,
    plan::{Plan, PlannedFile},
    presence::{Presence, hash_file},
    session::{FetchEvent, Session},
};

/// What stays free on the disk.
const MARGIN: u64 = 64 << 20;

/// How long is waited before somebody else's lock is tried again.
const LOCK_WAIT: Duration = Duration::from_secs(1);

/// A model that is there.
#[derive(Debug)]
pub struct Fetched {
    /// Its folder.
    pub dir: PathBuf,
    /// Its commit.
    pub commit: Commit,
    /// Its files, all of them checked.
    pub files: BTreeMap<String, FileDigest>,
}

impl Plan<'_> {
    /// Fetches what is missing and makes the model's folder.
    ///
    /// # Errors
    ///
    /// What kept it from being fetched; what came so far is kept.
    pub fn run(self, session: &mut Session) -> Result<Fetched, FetchError> {
        let destination = self.fetch.destination;
        self.expect_space()?;
        destination.prepare(self.id, &self.commit)?;
        let mut files = BTreeMap::new();
        for file in &self.files {
            session.check_stop()?;
            let spot = destination.spot(self.id, &file.listed);
            let sha256 = match file.presence {
                Presence::There(sha256) => sha256,
                _ => self.fetch_file(session, file, &spot)?,
            };
            let digest = FileDigest { size: file.size(), sha256 };
            files.insert(file.name().to_owned(), digest);
            if spot.target.exists() {
                destination.publish(self.id, &self.commit, &file.listed)?;
            }
            session.send(FetchEvent::Done { name: file.name() });
        }
        self.fetch.expect_locked(&files)?;
        if let Some(revision) = &self.revision {
            destination.publish_revision(self.id, revision, &self.commit)?;
        }
        Ok(Fetched { dir: self.dir(), commit: self.commit, files })
    }

    fn expect_space(&self) -> Result<(), FetchError> {
        let missing = self.n_bytes_missing();
        let (needed, free) = (missing.saturating_add(MARGIN), self.n_bytes_free()?);
        match missing == 0 || needed <= free {
            true => Ok(()),
            false => {
                let dir = self.fetch.destination.root().to_owned();
                Err(FetchError::NoSpace { dir, needed, free })
            }
        }
    }

    /// Fetches a file to its spot and gives its SHA-256.
    fn fetch_file(
        &self,
        session: &mut Session,
        file: &PlannedFile,
        spot: &Spot,
    ) -> Result<Digest, FetchError> {
        let _lock = hold(session, spot, file.name())?;
        // Whoever had the lock may have fetched it.
        if file.presence != Presence::Damaged
            && let Some(found) = hash_file(session, &spot.target, &file.listed)?
            && let Some(hashed) = found.hashed.filter(|_| found.is_right(&file.listed))
        {
            return Ok(hashed.sha256);
        }
        if let Some(bytes) = &file.bytes {
            let hashed = file.listed.digest.hash(file.size(), bytes.as_slice(), |_| Ok(()));
            let hashed = hashed.map_err(FetchError::io("read", &spot.target))?;
            self.expect_file(file, hashed.sha256)?;
            clsrl_files::replace(&spot.target, bytes)
                .map_err(FetchError::io("write", &spot.target))?;
            return Ok(hashed.sha256);
        }
        let address = address_of(session, self.id, &self.commit, file.name());
        let (part, hashed) = download(session, &address, &file.listed, spot)?;
        if let Err(error) = self.expect_file(file, hashed.sha256) {
            let path = part.path().to_owned();
            part.discard().map_err(FetchError::io("remove", path))?;
            return Err(error);
        }
        part.finish(&spot.target).map_err(FetchError::io("write", &spot.target))?;
        Ok(hashed.sha256)
    }

    /// Holds a file to the lock before it gets its name.
    fn expect_file(&self, file: &PlannedFile, sha256: Digest) -> Result<(), FetchError> {
        let Some(locked) = self.fetch.locked.and_then(|locked| locked.files.get(file.name()))
        else {
            return Ok(());
        };
        if locked.sha256 == sha256 {
            return Ok(());
        }
        let differences =
            vec![format!("{}: expected sha256 {}, found {sha256}", file.name(), locked.sha256)];
        Err(FetchError::Locked { id: self.id.clone(), differences })
    }
}

/// Waits for the lock of a file and holds it; none where there are no locks.
fn hold(session: &mut Session, spot: &Spot, name: &str) -> Result<Option<FileLock>, FetchError> {
    let Some(path) = &spot.lock else { return Ok(None) };
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).map_err(FetchError::io("create", dir))?;
    }
    let mut is_reported = false;
    loop {
        match FileLock::try_take(path) {
            Ok(Some(lock)) => return Ok(Some(lock)),
            Ok(None) => {}
            Err(_) => return Ok(None),
        }
        if !is_reported {
            session.send(FetchEvent::Held { name });
            is_reported = true;
        }
        session.pause(LOCK_WAIT)?;
    }
}
