//! One value of a file, turned into what it must be or reported.

use std::{collections::BTreeMap, fmt, ops::Range};

use serde::de::{DeserializeOwned, IntoDeserializer, value::StrDeserializer};
use toml::{Spanned, de::DeValue};

use super::{Section, Source, describe, unknown};
use crate::{
    DatasetId, Seed,
    ranges::{MAX_NUMBER, MIN_POSITIVE},
    suite::PerDataset,
};

/// A value, the key that it stands under and where it stands.
pub(crate) struct Value<'s, 't> {
    source: &'s Source<'t>,
    key: String,
    value: &'s DeValue<'t>,
    span: Range<usize>,
}

/// The largest count of anything: above it products of counts overflow before anything runs.
const MAX_COUNT: usize = 1_000_000_000;

/// What a number must be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bound {
    /// Above 0, and neither 0 nor infinite in float32.
    Positive,
    /// 0 or more, and not infinite in float32.
    NonNegative,
    /// 0 or more and below 1.
    Decay,
    /// Above 0 and at most 1.
    Share,
    /// Above 0 and at most a million.
    Epochs,
}

impl Bound {
    fn holds(self, number: f64) -> bool {
        number.is_finite()
            && match self {
                Bound::Positive => (MIN_POSITIVE..=MAX_NUMBER).contains(&number),
                Bound::NonNegative => (0.0..=MAX_NUMBER).contains(&number),
                Bound::Decay => (0.0..1.0).contains(&number),
                Bound::Share => 0.0 < number && number <= 1.0,
                Bound::Epochs => 0.0 < number && number <= 1e6,
            }
    }

    fn words(self) -> &'static str {
        match self {
            Bound::Positive => "from 1e-30 to 1e30",
            Bound::NonNegative => "from 0 to 1e30",
            Bound::Decay => "0 or more and below 1",
            Bound::Share => "above 0 and at most 1",
            Bound::Epochs => "above 0 and at most 1000000",
        }
    }
}

impl<'s, 't> Value<'s, 't> {
    pub(crate) fn new(
        source: &'s Source<'t>,
        key: &str,
        value: &'s Spanned<DeValue<'t>>,
    ) -> Value<'s, 't> {
        Value { source, key: key.to_owned(), value: value.get_ref(), span: value.span() }
    }

    /// Reports a mistake at this value.
    pub(crate) fn refuse(&self, message: String) {
        self.source.report(self.span.clone(), message);
    }

