//! The answers of a cell that is not done: a file that is written as a whole from time to time, so that what it has is
//! not asked again.

use std::{fs, path::PathBuf};

use clsrl_data::datasets::Example;
use clsrl_files::limit;
use clsrl_spec::{CellKey, Prediction, lock::Digest};
use serde::{Deserialize, Serialize};

use crate::{EngineError, job::Saving, sealed};

/// The version of the format; raised by every change of it. Answers of another one are asked again.
const VERSION: u32 = 1;

/// The first line; a prediction a line follows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    version: u32,
    /// The id of the cell's identity.
    cell_id: String,
    /// The digest of the weights that answered.
    weights_digest: String,
    /// SHA-256 of the lines that follow.
    answers: String,
    progress: CellProgress,
}

/// What a cell's record will say of the answers that are there.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CellProgress {
    /// Class names in all lists of the questions.
    pub(crate) n_choices: usize,
    pub(crate) seconds: f64,
    pub(crate) started_at: String,
    pub(crate) resumed_at: Vec<usize>,
}

/// The place of a cell's answers.
pub(crate) struct KeptAnswers<'a> {
    path: PathBuf,
    cell_id: &'a str,
    weights_digest: &'a str,
}

impl<'a> KeptAnswers<'a> {
    /// Names it; nothing is read or written yet.
    pub(crate) fn of(
        saving: &'a Saving,
        (cell, cell_id): (CellKey, &'a str),
        weights_digest: &'a str,
    ) -> Self {
        let path = saving.dir.join(format!("{cell}.answers.jsonl"));
        KeptAnswers { path, cell_id, weights_digest }
    }

    /// Keeps the answers that there are so far.
    pub(crate) fn save(
        &self,
        progress: CellProgress,
        predictions: &[Prediction],
    ) -> Result<(), EngineError> {
        let mut lines = String::new();
        for prediction in predictions {
            lines += &serde_json::to_string(prediction).expect("an answer is plain data");
            lines.push('\n');
        }
        let header = Header {
            version: VERSION,
            cell_id: self.cell_id.to_owned(),
            weights_digest: self.weights_digest.to_owned(),
            answers: Digest::of(&lines).to_string(),
            progress,
        };
        let text = sealed::to_line(&header) + &lines;
        let dir = self.path.parent().expect("it is in a folder");
        fs::create_dir_all(dir)
            .and_then(|()| clsrl_files::replace(&self.path, text.as_bytes()))
            .map_err(|source| EngineError::State { path: self.path.clone(), source })
    }

    /// The answers that an earlier attempt kept of these images: the first ones, in their order. None if there are none
    /// of the same cell and weights; an error tells what is wrong with those that are there.
    pub(crate) fn find(
        &self,
        chosen: &[&Example],
    ) -> Result<Option<(CellProgress, Vec<Prediction>)>, String> {
        if !self.path.exists() {
            return Ok(None);
        }
        let read = self.read(chosen);
        read.map_err(|reason| format!("`{}`: {reason}", self.path.display()))
    }

    fn read(&self, chosen: &[&Example]) -> Result<Option<(CellProgress, Vec<Prediction>)>, String> {
        let bytes =
            clsrl_files::read(&self.path, limit::RECORD).map_err(|error| error.to_string())?;
        let end = bytes.iter().position(|&byte| byte == b'\n').ok_or("it has no whole line")?;
        let (header, lines) = bytes.split_at(end + 1);
        let header: Header = sealed::parse(header)?;
        let of = (header.version, &*header.cell_id, &*header.weights_digest);
        if of != (VERSION, self.cell_id, self.weights_digest) {
            return Ok(None);
        }
        if Digest::of(lines).to_string() != header.answers {
            return Err("its answers are not what its seal has".to_owned());
        }
        let lines = lines.split_inclusive(|&byte| byte == b'\n');
        let parse = |line: &[u8]| serde_json::from_slice::<Prediction>(line);
        let predictions: Vec<Prediction> =
            lines.map(parse).collect::<Result<_, _>>().map_err(|error| error.to_string())?;
        let are_these = predictions.len() <= chosen.len()
            && predictions.iter().zip(chosen).all(|(prediction, example)| {
                (prediction.index, &prediction.image) == (example.index, &example.path)
            });
        if !are_these {
            return Err("its answers are about other images".to_owned());
        }
        Ok(Some((header.progress, predictions)))
    }
}
