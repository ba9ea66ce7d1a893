//! The fields in which two protocols differ.

use std::collections::BTreeMap;

use serde_json::Value;

use super::field;
use crate::{DatasetId, ProtocolFile, Training};

/// A field in which two protocols differ.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    /// The field's dotted path, as in the protocol's file.
    pub path: String,
    /// Its value in the first protocol; `-` where it has none.
    pub a: String,
    /// Its value in the second.
    pub b: String,
    /// What the field changes.
    pub changes: &'static str,
}

/// The fields in which two protocols differ, but for their names, in the order of [`field::ALL`].
pub fn differences_of_protocols(a: &ProtocolFile, b: &ProtocolFile) -> Vec<Difference> {
    let (a, b) = (fields(a), fields(b));
    let none = "-".to_owned();
    let mut differences: Vec<Difference> = a
        .keys()
        .chain(b.keys().filter(|path| !a.contains_key(*path)))
        .filter(|path| a.get(*path) != b.get(*path) && *path != "name")
        .map(|path| Difference {
            path: path.clone(),
            a: a.get(path).unwrap_or(&none).clone(),
            b: b.get(path).unwrap_or(&none).clone(),
            changes: field::changes(path).unwrap_or_default(),
        })
        .collect();
    differences.sort_by_key(|difference| (field::rank(&difference.path), difference.path.clone()));
    differences
}

/// Every field of a protocol file by its path, with its value as text.
pub(super) fn fields(file: &ProtocolFile) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    let protocol = serde_json::to_value(&file.protocol).expect("a protocol is plain data");
    walk("", &protocol, &mut |path, value| drop(fields.insert(in_file(&path), render(value))));
    for method in file.methods() {
        let mut by_dataset: BTreeMap<String, Vec<(DatasetId, String)>> = BTreeMap::new();
        for dataset in DatasetId::ALL {
            let settings = match file.training(method, dataset) {
                Some(Training::Sft(settings)) => serde_json::to_value(settings),
                Some(Training::Grpo(settings)) => serde_json::to_value(settings),
                Some(Training::None) | None => continue,
            };
            let mut settings = settings.expect("settings are plain data");
            // The prompt of training is the method's own and stands in no file.
            settings.as_object_mut().and_then(|settings| settings.remove("prompt"));
            walk(method.as_str(), &settings, &mut |path, value| {
                by_dataset.entry(in_file(&path)).or_default().push((dataset, render(value)));
            });
        }
        fields.extend(by_dataset.into_iter().map(|(path, values)| (path, merge_values(&values))));
    }
    fields
}

/// A field's path as a protocol file has it: the optimizer is the same for all methods but for the
/// learning rate, and what lasts is among a method's own settings.
fn in_file(path: &str) -> String {
    match path.split_once(".optimizer.") {
        Some((_, shared)) if shared != "learning_rate" => return format!("optimizer.{shared}"),
        Some((method, own)) => return format!("{method}.{own}"),
        None => {}
    }
    match path.strip_prefix("prompts.") {
        Some(prompt) => {
            let prompt = prompt.replace("few_shot", "few-shot").replace("open_set", "open-set");
            format!("prompts.{prompt}")
        }
        None => path.replace(".duration.", "."),
    }
}

/// Goes down to the fields that have a sentence, and to what is no table.
fn walk(path: &str, value: &Value, found: &mut dyn FnMut(String, &Value)) {
    match value {
        Value::Object(table) if field::changes(path).is_none() => {
            for (key, value) in table {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                walk(&path, value, found);
            }
        }
        value => found(path.to_owned(), value),
    }
}

/// `published, percent 40` for a rule with settings, `a, b` for a list, otherwise as JSON writes it.
fn render(value: &Value) -> String {
    let name = |value: &Value| value.as_str().map_or_else(|| render(value), str::to_owned);
    match value {
        Value::Object(table) => {
            let parts = table.iter().map(|(key, value)| match value {
                Value::Object(_) => format!("{key}, {}", render(value)),
                value => format!("{key} {}", name(value)),
            });
            parts.collect::<Vec<_>>().join(", ")
        }
        // The one field that may have no value of its own.
        Value::Null => "of the template".to_owned(),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Array(items) => items.iter().map(name).collect::<Vec<_>>().join(", "),
        Value::String(text) if is_id(text) => text.clone(),
        value => value.to_string(),
    }
}

fn is_id(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    !text.is_empty() && text.chars().all(is_part)
}

/// The value of most datasets, then those that differ.
fn merge_values(values: &[(DatasetId, String)]) -> String {
    let count = |wanted: &str| values.iter().filter(|(_, value)| value == wanted).count();
    let Some((_, usual)) = values.iter().rev().max_by_key(|(_, value)| count(value)) else {
        return String::new();
    };
    let others = values.iter().filter(|(_, value)| value != usual);
    others.fold(usual.clone(), |text, (dataset, value)| format!("{text}, {dataset} {value}"))
}
