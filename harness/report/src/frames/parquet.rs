//! Parquet: a file in the making, row group by row group, and single columns of a file.

use std::{
    io::{Cursor, Read, Seek, SeekFrom, Write},
    sync::Arc,
};

use polars_buffer::Buffer;
use polars_core::{
    prelude::{
        ArrowDataType, ArrowField, ArrowSchema, DataFrame, DataType, IntoColumn, PolarsResult,
        Series,
    },
    utils::arrow::record_batch::RecordBatch,
};
use polars_parquet::{
    read::{
        BasicDecompressor, ColumnChunkMetadata, FileMetadata, PageReader, column_iter_to_arrays,
        infer_schema, read_metadata,
    },
    write::{
        CompressionOptions, DynIter, Encoding, FileWriter, StatisticsOptions, Version,
        WriteOptions, row_group_iter,
    },
};

/// A Parquet file that grows.
pub(super) struct ParquetFile<W: Write> {
    writer: FileWriter<W>,
}

impl<W: Write> ParquetFile<W> {
    /// Begins a file with these columns, compressed by zstd. Its Arrow schema tells unit and meaning of each.
    pub(super) fn create(writer: W, schema: &ArrowSchema) -> PolarsResult<Self> {
        let options = WriteOptions {
            statistics: StatisticsOptions::default(),
            compression: CompressionOptions::Zstd(None),
            version: Version::V1,
            data_page_size: None,
        };
        Ok(ParquetFile { writer: FileWriter::try_new(writer, schema.clone(), options)? })
    }

    /// Adds a row group.
    pub(super) fn write(&mut self, rows: RecordBatch) -> PolarsResult<()> {
        let n_rows = rows.len();
        let fields = self.writer.parquet_schema().fields().to_vec();
        let all_options = self.writer.options();
        let columns = rows.into_arrays().into_iter().zip(fields).flat_map(move |(array, field)| {
            let statistics = statistics(array.dtype());
            let options = WriteOptions { statistics, ..all_options };
            let one = ArrowField::new(field.name().into(), array.dtype().clone(), true);
            let one =
                RecordBatch::new(n_rows, Arc::new(ArrowSchema::from_iter([one])), vec![array]);
            // Plain, texts too: a dictionary hashes every text, which costs more than all else that is done to an
            // answer, and zstd finds what is repeated.
            let encodings = Buffer::from(vec![vec![Encoding::Plain]]);
            row_group_iter(one, encodings, vec![field], options)
        });
        self.writer.write(n_rows as u64, DynIter::new(columns))
    }

    /// Ends the file.
    pub(super) fn finish(&mut self) -> PolarsResult<()> {
        self.writer.end(None)?;
        Ok(())
    }
}

/// What a row group says of a column: of texts nothing. The first and the last of them in the alphabet help no reader to
/// leave a group out, since nearly every group has all methods and targets, and those of answers are as long as answers
/// are. Without the two there must be no number of nulls either: duckdb 2.0 takes such a group for empty.
fn statistics(data_type: &ArrowDataType) -> StatisticsOptions {
    match data_type {
        ArrowDataType::LargeUtf8 => StatisticsOptions::empty(),
        _ => StatisticsOptions::default(),
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
