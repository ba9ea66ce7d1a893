//! A cache as JSON: `{"train": [[path, label, class name], …], "val": […]}`.

use serde::Deserialize;

use super::picks::{CachedLists, CachedPick};
use crate::datasets::text_file::plain_text;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lists {
    train: Vec<Row>,
    val: Option<Vec<Row>>,
}

type Row = (String, usize, String);

/// Reads a cache, or says what is wrong with it.
pub(super) fn read(bytes: &[u8]) -> Result<CachedLists, String> {
    const EXPECTED: &str = "{\"train\": [[path, label, class name], …], \"val\": […]}";
    let text = plain_text(bytes.to_vec())?;
    if bytes.trim_ascii_start().first().is_some_and(|first| *first != b'{') {
        return Err(format!("found no object, expected {EXPECTED}")); // serde would take an array too
    }
    let lists: Lists = serde_json::from_str(&text)
        .map_err(|error| format!("found {error}, expected {EXPECTED}"))?;
    let picks = |rows: Vec<Row>| {
        rows.into_iter()
            .map(|(path, label, class_name)| CachedPick { path, label, class_name })
            .collect()
    };
    Ok(CachedLists { train: picks(lists.train), val: lists.val.map(picks) })
}
