//! Writing a frame as a Parquet file.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{BufWriter, Write},
    path::Path,
};

use polars::prelude::DataFrame;
use polars_io::parquet::write::{ParquetCompression, ParquetWriter};

use crate::ReportError;

/// Writes a frame as zstd-compressed Parquet: whole or not at all, replacing what was there.
///
/// The file is written under a temporary name beside its own, flushed to the disk and renamed.
pub fn write_parquet(frame: &mut DataFrame, path: &Path) -> Result<(), ReportError> {
    let mut temporary = OsString::from(path);
    temporary.push(".part");
    let temporary = Path::new(&temporary);
    let written = write_through(frame, path, temporary);
    if written.is_err() {
        // The first error is the one to tell; a file that was never made cannot be removed.
        let _ = fs::remove_file(temporary);
    }
    written
}

fn write_through(frame: &mut DataFrame, path: &Path, temporary: &Path) -> Result<(), ReportError> {
    let at_path = |source| ReportError::Write { path: path.to_owned(), source };
    let mut file = BufWriter::new(File::create(temporary).map_err(at_path)?);
    ParquetWriter::new(&mut file)
        .with_compression(ParquetCompression::Zstd(None))
        .finish(frame)
        .map_err(|source| ReportError::Encode { path: path.to_owned(), source })?;
    file.flush().map_err(at_path)?;
    file.get_ref().sync_all().map_err(at_path)?;
    fs::rename(temporary, path).map_err(at_path)
}
