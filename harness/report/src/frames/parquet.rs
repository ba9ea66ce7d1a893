//! Parquet: a file in the making, row group by row group, and single columns of a file.

use std::io::{Cursor, Read, Seek, SeekFrom, Write};

use polars_buffer::Buffer;
use polars_core::{
    prelude::{ArrowField, ArrowSchema, DataFrame, DataType, IntoColumn, PolarsResult, Series},
    utils::arrow::record_batch::RecordBatch,
};
use polars_parquet::{
    read::{
        BasicDecompressor, ColumnChunkMetadata, FileMetadata, PageReader, column_iter_to_arrays,
        infer_schema, read_metadata,
    },
    write::{
        CompressionOptions, Encoding, FileWriter, StatisticsOptions, Version, WriteOptions,
        row_group_iter,
    },
};

/// A Parquet file that grows.
pub(super) struct ParquetFile<W: Write> {
    writer: FileWriter<W>,
}

impl<W: Write> ParquetFile<W> {
    /// Begins a file with these columns, compressed by zstd. Its Arrow schema tells unit and meaning of each.
    ///
    /// It has no statistics: nearly every row group has all methods and targets, so that they help no reader to leave
    /// one out, and the first and the last text of answers cost time and are as long as answers are.
    pub(super) fn create(writer: W, schema: &ArrowSchema) -> PolarsResult<Self> {
        let options = WriteOptions {
            statistics: StatisticsOptions::empty(),
            compression: CompressionOptions::Zstd(None),
            version: Version::V1,
            data_page_size: None,
        };
        Ok(ParquetFile { writer: FileWriter::try_new(writer, schema.clone(), options)? })
    }

    /// Adds a row group.
    pub(super) fn write(&mut self, rows: RecordBatch) -> PolarsResult<()> {
        let n_rows = rows.len() as u64;
        let fields = self.writer.parquet_schema().fields().to_vec();
        // Plain, texts too: a dictionary hashes every text, which costs more than all else that is done to an answer,
        // and zstd finds what is repeated.
        let encodings = fields.iter().map(|_| vec![Encoding::Plain]).collect();
        let columns = row_group_iter(rows, encodings, fields, self.writer.options());
        self.writer.write(n_rows, columns)
    }

    /// Ends the file.
    pub(super) fn finish(&mut self) -> PolarsResult<()> {
        self.writer.end(None)?;
        Ok(())
    }
}

/// Reads some columns of a file, and nothing of the others.
pub(super) fn read_columns<'a>(
    file: &mut (impl Read + Seek),
    names: impl IntoIterator<Item = &'a str>,
) -> PolarsResult<DataFrame> {
    let metadata = read_metadata(file)?;
    let schema = infer_schema(&metadata)?;
    let mut columns = Vec::new();
    for name in names {
        columns.push(read_column(file, &metadata, schema.try_get(name)?)?.into_column());
    }
    DataFrame::new(metadata.num_rows, columns)
}

/// The columns of a file, each with what it says of itself.
#[cfg(test)]
pub(super) fn schema(file: &mut (impl Read + Seek)) -> PolarsResult<ArrowSchema> {
    infer_schema(&read_metadata(file)?)
}

fn read_column(
    file: &mut (impl Read + Seek),
    metadata: &FileMetadata,
    field: &ArrowField,
) -> PolarsResult<Series> {
    let mut arrays = Vec::new();
    for group in &metadata.row_groups {
        for chunk in group.columns_under_root_iter(&field.name).into_iter().flatten() {
            let bytes = read_chunk(file, chunk)?;
            let pages = PageReader::new(Cursor::new(bytes), chunk, Vec::new(), usize::MAX);
            let pages = BasicDecompressor::new(pages, Vec::new());
            let kind = &chunk.descriptor().descriptor.primitive_type;
            arrays.extend(column_iter_to_arrays(vec![pages], vec![kind], field.clone(), None)?.0);
        }
    }
    match arrays.is_empty() {
        true => Ok(Series::new_empty(field.name.clone(), &DataType::from_arrow_field(field))),
        false => Series::try_from((field, arrays)),
    }
}

/// A column's bytes within a row group, as far as the file has them.
fn read_chunk(
    file: &mut (impl Read + Seek),
    chunk: &ColumnChunkMetadata,
) -> PolarsResult<Buffer<u8>> {
    let range = chunk.byte_range();
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(range.start))?;
    file.take(range.end.saturating_sub(range.start)).read_to_end(&mut bytes)?;
    Ok(bytes.into())
}
