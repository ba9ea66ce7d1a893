//! What the last run asked for, so that a report is written again from results alone.

use std::{io, path::Path};

use clsrl_spec::{DatasetId, MethodId, RECORD_VERSION, Seed, check_bounds, sealed_digest};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Store, StoreError,
    record_file::{cannot_read, is_damage},
    write_error,
};

/// The file in the suite's folder.
const LAST_RUN: &str = "last-run.json";

/// The largest that is read.
const MAX_BYTES: u64 = 1 << 20;

/// What the last run asked for, and with what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LastRun {
    /// The start model, by name.
    pub model: String,
    /// Where the images came from, by name.
    pub data: String,
    /// The methods that were asked for; empty for all, as in the lists below.
    pub methods: Vec<MethodId>,
    /// The datasets.
    pub datasets: Vec<DatasetId>,
    /// The numbers of training images per class.
    pub shots: Vec<usize>,
    /// The seeds.
    pub seeds: Vec<Seed>,
    /// The limit of images per target.
    pub limit: Option<usize>,
}

/// The file since version 6 of the records; before, it was the bare [`LastRun`].
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    version: u64,
    /// Over the suite's name and what was asked for, as canonical JSON.
    seal: String,
    asked: Value,
}

impl Store {
    /// Reads what the last run asked for; `None` if there was none.
    ///
    /// # Errors
    ///
    /// [`StoreError::LastRun`] for a damaged file: without it nobody knows which part of the suite is meant.
    pub fn read_last_run(&self) -> Result<Option<LastRun>, StoreError> {
        let path = self.dir.join(LAST_RUN);
        let damaged = |reason: String| StoreError::LastRun { path: path.clone(), reason };
        let bytes = match clsrl_files::read(&path, MAX_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) if is_damage(&error) => return Err(damaged(error.to_string())),
            Err(error) => return Err(cannot_read(&path, error)),
        };
        let file: Value =
            serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        let asked = match file.get("version") {
            None => file,
            Some(version) => match version.as_u64() {
                Some(found) if u64::from(RECORD_VERSION) < found => {
                    return Err(StoreError::Newer { path, found });
                }
                _ => self.unsealed(file).map_err(damaged)?,
            },
        };
        check_bounds(&asked).map_err(damaged)?;
        serde_json::from_value(asked).map(Some).map_err(|error| damaged(error.to_string()))
    }

    fn unsealed(&self, file: Value) -> Result<Value, String> {
        let Sealed { seal, asked, .. } =
            serde_json::from_value(file).map_err(|error| error.to_string())?;
        match seal == self.seal_of(&asked) {
            true => Ok(asked),
            false => Err("it is not what its seal has".to_owned()),
        }
    }

    fn seal_of(&self, asked: &Value) -> String {
        let suite = self.dir.file_name().map(Path::new).map(|name| name.display().to_string());
        sealed_digest(&json!({ "suite": suite, "asked": asked }))
    }

    /// Writes what this run asks for.
    pub fn write_last_run(&self, last_run: &LastRun) -> Result<(), StoreError> {
        let asked = serde_json::to_value(last_run).expect("names are plain data");
        let sealed = Sealed { version: RECORD_VERSION.into(), seal: self.seal_of(&asked), asked };
        let mut text = serde_json::to_vec_pretty(&sealed).expect("names are plain data");
        text.push(b'\n');
        let path = self.dir.join(LAST_RUN);
        clsrl_files::replace(&path, &text).map_err(|source| write_error(&path, source))
    }
}
