//! What a model consists of, and what is there of it.

use std::{collections::BTreeMap, path::PathBuf};

use clsrl_files::free_bytes;
use clsrl_spec::{
    Commit, HubModel, LockedModel, ModelId, Revision,
    lock::{Digest, FileDigest},
};

use crate::{
    content::ContentDigest,
    destination::Destination,
    error::FetchError,
    listing::{ListedFile, address_of, list, resolve},
    needed::{INDEX, choose, index},
    presence::{Presence, presence},
    session::Session,
};

/// The most bytes of an index.
pub(crate) const MAX_INDEX: u64 = 16 << 20;

/// What is to be fetched, and whereto.
#[derive(Debug, Clone, Copy)]
pub struct Fetch<'f> {
    /// The model.
    pub model: &'f HubModel,
    /// Where it goes.
    pub destination: &'f Destination,
    /// What it must be, if it is locked and the lock is to hold.
    pub locked: Option<&'f LockedModel>,
}

/// What a model consists of, and what is there of it.
#[derive(Debug)]
pub struct Plan<'f> {
    /// The model.
    pub id: &'f ModelId,
    /// The state of it.
    pub commit: Commit,
    /// The commit that the hub's `main` is, if the locked one is another.
    pub moved_on: Option<Commit>,
    /// The files that are used, in the order of names.
    pub files: Vec<PlannedFile>,
    /// What is to be written down as this commit.
    pub(crate) revision: Option<Revision>,
    pub(crate) fetch: Fetch<'f>,
}

/// A file of a model that is used.
#[derive(Debug)]
pub struct PlannedFile {
    /// What is there of it.
    pub presence: Presence,
    pub(crate) listed: ListedFile,
    /// Its bytes, if they had to be read for the plan.
    pub(crate) bytes: Option<Vec<u8>>,
}

impl PlannedFile {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.listed.name
    }

    /// Its bytes.
    pub fn size(&self) -> u64 {
        self.listed.size
    }

    /// The bytes that are still to come.
    pub fn n_bytes_missing(&self) -> u64 {
        match self.presence {
            Presence::There(_) => 0,
            Presence::Begun(n_bytes) => self.size().saturating_sub(n_bytes),
            Presence::Damaged | Presence::Missing => self.size(),
        }
    }
}

impl<'f> Fetch<'f> {
    /// Asks the hub what the model consists of and reads what is there of it; writes nothing.
    ///
    /// # Errors
    ///
    /// Everything that keeps it from being fetched and can be known before.
    pub fn plan(self, session: &mut Session) -> Result<Plan<'f>, FetchError> {
        let id = &self.model.id;
        let (commit, revision, moved_on) = self.commit(session)?;
        let listed = list(session, id, &commit)?;
        let bytes = match index(&listed) {
            Some(file) => Some(self.index(session, &commit, file)?),
            None => None,
        };
        let chosen = choose(id, &listed, bytes.as_deref())?;
        self.check_lock(&chosen)?;
        let mut files = Vec::new();
        for listed in chosen {
            let presence = presence(session, self.destination, (id, &commit), &listed)?;
            let bytes = bytes.clone().filter(|_| listed.name == INDEX);
            files.push(PlannedFile { presence, listed, bytes });
        }
        Ok(Plan { id, commit, moved_on, files, revision, fetch: self })
    }

    /// The commit that is fetched, the revision to be written down as it, and the hub's other `main`.
    fn commit(
        &self,
        session: &mut Session,
    ) -> Result<(Commit, Option<Revision>, Option<Commit>), FetchError> {
        let id = &self.model.id;
        let revision = self.model.revision.clone().unwrap_or_else(Revision::main);
        let commit = resolve(session, id, &revision)?;
        match self.locked {
            Some(locked) if locked.commit != commit && self.model.revision.is_none() => {
                // The lock says which state is meant where nothing is said.
                let pinned: Revision =
                    locked.commit.as_str().parse().expect("a commit is a revision");
                Ok((resolve(session, id, &pinned)?, None, Some(commit)))
            }
            Some(locked) if locked.commit != commit => {
                let difference = format!("commit: expected {}, found {commit}", locked.commit);
                Err(FetchError::Locked { id: id.clone(), differences: vec![difference] })
            }
            _ => Ok((commit, Some(revision), None)),
        }
    }

    /// The bytes of an index: those that are there, or those of the hub.
    fn index(
        &self,
        session: &mut Session,
        commit: &Commit,
        file: &ListedFile,
    ) -> Result<Vec<u8>, FetchError> {
        let id = &self.model.id;
        let is_right = |bytes: &Vec<u8>| {
            let hashed = file.digest.hash(file.size, bytes.as_slice(), |_| Ok(()));
            hashed.is_ok_and(|hashed| file.digest.is_of(&hashed))
        };
        let spot = self.destination.spot(id, file);
        if let Some(bytes) = clsrl_files::read(&spot.target, MAX_INDEX).ok().filter(is_right) {
            return Ok(bytes);
        }
        let address = address_of(session, id, commit, &file.name);
        let (bytes, _) = session.read(&address, &format!("`{}`", file.name), MAX_INDEX)?;
        if is_right(&bytes) {
            return Ok(bytes);
        }
        let hashed = file.digest.hash(file.size, bytes.as_slice(), |_| Ok(()));
        let found = hashed.map_or_else(
            |error| error.to_string(),
            |hashed| file.digest.alike(&hashed).to_string(),
        );
        Err(FetchError::WrongBytes {
            name: file.name.clone(),
            expected: file.digest.to_string(),
            found,
        })
    }

    /// Compares what the hub lists with the lock, as far as that can be known without the bytes.
    pub(crate) fn check_lock(&self, files: &[ListedFile]) -> Result<(), FetchError> {
        let Some(locked) = self.locked else { return Ok(()) };
        let listed = |file: &ListedFile| {
            let sha256 = match file.digest {
                ContentDigest::Sha256(sha256) => sha256,
                // Git's name says nothing of the SHA-256, which is compared when the bytes are there.
                _ => locked.files.get(&file.name)?.sha256,
            };
            Some((file.name.clone(), FileDigest { size: file.size, sha256 }))
        };
        let unknown = Digest([0; 32]);
        let found = files.iter().map(|file| {
            listed(file)
                .unwrap_or((file.name.clone(), FileDigest { size: file.size, sha256: unknown }))
        });
        self.expect_locked(&found.collect())
    }

    pub(crate) fn expect_locked(
        &self,
        found: &BTreeMap<String, FileDigest>,
    ) -> Result<(), FetchError> {
        let differences = self.locked.map_or(Vec::new(), |locked| locked.differences(found));
        match differences.is_empty() {
            true => Ok(()),
            false => Err(FetchError::Locked { id: self.model.id.clone(), differences }),
        }
    }
}

impl Plan<'_> {
    /// The bytes that are still to come.
    pub fn n_bytes_missing(&self) -> u64 {
        self.files.iter().map(PlannedFile::n_bytes_missing).sum()
    }

    /// The model's folder, once it is there.
    pub fn dir(&self) -> PathBuf {
        self.fetch.destination.dir(self.id, &self.commit)
    }

    /// The free bytes of the disk that it goes to.
    ///
    /// # Errors
    ///
    /// The system's, if it cannot say.
    pub fn n_bytes_free(&self) -> Result<u64, FetchError> {
        let root = self.fetch.destination.root();
        free_bytes(root).map_err(FetchError::io("find the free space of", root))
    }
}