    /// The value as it is written in the file.
    pub(crate) fn source_text(&self) -> &'t str {
        self.source.slice(self.span.clone())
    }

    pub(crate) fn text(&self) -> Option<String> {
        match self.value {
            DeValue::String(text) => Some(text.to_string()),
            _ => self.wrong_type("a string"),
        }
    }

    pub(crate) fn is_table(&self) -> bool {
        matches!(self.value, DeValue::Table(_))
    }

    /// Whether the value is this text.
    pub(crate) fn is_text(&self, expected: &str) -> bool {
        matches!(self.value, DeValue::String(text) if text == expected)
    }

    /// A text that can be part of a file's name everywhere.
    pub(crate) fn file_name(&self) -> Option<String> {
        let text = self.text()?;
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if text.is_empty() || !text.chars().all(allowed) || text.starts_with('-') {
            let key = &self.key;
            self.refuse(format!(
                "`{key}` must be lower-case letters, digits and hyphens, found {text:?}"
            ));
            return None;
        }
        Some(text)
    }

    pub(crate) fn flag(&self) -> Option<bool> {
        match self.value {
            DeValue::Boolean(flag) => Some(*flag),
            _ => self.wrong_type("a boolean"),
        }
    }

    pub(crate) fn number(&self, bound: Bound) -> Option<f64> {
        let number = match self.value {
            DeValue::Integer(digits) => {
                i64::from_str_radix(digits.as_str(), digits.radix()).ok().map(|int| int as f64)
            }
            DeValue::Float(digits) => digits.as_str().parse().ok(),
            _ => return self.wrong_type("a number"),
        };
        let checked = number.filter(|&number| bound.holds(number));
        if checked.is_none() {
            let (key, words, written) = (&self.key, bound.words(), self.source_text());
            self.refuse(format!("`{key}` must be {words}, found {written}"));
        }
        checked
    }

    pub(crate) fn count(&self, least: usize) -> Option<usize> {
        self.count_up_to(least, MAX_COUNT)
    }

    pub(crate) fn count_up_to(&self, least: usize, most: usize) -> Option<usize> {
        let count = self.integer(least)?;
        if most < count {
            let (key, written) = (&self.key, self.source_text());
            self.refuse(format!("`{key}` must be at most {most}, found {written}"));
            return None;
        }
        Some(count)
    }

    /// A seed: any integer from 0.
    pub(crate) fn seed(&self) -> Option<Seed> {
        self.integer(0).map(|seed| seed as Seed)
    }

    /// Counts from 1: one or more, each once.
    pub(crate) fn counts(&self, most: usize) -> Option<Vec<usize>> {
        self.list(|item| item.count_up_to(1, most))
    }

    /// Seeds: one or more, each once.
    pub(crate) fn seeds(&self) -> Option<Vec<Seed>> {
        self.list(|item| item.seed())
    }

    fn integer(&self, least: usize) -> Option<usize> {
        let DeValue::Integer(digits) = self.value else { return self.wrong_type("an integer") };
        let integer = i64::from_str_radix(digits.as_str(), digits.radix())
            .ok()
            .and_then(|int| usize::try_from(int).ok())
            .filter(|&integer| least <= integer);
        if integer.is_none() {
            let (key, written) = (&self.key, self.source_text());
            self.refuse(format!("`{key}` must be {least} or more, found {written}"));
        }
        integer
    }

    /// One of an enum's names.
    pub(crate) fn name<T: DeserializeOwned>(&self, what: &str) -> Option<T> {
        let text = self.text()?;
        let named = parse_name(&text);
        if let Err(problem) = &named {
            self.refuse(match problem {
                NameProblem::Unknown(expected) => unknown(what, &text, expected),
                NameProblem::Other(message) => message.clone(),
            });
        }
        named.ok()
    }

    /// Reports a name that is none of these.
    pub(in crate::suite) fn refuse_name(&self, what: &str, expected: &[&str]) {
        self.refuse(unknown(what, &self.text().unwrap_or_default(), expected));
    }

    /// Names of an enum: none or more, each once.
    pub(in crate::suite) fn names_or_none<T: DeserializeOwned + PartialEq>(
        &self,
        what: &str,
    ) -> Option<Vec<T>> {
        match self.value {
            DeValue::Array(items) if items.is_empty() => Some(Vec::new()),
            _ => self.names(what),
        }
    }

    /// Names of an enum: one or more, each once.
    pub(crate) fn names<T: DeserializeOwned + PartialEq>(&self, what: &str) -> Option<Vec<T>> {
        self.list(|item| item.name(what))
    }

    /// A list of datasets, or `"all"`.
    pub(crate) fn datasets(&self) -> Option<Vec<DatasetId>> {
        match self.value {
            DeValue::String(text) if text == "all" => Some(DatasetId::ALL.to_vec()),
            DeValue::Array(_) => self.names("dataset"),
            _ => self.wrong_type("\"all\" or a list of datasets"),
        }
    }

    /// The items of a list that may be empty.
    pub(crate) fn items(&self) -> Option<Vec<Value<'s, 't>>> {
        let DeValue::Array(items) = self.value else { return self.wrong_type("a list") };
        Some(items.iter().map(|item| Value::new(self.source, &self.key, item)).collect())
    }

    /// The value as a table of settings.
    pub(crate) fn section(&self) -> Option<Section<'s, 't>> {
        match self.value {
            DeValue::Table(table) => {
                Some(Section::new(self.source, table, self.span.clone(), self.key.clone()))
            }
            _ => self.wrong_type("a table"),
        }
    }

    /// One value for every dataset, or a table with a `default` and exceptions by dataset.
    pub(crate) fn per_dataset<T: Clone>(
        &self,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Option<PerDataset<T>> {
        let DeValue::Table(table) = self.value else {
            let everywhere = read(self)?;
            return Some(PerDataset::from_fn(|_| everywhere.clone()));
        };
        let (mut default, mut exceptions, mut complete) = (None, BTreeMap::new(), true);
        for (key, value) in table.iter() {
            let item = Value { key: self.key.clone(), ..Value::new(self.source, "", value) };
            let read = read(&item);
            complete &= read.is_some();
            if key.get_ref() == "default" {
                default = read;
                continue;
            }
            match parse_name::<DatasetId>(key.get_ref()) {
                Ok(dataset) => exceptions.extend(read.map(|read| (dataset, read))),
                Err(_) => {
                    let known = DatasetId::ALL.map(DatasetId::as_str);
                    self.source.report(key.span(), unknown("dataset", key.get_ref(), &known));
                    complete = false;
                }
            }
        }
        if !table.contains_key("default") {
            self.refuse(format!("missing `default` in `{}`", self.key));
        }
        let default = default.filter(|_| complete)?;
        Some(PerDataset::from_fn(|dataset| exceptions.get(&dataset).unwrap_or(&default).clone()))
    }

    fn list<T: PartialEq>(&self, read: impl Fn(&Value) -> Option<T>) -> Option<Vec<T>> {
        let DeValue::Array(items) = self.value else { return self.wrong_type("a list") };
        if items.is_empty() {
            self.refuse(format!("`{}` must name at least one", self.key));
            return None;
        }
        let (mut values, mut complete) = (Vec::with_capacity(items.len()), true);
        for item in items.iter() {
            let item = Value::new(self.source, &self.key, item);
            match read(&item) {
                Some(value) if values.contains(&value) => {
                    item.refuse(format!("`{}` names {} twice", self.key, item.source_text()));
                    complete = false;
                }
                Some(value) => values.push(value),
                None => complete = false,
            }
        }
        complete.then_some(values)
    }

    fn wrong_type<T>(&self, expected: &str) -> Option<T> {
        self.refuse(format!("`{}` must be {expected}, found {}", self.key, describe(self.value)));
        None
    }
}

/// Reads a name through the same serde names that records and frames use.
fn parse_name<T: DeserializeOwned>(text: &str) -> Result<T, NameProblem> {
    let deserializer: StrDeserializer<NameProblem> = text.into_deserializer();
    T::deserialize(deserializer)
}

/// Why a name could not be read; serde gives an unknown variant's alternatives only this way.
#[derive(Debug)]
enum NameProblem {
    Unknown(&'static [&'static str]),
    Other(String),
}

impl std::error::Error for NameProblem {}

impl fmt::Display for NameProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NameProblem::Unknown(expected) => write!(f, "expected one of {}", expected.join(", ")),
            NameProblem::Other(message) => f.write_str(message),
        }
    }
}

impl serde::de::Error for NameProblem {
    fn custom<T: fmt::Display>(message: T) -> Self {
        NameProblem::Other(message.to_string())
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        NameProblem::Unknown(expected)
    }
}
