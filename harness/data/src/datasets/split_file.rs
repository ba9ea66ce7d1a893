//! CoOp's `split_zhou_*.json`: `{"train": [[path, label, name], …], "val": […], "test": […]}`.
//!
//! Read strictly: a file that differs from the format in any way is refused with every difference reported,
//! because a list that is guessed at gives other images for the same seed. A list may be empty.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::Value;

use super::{
    DatasetError, Example, Faults, dataset_dir::DatasetDir, ledger::Ledger, lists::ClassesAndLists,
};

const SPLITS: [&str; 3] = ["train", "val", "test"];

/// Reads and checks the split file `name`; `hint` is for whoever does not have it.
pub(super) fn read(
    dir: &DatasetDir,
    name: &str,
    hint: &str,
) -> Result<ClassesAndLists, DatasetError> {
    let text = dir.read_text(name, hint)?;
    let mut faults = Faults::default();
    let entries: Entries = match serde_json::from_str(&text) {
        Ok(entries) => entries,
        Err(error) => {
            faults.push(format!("found {error}, expected an object with {}", expected_keys()));
            return Err(faults.of(dir.id(), &dir.join(name)));
        }
    };

    let mut ledger = Ledger::default();
    let [train, val, test] = entries
        .into_lists(&mut faults)
        .map(|(split, rows)| read_list(split, rows, &mut ledger, &mut faults));
    let class_names = ledger.class_names(&train, &mut faults);
    faults.or_else(dir.id(), &dir.join(name), ClassesAndLists { class_names, train, val, test })
}

fn expected_keys() -> String {
    SPLITS.map(|split| format!("`{split}`")).join(", ")
}

/// The file's object as written: a key that stands twice is kept twice, to be reported.
struct Entries(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

impl Entries {
    /// The rows of the three lists; a list that is missing or no array is reported and left empty.
    fn into_lists(self, faults: &mut Faults) -> [(&'static str, Vec<Value>); 3] {
        let mut found: BTreeMap<&'static str, Vec<Value>> = BTreeMap::new();
        for (key, value) in self.0 {
            let Some(split) = SPLITS.into_iter().find(|split| *split == key) else {
                faults.push(format!(
                    "found the key {}, expected {}",
                    brief(&key.into()),
                    expected_keys()
                ));
                continue;
            };
            if found.contains_key(split) {
                faults.push(format!("`{split}`: found a second time, expected once"));
                continue;
            }
            let rows = match value {
                Value::Array(rows) => rows,
                other => {
                    faults.push(format!("`{split}`: found {}, expected an array", brief(&other)));
                    Vec::new()
                }
            };
            found.insert(split, rows);
        }
        SPLITS.map(|split| {
            let rows = found.remove(split).unwrap_or_else(|| {
                faults.push(format!("`{split}`: found no such key, expected an array"));
                Vec::new()
            });
            (split, rows)
        })
    }
}

fn read_list(
    split: &'static str,
    rows: Vec<Value>,
    ledger: &mut Ledger,
    faults: &mut Faults,
) -> Vec<Example> {
    let mut examples = Vec::with_capacity(rows.len());
    for (index, row) in rows.into_iter().enumerate() {
        let place = format!("`{split}`[{index}]");
        let read = read_row(index, &row).and_then(|example| {
            ledger.admit(&example, &place)?;
            Ok(example)
        });
        match read {
            Ok(example) => examples.push(example),
            Err(fault) => faults.push(format!("{place}: {fault}")),
        }
    }
    examples
}

fn read_row(index: usize, row: &Value) -> Result<Example, String> {
    let Some([path, label, class_name]) = row.as_array().map(Vec::as_slice) else {
        return Err(format!("found {}, expected [path, label, class name]", brief(row)));
    };
    let Value::String(path) = path else {
        return Err(format!("found the path {}, expected a text", brief(path)));
    };
    let Some(label) = label.as_u64().and_then(|label| usize::try_from(label).ok()) else {
        return Err(format!("found the label {}, expected an integer from 0", brief(label)));
    };
    let class_name = match class_name {
        Value::String(name) if !name.trim().is_empty() => name,
        other => return Err(format!("found the class name {}, expected a text", brief(other))),
    };
    Ok(Example { index, path: path.clone(), label, class_name: class_name.clone() })
}

/// A JSON value, cut to a length that fits a message.
fn brief(value: &Value) -> String {
    const MAX_CHARS: usize = 60;
    let text = value.to_string();
    if text.chars().count() <= MAX_CHARS {
        return format!("`{text}`");
    }
    let start: String = text.chars().take(MAX_CHARS).collect();
    format!("`{start}…`")
}
