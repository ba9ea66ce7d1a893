//! Publication: a record gets its name by an operation that one process wins, and one that is there already is compared.
//!
//! A record stands for its identity, and its outcome is what the identity gives; seconds, machine and memory may differ
//! between two attempts. So a second record with the same outcome is dropped, and one with another is an error. Locks
//! and schedulers save work; that no result is lost, doubled or mixed rests on this file alone.
//!
//! Predictions go first, under a name that has their digest, and get their plain name once their record has its own. So
//! a record is never there without its predictions, and two attempts never write into one another's.

use std::{collections::BTreeSet, fs, io, path::Path};

use clsrl_files::{FileId, again, retire};
use clsrl_spec::{
    CellRecord, Identity, Prediction, TrainingRecord, Trial, differing_fields, sealed_digest,
};
use serde::Serialize;
use serde_json::Value;

use super::{
    Store, StoreError, Stored,
    answers::{self, WAITING},
    record_file, write_error,
};

/// How often a name is tried to get that others take and give up meanwhile.
const N_TRIES: usize = 100;

/// Why an event of a trial cannot be recorded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    /// The results folder fails, so no other trial would fare better.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The trial itself went wrong.
    #[error("{0}")]
    Trial(String),
}

/// How a record was published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Published {
    /// It is this one that is there.
    New,
    /// There was one with the same outcome; this one is dropped.
    Known,
}

/// What is published, and what it may take the place of.
pub(crate) struct Publication<'a, R> {
    pub(crate) trial: &'a Trial,
    pub(crate) identity: &'a Identity,
    pub(crate) record: &'a R,
    /// The ids of the identities whose results the run was told to write over.
    pub(crate) replaces: &'a BTreeSet<String>,
}

/// What a record that is there already means for another one.
enum Verdict {
    Same,
    Replace,
    Conflict(String),
}

impl Store {
    /// Publishes the record of a fine-tune. `may_replace` says whether one of the same identity and of other weights is
    /// of no use to anybody.
    pub(crate) fn publish_training(
        &self,
        publication: Publication<'_, TrainingRecord>,
        may_replace: &dyn Fn(&TrainingRecord) -> Result<bool, StoreError>,
    ) -> Result<Published, RecordError> {
        let &Publication { trial, identity, record, .. } = &publication;
        let path = self.training_path(trial);
        let text = record_file::text((trial, None), (identity, record), None);
        publish(&path, &text, &|| {
            let Stored::Present(found) = self.read_training(trial)? else {
                return Ok(Verdict::Replace);
            };
            let weights = &found.record.outcome.weights_digest;
            let is_refreshed = !found.is_sealed && *weights == record.outcome.weights_digest;
            Ok(match publication.compare(&path, &found.identity, &found.record) {
                Verdict::Conflict(_) if found.identity == *identity && is_refreshed => {
                    Verdict::Replace
                }
                Verdict::Conflict(_)
                    if found.identity == *identity && may_replace(&found.record)? =>
                {
                    Verdict::Replace
                }
                verdict => verdict,
            })
        })
    }

    /// Publishes a cell: its predictions, then its record.
    pub(crate) fn publish_cell(
        &self,
        publication: Publication<'_, CellRecord>,
        predictions: &[Prediction],
    ) -> Result<Published, RecordError> {
        let &Publication { trial, identity, record, .. } = &publication;
        let cell = record.outcome.cell;
        let (path, plain) = (self.cell_path(trial, cell), self.predictions_path(trial, cell));
        let (lines, digest) = answers::lines_of(predictions);
        let waiting = answers::waiting_path(&plain, &digest);
        let is_new = clsrl_files::publish(&waiting, &lines);
        if !is_new.map_err(|source| write_error(&waiting, source))? {
            // Those of another attempt, which have the same bytes if they are whole.
            answers::expect_bytes(&waiting, &lines)?;
        }
        let of = (trial, Some(cell));
        let text = record_file::text(of, (identity, record), Some(digest.clone()));
        let published = publish(&path, &text, &|| {
            let Stored::Present(found) = self.read_cell(trial, cell)? else {
                return Ok(Verdict::Replace);
            };
            let is_of_others = found.identity == *identity
                && found.record.outcome.weights_digest != record.outcome.weights_digest;
            let verdict = publication.compare(&path, &found.identity, &found.record);
            Ok(match verdict {
                // It counts beside no fine-tune that there is.
                Verdict::Conflict(_) if is_of_others => Verdict::Replace,
                Verdict::Same if found.predictions.as_ref() != Some(&digest) => {
                    Verdict::Conflict(format!(
                        "another attempt published `{}` first, with the same outcome and other \
                         answers: SHA-256 {} there, {digest} here",
                        path.display(),
                        found.predictions.as_deref().unwrap_or("unknown")
                    ))
                }
                verdict => verdict,
            })
        })?;
        settle_as(&waiting, &plain)?;
        Ok(published)
    }

