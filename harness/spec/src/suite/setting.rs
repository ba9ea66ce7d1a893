//! A field of a suite or of its protocol that is given another value than the file's: `cls-rl.generations=8`.
//!
//! It is put into the text of the file, so that it is typed and checked as if it stood there.

use std::{fmt, str::FromStr};

use toml_edit::{DocumentMut, InlineTable, Item, TableLike, Value};

use crate::lock::Digest;

/// The keys of a suite; every other is its protocol's. `shots` is both: a list in the one, a table in the other.
const OF_SUITE: [&str; 11] = [
    "description",
    "model",
    "data",
    "task",
    "methods",
    "datasets",
    "targets",
    "shots",
    "seeds",
    "evaluation",
    "execution",
];

/// What says which file it is, and is not set.
const FIXED: [&str; 3] = ["version", "name", "protocol"];

/// The longest part that a setting adds to the name of results, in characters.
const MAX_NAME: usize = 48;

/// A field and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    path: Vec<String>,
    /// As TOML.
    value: String,
}

/// A text that sets nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSetting {
    /// There is no `=`, or a part of the field's name is empty.
    #[error("expected FIELD=VALUE as in `cls-rl.generations=8`, found `{0}`")]
    Form(String),
    /// The field says which file it is.
    #[error("`{0}` says which file it is, and cannot be set; --protocol names another protocol")]
    Fixed(String),
}

impl FromStr for Setting {
    type Err = BadSetting;

    fn from_str(text: &str) -> Result<Self, BadSetting> {
        let bad = || BadSetting::Form(text.to_owned());
        let (path, value) = text.split_once('=').ok_or_else(bad)?;
        let (path, value) = (path.trim(), value.trim());
        let is_key = |key: &str| {
            let is_plain = |char: char| char.is_ascii_alphanumeric() || "-_".contains(char);
            !key.is_empty() && key.chars().all(is_plain)
        };
        if value.is_empty() || !path.split('.').all(is_key) {
            return Err(bad());
        }
        if FIXED.contains(&path) {
            return Err(BadSetting::Fixed(path.to_owned()));
        }
        // A word needs no quotes on a command line.
        let value = match value.parse::<Value>() {
            Ok(_) => value.to_owned(),
            Err(_) => Value::from(value).to_string(),
        };
        Ok(Setting { path: path.split('.').map(str::to_owned).collect(), value })
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.path.join("."), self.value)
    }
}

impl Setting {
    /// Whether the field is the suite's, and not its protocol's.
    pub(super) fn is_of_suite(&self) -> bool {
        match self.path.as_slice() {
            [section, _, ..] if section == "shots" => false,
            [first, ..] => OF_SUITE.contains(&first.as_str()),
            [] => false,
        }
    }

    /// What results are named by beside the suite: a part of a file's name without points.
    pub fn part_of_name(&self) -> String {
        let text = self.to_string();
        let plain =
            |char: char| if char.is_ascii_alphanumeric() || char == '_' { char } else { '-' };
        let name: String = text.chars().map(plain).collect();
        // What is cut off, and a sign that is a dash as others are, must not make two settings one.
        let is_plain = |char: char| char.is_ascii_alphanumeric() || "-_.=".contains(char);
        let is_whole = name.len() <= MAX_NAME && text.chars().all(is_plain) && !text.contains("=-");
        match is_whole {
            true => format!("set-{name}"),
            false => format!("set-{name:.MAX_NAME$}-{}", Digest::of(&text).short(8)),
        }
    }

    /// A file's text with this value in it; as it was where it is no TOML, which its reader tells.
    pub(super) fn put_into(&self, text: &str) -> String {
        let Ok(mut document) = text.parse::<DocumentMut>() else { return text.to_owned() };
        let value: Value = self.value.parse().expect("it was parsed when it was made");
        let Some((key, sections)) = self.path.split_last() else { return text.to_owned() };
        let mut table: &mut dyn TableLike = document.as_table_mut();
        for section in sections {
            let empty = || Item::Value(InlineTable::new().into());
            let item = table.entry(section).or_insert_with(empty);
            // Where no table was meant, the reader refuses the one that takes the value's place, by its name.
            if !item.is_table_like() {
                *item = empty();
            }
            table = item.as_table_like_mut().expect("it is one now");
        }
        table.insert(key, Item::Value(value));
        document.to_string()
    }
}
