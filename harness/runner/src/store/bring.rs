//! Records of another folder, brought here with their bytes.

use std::{io, path::Path};

use clsrl_files::{FileId, NewFile, retire};
use clsrl_spec::{CellRecord, Trial};

use super::{
    Store, StoreError, Stored, Verified, answers, create_dir, publish::settle_as, record_file,
    write_error,
};

impl Store {
    /// Brings a fine-tune's record where there is no sound one; says whether it was brought.
    pub(crate) fn bring_training(&self, from: &Store, trial: &Trial) -> Result<bool, StoreError> {
        if let Stored::Present(_) = self.read_training(trial)? {
            return Ok(false);
        }
        create_dir(&self.trial_dir(trial))?;
        let to = self.training_path(trial);
        give_way(&to)?;
        copy(&from.training_path(trial), &to)?
            .finish_new()
            .map_err(|source| write_error(&to, source))
    }

    /// Brings a cell where there is no sound one, its predictions first; says whether it was brought.
    pub(crate) fn bring_cell(
        &self,
        from: &Store,
        trial: &Trial,
        cell: &Verified<CellRecord>,
    ) -> Result<bool, StoreError> {
        let (digest, cell) = (cell.answers_digest(), cell.record.outcome.cell);
        if let Stored::Present(_) = self.read_cell(trial, cell)? {
            return Ok(false);
        }
        let plain = self.predictions_path(trial, cell);
        let waiting = answers::waiting_path(&plain, digest);
        let answers =
            answers::open(&from.predictions_path(trial, cell), Some(digest)).map_err(|source| {
                record_file::cannot_read(&from.predictions_path(trial, cell), source)
            })?;
        let written = copy_to_new(answers, &waiting).and_then(NewFile::finish);
        written.map_err(|source| write_error(&waiting, source))?;
        let to = self.cell_path(trial, cell);
        give_way(&to)?;
        let brought = copy(&from.cell_path(trial, cell), &to)?
            .finish_new()
            .map_err(|source| write_error(&to, source))?;
        if brought {
            settle_as(&waiting, &plain)?;
        }
        Ok(brought)
    }
}

/// Takes away what is no record.
fn give_way(path: &Path) -> Result<(), StoreError> {
    let seen = FileId::of(path).map_err(|source| write_error(path, source))?;
    seen.map_or(Ok(()), |seen| retire(path, seen)).map_err(|source| write_error(path, source))
}

fn copy(from: &Path, to: &Path) -> Result<NewFile, StoreError> {
    let source =
        clsrl_files::open(from).map_err(|source| record_file::cannot_read(from, source))?;
    copy_to_new(source, to).map_err(|source| write_error(to, source))
}

/// A file in the making with these bytes.
fn copy_to_new(mut source: impl io::Read, to: &Path) -> io::Result<NewFile> {
    let mut file = NewFile::create(to)?;
    io::copy(&mut source, &mut file)?;
    Ok(file)
}
