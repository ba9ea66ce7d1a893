//! Parquet: a file in the making, row group by row group, and single columns of a file.

use std::{
    collections::BTreeMap,
    io::{Cursor, Read, Seek, SeekFrom, Write},
};

use polars_buffer::Buffer;
use polars_core::prelude::{
    ArrowField, ArrowSchema, CompatLevel, DataFrame, DataType, IntoColumn, PlSmallStr,
    PolarsResult, Schema, SchemaExt, Series,
};
use polars_parquet::{
    read::{
        BasicDecompressor, ColumnChunkMetadata, FileMetadata, PageReader, column_iter_to_arrays,
        infer_schema, read_metadata,
    },
    write::{
        CompressionOptions, Encoding, FileWriter, StatisticsOptions, Version, WriteOptions,
        get_dtype_encoding, row_group_iter,
    },
};

use crate::rows::Column;

/// Texts as readers have known them longest: pyarrow before 16 opens no file whose schema has views, in lists or
/// dictionaries either.
const LEVEL: CompatLevel = CompatLevel::oldest();

/// A Parquet file that grows.
pub(super) struct ParquetFile<W: Write> {
    writer: FileWriter<W>,
    encodings: Buffer<Vec<Encoding>>,
}

impl<W: Write> ParquetFile<W> {
    /// Begins a file with these columns, compressed by zstd. Its Arrow schema tells unit and meaning of each.
    pub(super) fn create(writer: W, schema: &Schema, columns: &[Column]) -> PolarsResult<Self> {
        let options = WriteOptions {
            statistics: StatisticsOptions::default(),
            compression: CompressionOptions::Zstd(None),
            version: Version::V1,
            data_page_size: None,
        };
        let fields = schema.iter_fields().zip(columns).map(|(field, column)| {
            let name = field.name().clone();
            let field = field.dtype().to_arrow_field(name.clone(), LEVEL);
            (name, field.with_metadata(explained(column)))
        });
        let schema: ArrowSchema = fields.collect();
        let encodings = schema.iter_values().map(|field| get_dtype_encoding(&field.dtype));
        let encodings = encodings.collect();
        Ok(ParquetFile { writer: FileWriter::try_new(writer, schema, options)?, encodings })
    }

    /// Adds a frame of one chunk as a row group.
    pub(super) fn write(&mut self, frame: &DataFrame) -> PolarsResult<()> {
        for batch in frame.iter_chunks(LEVEL, false) {
            let n_rows = batch.len() as u64;
            let fields = self.writer.parquet_schema().fields().to_vec();
            let encodings = self.encodings.clone();
            let columns = row_group_iter(batch, encodings, fields, self.writer.options());
            self.writer.write(n_rows, columns)?;
        }
        Ok(())
    }

    /// Ends the file.
    pub(super) fn finish(&mut self) -> PolarsResult<()> {
        self.writer.end(None)?;
        Ok(())
    }
}

/// A column's unit, if it has one, and what it means.
fn explained(column: &Column) -> BTreeMap<PlSmallStr, PlSmallStr> {
    let unit = Some(("unit", column.unit)).filter(|(_, unit)| !unit.is_empty());
    let all = unit.into_iter().chain([("description", column.meaning)]);
    all.map(|(key, text)| (key.into(), text.into())).collect()
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
