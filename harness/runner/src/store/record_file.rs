//! A record's file: version, identity, seal and record as JSON, written whole and read with suspicion.

use std::{
    io,
    path::{Path, PathBuf},
};

use clsrl_spec::{
    CellKey, Identity, OLDEST_RECORD_VERSION, RECORD_VERSION, Seal, TrainingRecord, Trial,
    check_bounds,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::StoreError;

/// Why there is no record where nothing was run yet.
pub const NOT_RUN: &str = "not run yet";

/// The first version whose records have seals.
const SEALED_SINCE: u64 = 6;

/// The largest record that is read. That of ImageNet with 16 shots and 2500 steps has 3 MB.
const MAX_BYTES: u64 = 256 << 20;

/// A record that is what its seal says, if it has one.
#[derive(Debug)]
pub(super) struct RecordFile<R> {
    pub(super) identity: Identity,
    pub(super) seal: Option<Seal>,
    pub(super) record: R,
}

#[derive(Serialize)]
struct Written<'a> {
    version: u32,
    identity: &'a Identity,
    seal: &'a Seal,
    record: &'a Value,
}

#[derive(Deserialize)]
struct Version {
    version: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    version: u64,
    identity: Identity,
    #[serde(default)]
    seal: Option<Seal>,
    record: Value,
}

/// Reads the record of a trial, or of one of its cells; the inner error tells why there is none.
pub(super) fn read<R: DeserializeOwned>(
    path: &Path,
    of: (&Trial, Option<CellKey>),
) -> Result<Result<RecordFile<R>, String>, StoreError> {
    let sealed = |read: &Read, _: &Seal| Seal::new(of, &read.identity, &read.record, None);
    read_sealed(path, of.1.is_some(), &sealed)
}

/// Reads the record of a fine-tune of whichever trial it says.
pub(super) fn read_fine_tune(
    path: &Path,
) -> Result<Result<RecordFile<TrainingRecord>, String>, StoreError> {
    let sealed = |read: &Read, seal: &Seal| {
        Seal::of_fine_tune(seal.trial.clone(), &read.identity, &read.record)
    };
    read_sealed(path, false, &sealed)
}

/// Reads a record; `sealed` seals what was read.
fn read_sealed<R: DeserializeOwned>(
    path: &Path,
    is_cell: bool,
    sealed: &dyn Fn(&Read, &Seal) -> Seal,
) -> Result<Result<RecordFile<R>, String>, StoreError> {
    let damaged = |reason: String| format!("its record `{}` is damaged: {reason}", path.display());
    let bytes = match clsrl_files::read(path, MAX_BYTES) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Err(NOT_RUN.to_owned()));
        }
        Err(error) if is_damage(&error) => return Ok(Err(damaged(error.to_string()))),
        Err(source) => return Err(StoreError::Read { path: path.to_owned(), source }),
    };
    match serde_json::from_slice::<Version>(&bytes) {
        Err(error) => return Ok(Err(damaged(error.to_string()))),
        Ok(Version { version }) if u64::from(RECORD_VERSION) < version => {
            return Err(StoreError::Newer { path: path.to_owned(), found: version });
        }
        Ok(Version { version }) if version < u64::from(OLDEST_RECORD_VERSION) => {
            return Ok(Err(format!(
                "its record has version {version}, this program reads {OLDEST_RECORD_VERSION} and newer"
            )));
        }
        Ok(_) => {}
    }
    let read: Read = match serde_json::from_slice(&bytes) {
        Ok(read) => read,
        Err(error) => return Ok(Err(damaged(error.to_string()))),
    };
    Ok(check(read, is_cell, sealed).map_err(damaged))
}

fn check<R: DeserializeOwned>(
    read: Read,
    is_cell: bool,
    sealed: &dyn Fn(&Read, &Seal) -> Seal,
) -> Result<RecordFile<R>, String> {
    check_bounds(&read.record)?;
    match &read.seal {
        None if SEALED_SINCE <= read.version => return Err("it has no seal".to_owned()),
        None => {}
        Some(_) if read.version < SEALED_SINCE => {
            return Err(format!("it has a seal, which version {} has not", read.version));
        }
        Some(seal) => {
            if seal.predictions.is_some() != is_cell {
                return Err("its seal is that of another kind of record".to_owned());
            }
            seal.check(&sealed(&read, seal))?;
        }
    }
    let Read { identity, seal, record, .. } = read;
    let record = serde_json::from_value(record).map_err(|error| error.to_string())?;
    Ok(RecordFile { identity, seal, record })
}

/// A record's file with its seal; `predictions` is the digest of a cell's predictions file.
pub(super) fn text<R: Serialize>(
    of: (&Trial, Option<CellKey>),
    (identity, record): (&Identity, &R),
    predictions: Option<String>,
) -> Vec<u8> {
    let record = serde_json::to_value(record).expect("a record is plain data");
    let seal = Seal::new(of, identity, &record, predictions);
    let written = Written { version: RECORD_VERSION, identity, seal: &seal, record: &record };
    let mut text = serde_json::to_vec_pretty(&written).expect("a record is plain data");
    text.push(b'\n');
    text
}

/// The digest of the predictions that a cell's record is sealed with; none without such a record.
pub(super) fn sealed_predictions(path: &Path) -> Option<String> {
    let file: Value = serde_json::from_slice(&clsrl_files::read(path, MAX_BYTES).ok()?).ok()?;
    file["seal"]["predictions"].as_str().map(str::to_owned)
}

/// Whether an error is of what stands there, and not of the system that was to read it.
pub(super) fn is_damage(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::FileTooLarge || clsrl_files::is_irregular(error)
}

/// A record's file that cannot be read for a reason of the system.
pub(super) fn cannot_read(path: &Path, source: io::Error) -> StoreError {
    StoreError::Read { path: PathBuf::from(path), source }
}
