//! Writing entries into the text of a lock file; comments, order and what nobody changed stay.

use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, Value};

use super::{Annotation, Known, LOCK_VERSION, LockEntry, LockKey, Tree, UNVERIFIED};

/// A text that entries cannot be written into.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// It is no TOML.
    #[error("the lock is no TOML: {0}")]
    Syntax(String),
    /// A key that must be a table is something else.
    #[error("`{0}` is no table")]
    NoTable(String),
}

/// Gives the text of a lock in which each entry's verified values stand; an empty text becomes a new lock.
///
/// What an entry does not know stays as it was.
pub fn with_entries(text: &str, entries: &[(LockKey, LockEntry)]) -> Result<String, WriteError> {
    let mut document: DocumentMut = text
        .parse()
        .map_err(|error: toml_edit::TomlError| WriteError::Syntax(error.to_string()))?;
    if !document.contains_key("version") {
        document.insert("version", toml_edit::value(LOCK_VERSION as i64));
    }
    for (key, entry) in entries {
        let mut table: &mut Table = document.as_table_mut();
        let path = key.table();
        let n_parts = path.split('.').count();
        for (depth, part) in (1..).zip(path.split('.')) {
            table = subtable(table, part, depth < n_parts)
                .ok_or_else(|| WriteError::NoTable(path.clone()))?;
        }
        fill(table, entry);
    }
    Ok(document.to_string())
}

fn subtable<'t>(table: &'t mut Table, key: &str, is_implicit: bool) -> Option<&'t mut Table> {
    let item = table.entry(key).or_insert_with(|| {
        let mut table = Table::new();
        table.set_implicit(is_implicit);
        Item::Table(table)
    });
    item.as_table_mut()
}

fn fill(table: &mut Table, entry: &LockEntry) {
    let is_new = table.is_empty();
    let counts = subvalues(table, "counts");
    for (split, n) in entry.counts.by_split() {
        let n = n.verified().map(|&n| Value::from(n as i64));
        set(counts, split, n);
    }
    let classes = entry.classes.verified().map(|classes| {
        inline([("n", (classes.n as i64).into()), ("sha256", classes.sha256.to_string().into())])
    });
    put(table, "classes", classes);
    put(table, "split", entry.split.verified().map(|split| split.to_string().into()));
    put(table, "images", entry.images.verified().map(tree));
    if !entry.annotations.is_empty() || is_new {
        annotate(table, &entry.annotations);
    }
}

fn tree(tree: &Tree) -> Value {
    inline([
        ("n_files", (tree.n_files as i64).into()),
        ("n_bytes", (tree.n_bytes as i64).into()),
        ("sha256", tree.sha256.to_string().into()),
    ])
}

/// The inline table under a key, made if there is none.
fn subvalues<'t>(table: &'t mut Table, key: &str) -> &'t mut InlineTable {
    let item = table.entry(key).or_insert_with(|| toml_edit::value(InlineTable::new()));
    if !item.is_inline_table() {
        *item = toml_edit::value(InlineTable::new());
    }
    item.as_inline_table_mut().expect("it was just made one")
}

fn set(values: &mut InlineTable, key: &str, value: Option<Value>) {
    match value {
        Some(value) => {
            values.insert(key, value);
        }
        None if !values.contains_key(key) => {
            values.insert(key, UNVERIFIED.into());
        }
        None => {}
    }
    values.fmt();
}

/// Sets a value, or says that it is unverified if nothing stands there; a comment after it stays.
fn put(table: &mut Table, key: &str, value: Option<Value>) {
    let value = match value {
        Some(value) => value,
        None if table.contains_key(key) => return,
        None => UNVERIFIED.into(),
    };
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(old) => {
            let decor = old.decor().clone();
            *old = value;
            *old.decor_mut() = decor;
        }
        None => drop(table.insert(key, toml_edit::value(value))),
    }
}

/// Sets the files that were found among those that are listed, one line each.
fn annotate(table: &mut Table, found: &[Annotation]) {
    let mut files = match table.get("annotations").and_then(Item::as_array) {
        Some(files) => files.clone(),
        None => Array::new(),
    };
    for file in found {
        let value = match &file.content {
            Known::Verified(content) => inline([
                ("path", file.path.as_str().into()),
                ("size", (content.size as i64).into()),
                ("sha256", content.sha256.to_string().into()),
            ]),
            Known::Unverified => {
                inline([("path", file.path.as_str().into()), ("sha256", UNVERIFIED.into())])
            }
        };
        let is_same = |listed: &Value| {
            let path = listed.as_inline_table().and_then(|listed| listed.get("path"));
            path.and_then(Value::as_str) == Some(file.path.as_str())
        };
        let position = files.iter().position(is_same);
        match (position, &file.content) {
            (Some(_), Known::Unverified) => {}
            (Some(position), Known::Verified(_)) => drop(files.replace(position, value)),
            (None, _) => files.push_formatted(value.decorated("\n    ", "")),
        }
    }
    let is_empty = files.is_empty();
    if !is_empty && files.trailing().as_str().is_none_or(str::is_empty) {
        files.set_trailing("\n");
    }
    files.set_trailing_comma(!is_empty);
    put(table, "annotations", Some(files.into()));
}

fn inline<const N: usize>(pairs: [(&str, Value); N]) -> Value {
    InlineTable::from_iter(pairs).into()
}
