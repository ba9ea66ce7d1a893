//! A frame's file: Parquet, CSV or NDJSON, written piece by piece, whole or not at all.
//!
//! It is written under a temporary name of its own beside the final one, flushed to the disk and renamed.

use std::{
    cell::RefCell,
    ffi::OsString,
    fmt,
    io::{self, Write},
    path::{Path, PathBuf},
    rc::Rc,
    str::FromStr,
};

use clsrl_files::NewFile;
use strum::IntoStaticStr;

use super::{
    batch::Batch,
    parquet::ParquetFile,
    text::{csv_record, ndjson_line},
};
use crate::{
    ReportError,
    rows::{Column, FrameRow},
};

/// Rows that are written together as one row group of a Parquet file.
const ROW_GROUP: usize = 1 << 16;

/// A file format of frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum FrameFormat {
    /// Parquet with zstd compression.
    Parquet,
    /// Comma-separated values with a head line, quoted where needed (RFC 4180, lines end in `\n`).
    Csv,
    /// One JSON object per line.
    Ndjson,
}

/// A frame's file in the making. Dropped before [`FrameFile::finish`], it leaves nothing behind.
pub struct FrameFile {
    path: PathBuf,
    columns: Vec<Column>,
    file: SharedFile,
    encoder: Encoder,
}

enum Encoder {
    Parquet { writer: Box<ParquetFile<SharedFile>>, waiting: Batch },
    Csv(Box<csv::Writer<SharedFile>>),
    Ndjson(SharedFile),
}

/// One buffered file for an encoder and for who has to finish it, which takes it away.
#[derive(Clone)]
struct SharedFile(Rc<RefCell<Option<NewFile>>>);

impl FrameFormat {
    /// All formats.
    pub const ALL: [FrameFormat; 3] = [FrameFormat::Parquet, FrameFormat::Csv, FrameFormat::Ndjson];

    /// Its name, which is also its files' extension.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// A path with this format's extension added.
    pub fn at(self, path: &Path) -> PathBuf {
        let mut path = OsString::from(path);
        path.push(".");
        path.push(self.as_str());
        path.into()
    }
}

impl fmt::Display for FrameFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for FrameFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = FrameFormat::ALL.into_iter().find(|format| format.as_str() == text);
        found.ok_or_else(|| "expected parquet, csv or ndjson".to_owned())
    }
}

/// Writes the frame of some rows, replacing what was there.
pub fn write_frame<R: FrameRow>(
    rows: &[R],
    path: &Path,
    format: FrameFormat,
) -> Result<(), ReportError> {
    let mut file = FrameFile::create::<R>(path, format)?;
    file.write(rows)?;
    file.finish()
}

impl FrameFile {
    /// Begins a file with the columns of a type of rows.
    pub fn create<R: FrameRow>(path: &Path, format: FrameFormat) -> Result<Self, ReportError> {
        let at_path = |source| ReportError::Write { path: path.to_owned(), source };
        let file = NewFile::create(path).map_err(at_path)?;
        let file = SharedFile(Rc::new(RefCell::new(Some(file))));
        let columns = R::columns();
        let encoder = match format {
            FrameFormat::Parquet => {
                let waiting = Batch::new(&columns);
                let writer = ParquetFile::create(file.clone(), waiting.schema())
                    .map_err(|source| ReportError::Encode { path: path.to_owned(), source })?;
                Encoder::Parquet { writer: Box::new(writer), waiting }
            }
            FrameFormat::Csv => {
                let mut writer = csv::Writer::from_writer(file.clone());
                let names = columns.iter().map(|column| column.name);
                writer.write_record(names).map_err(|error| at_path(error.into()))?;
                Encoder::Csv(Box::new(writer))
            }
            FrameFormat::Ndjson => Encoder::Ndjson(file.clone()),
        };
        Ok(FrameFile { path: path.to_owned(), columns, file, encoder })
    }

    /// Adds rows. Panics if they have other columns than the file.
    pub fn write<R: FrameRow>(&mut self, rows: &[R]) -> Result<(), ReportError> {
        assert_eq!(R::columns(), self.columns, "rows of another type");
        let at_path = |source| ReportError::Write { path: self.path.clone(), source };
        match &mut self.encoder {
            Encoder::Parquet { waiting, .. } => {
                rows.iter().for_each(|row| waiting.push(row));
                if ROW_GROUP <= waiting.n_rows() {
                    self.write_row_group()?;
                }
            }
            Encoder::Csv(writer) => {
                for row in rows {
                    let written = writer.write_record(csv_record(row));
                    written.map_err(|error| at_path(error.into()))?;
                }
            }
            Encoder::Ndjson(file) => {
                for row in rows {
                    file.write_all(ndjson_line(row).as_bytes()).map_err(at_path)?;
                }
            }
        }
        Ok(())
    }

    /// Ends the file and puts it in its place.
    pub fn finish(mut self) -> Result<(), ReportError> {
        self.write_row_group()?;
        let at_path = |source| ReportError::Write { path: self.path.clone(), source };
        match &mut self.encoder {
            Encoder::Parquet { writer, .. } => {
                let encoded = writer.finish();
                encoded
                    .map_err(|source| ReportError::Encode { path: self.path.clone(), source })?;
            }
            Encoder::Csv(writer) => writer.flush().map_err(at_path)?,
            Encoder::Ndjson(_) => {}
        }
        let file = self.file.0.take().ok_or_else(is_finished).map_err(at_path)?;
        file.finish().map_err(at_path)
    }

    /// Writes the rows that wait for their row group, if any do.
    fn write_row_group(&mut self) -> Result<(), ReportError> {
        let Encoder::Parquet { writer, waiting } = &mut self.encoder else { return Ok(()) };
        if waiting.n_rows() == 0 {
            return Ok(());
        }
        let written = writer.write(waiting.take());
        written.map_err(|source| ReportError::Encode { path: self.path.clone(), source })
    }
}

impl fmt::Debug for FrameFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameFile").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Write for SharedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().as_mut().ok_or_else(is_finished)?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        // An encoder may flush when it is dropped, after the end.
        self.0.borrow_mut().as_mut().map_or(Ok(()), Write::flush)
    }
}

fn is_finished() -> io::Error {
    io::Error::other("the file is finished already")
}

#[cfg(test)]
mod tests;
