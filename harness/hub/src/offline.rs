//! A model that is here already, found and checked without asking anybody.

use clsrl_spec::{Commit, Revision};

use crate::{
    destination::Destination,
    error::FetchError,
    needed::{choose, index},
    plan::{Fetch, MAX_INDEX, Plan, PlannedFile},
    presence::{Presence, presence},
    session::Session,
};

impl<'f> Fetch<'f> {
    /// Looks whether all of the model is there, without asking anybody.
    ///
    /// # Errors
    ///
    /// [`FetchError::NotHere`] unless all files are there and have the digests of whoever fetched them, and
    /// those of the lock.
    pub fn plan_offline(self, session: &mut Session) -> Result<Plan<'f>, FetchError> {
        let id = &self.model.id;
        let not_here =
            || FetchError::NotHere { id: id.clone(), dir: self.destination.root().to_owned() };
        let commit = self.commit_offline()?.ok_or_else(not_here)?;
        let dir = self.destination.dir(id, &commit);
        let listed = self.destination.files_there(id, &commit)?;
        let bytes = match index(&listed) {
            Some(file) => {
                let path = dir.join(&file.name);
                Some(clsrl_files::read(&path, MAX_INDEX).map_err(FetchError::io("read", path))?)
            }
            None => None,
        };
        let chosen = choose(id, &listed, bytes.as_deref()).map_err(|_| not_here())?;
        self.check_lock(&chosen)?;
        let mut files = Vec::new();
        for listed in chosen {
            let presence = presence(session, self.destination, (id, &commit), &listed)?;
            if !matches!(presence, Presence::There(_)) {
                return Err(not_here());
            }
            files.push(PlannedFile { presence, listed, bytes: None });
        }
        Ok(Plan { id, commit, moved_on: None, files, revision: None, fetch: self })
    }

    fn commit_offline(&self) -> Result<Option<Commit>, FetchError> {
        let found = match self.destination {
            Destination::Folder(dir) => crate::commit_of(dir),
            Destination::Cache(cache) => match (&self.model.revision, self.locked) {
                (None, Some(locked)) => Some(locked.commit.clone()),
                (revision, _) => {
                    let revision = revision.clone().unwrap_or_else(Revision::main);
                    let found = cache.commit(&self.model.id, &revision);
                    found.map_err(FetchError::io(
                        "read",
                        cache.ref_path(&self.model.id, &revision),
                    ))?
                }
            },
        };
        match (self.locked, found) {
            (Some(locked), Some(found)) if locked.commit != found => {
                let difference = format!("commit: expected {}, found {found}", locked.commit);
                Err(FetchError::Locked { id: self.model.id.clone(), differences: vec![difference] })
            }
            (_, found) => Ok(found),
        }
    }
}