    /// A cell is published beside the fine-tune whose weights answered, and beside no other.
    pub(crate) fn check_weights(
        &self,
        trial: &Trial,
        record: &CellRecord,
    ) -> Result<(), RecordError> {
        let path = self.training_path(trial);
        let found = match self.read_training(trial)? {
            Stored::Present(found) => Some(found.record.outcome.weights_digest),
            Stored::Missing(_) => None,
        };
        let answered = &record.outcome.weights_digest;
        if found == *answered {
            return Ok(());
        }
        let shown = |digest: Option<String>| digest.unwrap_or_else(|| "none".to_owned());
        Err(RecordError::Trial(format!(
            "`{}` is of weights {} by now, and those that answered here are {}: another attempt at this trial came \
             first, and these answers are dropped",
            path.display(),
            shown(found),
            shown(answered.clone())
        )))
    }

    /// Gives predictions their plain name whose record is there: its writer may have ended between the two.
    pub(super) fn settle(&self, trial: &Trial) -> Result<(), StoreError> {
        let dir = self.trial_dir(trial);
        let entries = again(|| fs::read_dir(&dir))
            .map_err(|source| StoreError::Read { path: dir.clone(), source })?;
        for entry in entries.flatten() {
            let name = entry.file_name();
            let parts = name
                .to_str()
                .and_then(|name| name.strip_prefix('.')?.strip_suffix(WAITING)?.rsplit_once('.'));
            let Some((cell, digest)) = parts else { continue };
            if record_file::sealed_predictions(&dir.join(format!("{cell}.json")))
                .is_some_and(|sealed| sealed == digest)
            {
                settle_as(&entry.path(), &dir.join(format!("{cell}.predictions.jsonl")))?;
            }
        }
        Ok(())
    }
}

impl<R: Serialize> Publication<'_, R> {
    /// Holds what is there to what would be published.
    fn compare(&self, path: &Path, there: &Identity, found: &R) -> Verdict {
        if there != self.identity {
            if self.replaces.contains(&there.id()) {
                return Verdict::Replace;
            }
            let fields = differing_fields(there.json(), self.identity.json()).join(", ");
            return Verdict::Conflict(format!(
                "another run published `{}` meanwhile, from other inputs: identity {} there, {} here; they differ in \
                 {fields}\nhint: give one of the two another folder with --out",
                path.display(),
                there.id(),
                self.identity.id()
            ));
        }
        let (there, here) = (outcome_digest(found), outcome_digest(self.record));
        if there == here {
            return Verdict::Same;
        }
        Verdict::Conflict(format!(
            "another attempt published `{}` first, with another outcome under the same identity {}: SHA-256 of the \
             outcome {there} there, {here} here\nhint: what is there is kept; remove `{}` to start this trial over",
            path.display(),
            self.identity.id(),
            self.trial.key()
        ))
    }
}

/// Gives a file its name, or finds out what the one that has it means.
fn publish(
    path: &Path,
    text: &[u8],
    judge: &dyn Fn() -> Result<Verdict, StoreError>,
) -> Result<Published, RecordError> {
    let failed = |source: io::Error| write_error(path, source);
    for _ in 0..N_TRIES {
        // Which file it is, is looked up before it is read: what comes after it is not retired for it.
        let seen = FileId::of(path).map_err(failed)?;
        if let Some(seen) = seen {
            match judge()? {
                Verdict::Same => return Ok(Published::Known),
                Verdict::Conflict(reason) => return Err(RecordError::Trial(reason)),
                Verdict::Replace => retire(path, seen).map_err(failed)?,
            }
        }
        if clsrl_files::publish(path, text).map_err(failed)? {
            return Ok(Published::New);
        }
    }
    Err(failed(io::Error::other("others take and give up its name all the time")).into())
}

/// SHA-256 of a record's reproducible half.
fn outcome_digest(record: &impl Serialize) -> String {
    let record: Value = serde_json::to_value(record).expect("a record is plain data");
    sealed_digest(&record["outcome"])
}

/// Gives predictions their plain name, whoever was quicker.
pub(super) fn settle_as(waiting: &Path, plain: &Path) -> Result<(), StoreError> {
    let renamed = fs::rename(waiting, plain).or_else(|error| {
        // An empty folder is nobody's predictions.
        match error.kind() == io::ErrorKind::IsADirectory && fs::remove_dir(plain).is_ok() {
            true => fs::rename(waiting, plain),
            false => Err(error),
        }
    });
    match renamed {
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(()),
        renamed => renamed.map_err(|source| write_error(plain, source)),
    }
}
