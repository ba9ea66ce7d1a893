//! Writing a model into the text of a lock file; comments, order and the other models stay.

use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, Value};

use super::{LockedModel, MODEL_LOCK_VERSION};
use crate::{ModelId, lock::WriteError};

/// Gives the text of a lock in which this model stands as it is given; an empty text becomes a new lock.
///
/// # Errors
///
/// A text that is no TOML, or in which the model's key is no table.
pub fn with_model(text: &str, id: &ModelId, model: &LockedModel) -> Result<String, WriteError> {
    let mut document: DocumentMut = text
        .parse()
        .map_err(|error: toml_edit::TomlError| WriteError::Syntax(error.to_string()))?;
    if !document.contains_key("version") {
        document.insert("version", toml_edit::value(MODEL_LOCK_VERSION as i64));
    }
    let item = document.entry(id.as_str()).or_insert_with(|| Item::Table(Table::new()));
    let table = item.as_table_mut().ok_or_else(|| WriteError::NoTable(id.to_string()))?;
    let mut files = Array::new();
    for (name, file) in &model.files {
        let pairs: [(&str, Value); 3] = [
            ("path", name.as_str().into()),
            ("size", (file.size as i64).into()),
            ("sha256", file.sha256.to_string().into()),
        ];
        files.push_formatted(Value::from(InlineTable::from_iter(pairs)).decorated("\n    ", ""));
    }
    files.set_trailing("\n");
    files.set_trailing_comma(true);
    table.insert("commit", toml_edit::value(model.commit.as_str()));
    table.insert("files", toml_edit::value(files));
    Ok(document.to_string())
}
