//! Walking a parsed TOML file and collecting every mistake instead of stopping at the first.
//!
//! A getter answers `None` after it has reported why; what is missing or unknown is reported when a
//! section is finished. Knows nothing of suites.

mod value;

use std::{borrow::Cow, cell::RefCell, collections::BTreeSet, ops::Range, rc::Rc};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

pub(crate) use self::value::{Bound, Value};
use super::errors::SuiteError;
use crate::closest;

/// One file and its mistakes so far.
pub(crate) struct Source<'t> {
    file: String,
    text: &'t str,
    errors: RefCell<Vec<SuiteError>>,
}

impl<'t> Source<'t> {
    pub(crate) fn new(file: &str, text: &'t str) -> Self {
        Source { file: file.to_owned(), text, errors: RefCell::new(Vec::new()) }
    }

    /// The file's table; `None` after reporting every error of syntax.
    pub(crate) fn root(&self) -> Option<Spanned<DeTable<'t>>> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        for error in &errors {
            self.report(error.span().unwrap_or(0..0), error.message().to_owned());
        }
        errors.is_empty().then_some(table)
    }

    pub(crate) fn report(&self, span: Range<usize>, message: String) {
        let line = 1 + self.text[..span.start].bytes().filter(|&byte| byte == b'\n').count();
        let error = SuiteError { file: self.file.clone(), line, message };
        // What several sections take from one place is wrong there once.
        let mut errors = self.errors.borrow_mut();
        if !errors.contains(&error) {
            errors.push(error);
        }
    }

    /// The mistakes in the order of lines.
    pub(crate) fn into_errors(self) -> Vec<SuiteError> {
        let mut errors = self.errors.into_inner();
        errors.sort_by_key(|error| error.line);
        errors
    }

    fn slice(&self, span: Range<usize>) -> &'t str {
        &self.text[span]
    }
}

/// A table of a file, and which of its keys were asked for.
pub(crate) struct Section<'s, 't> {
    source: &'s Source<'t>,
    table: &'s DeTable<'t>,
    span: Range<usize>,
    title: String,
    asked: RefCell<BTreeSet<&'static str>>,
    missing: RefCell<Vec<&'static str>>,
    defaults: Option<Rc<Section<'s, 't>>>,
}

impl<'s, 't> Section<'s, 't> {
    /// The whole file.
    pub(crate) fn root(source: &'s Source<'t>, table: &'s DeTable<'t>) -> Self {
        Section::new(source, table, 0..0, String::new())
    }

    fn new(
        source: &'s Source<'t>,
        table: &'s DeTable<'t>,
        span: Range<usize>,
        title: String,
    ) -> Self {
        let (asked, missing) = (RefCell::default(), RefCell::default());
        Section { source, table, span, title, asked, missing, defaults: None }
    }

    /// The same section, where a key that it does not have is taken from another one.
    pub(crate) fn with_defaults(self, defaults: &Rc<Section<'s, 't>>) -> Self {
        Section { defaults: Some(Rc::clone(defaults)), ..self }
    }

    /// The value of a key that must be there.
    pub(crate) fn take(&self, key: &'static str) -> Option<Value<'s, 't>> {
        let value = self.find(key);
        if value.is_none() {
            self.miss(key);
        }
        value
    }

    /// The value of a key that must be there itself, whatever the defaults are.
    pub(crate) fn take_own(&self, key: &'static str) -> Option<Value<'s, 't>> {
        let value = self.find_own(key);
        if value.is_none() {
            self.miss(key);
        }
        value
    }

    /// The value of a key that may be left out.
    pub(crate) fn find(&self, key: &'static str) -> Option<Value<'s, 't>> {
        // Asked of the defaults even if it is not taken from there: they may have it.
        let default = self.defaults.as_ref().and_then(|defaults| defaults.find(key));
        self.find_own(key).or(default)
    }

    fn find_own(&self, key: &'static str) -> Option<Value<'s, 't>> {
        self.asked.borrow_mut().insert(key);
        self.table.get(key).map(|value| Value::new(self.source, key, value))
    }

    fn miss(&self, key: &'static str) {
        let mut missing = self.missing.borrow_mut();
        if !missing.contains(&key) {
            missing.push(key);
        }
    }

    /// Every key with its value, in the order of the file: of a table whose keys are names. Nothing is
    /// unknown in it.
    pub(crate) fn each(&self) -> Vec<(&'s str, Value<'s, 't>)> {
        let entries = self.table.iter();
        entries
            .map(|(key, value)| (key_text(key), Value::new(self.source, key_text(key), value)))
            .collect()
    }

    /// A table that must be there.
    pub(crate) fn section(&self, key: &'static str) -> Option<Section<'s, 't>> {
        self.take(key)?.section()
    }

    /// An integer within bounds.
    pub(crate) fn count(&self, key: &'static str, least: usize, most: usize) -> Option<usize> {
        self.take(key)?.count_up_to(least, most)
    }

    /// A number within bounds.
    pub(crate) fn number(&self, key: &'static str, bound: Bound) -> Option<f64> {
        self.take(key)?.number(bound)
    }

    /// A text.
    pub(crate) fn text(&self, key: &'static str) -> Option<String> {
        self.take(key)?.text()
    }

    /// One of an enum's names.
    pub(crate) fn name<T: serde::de::DeserializeOwned>(
        &self,
        key: &'static str,
        what: &str,
    ) -> Option<T> {
        self.take(key)?.name(what)
    }

    /// Reports what is unknown and what is missing. A key that is nearly one of the missing ones, here or in
    /// the defaults, stands for it and is reported once.
    pub(crate) fn finish(&self) {
        let mut missing = self.missing.borrow().clone();
        for (found, span, meant) in self.unknown_keys() {
            let message = match meant {
                Some(meant) => {
                    missing.retain(|key| *key != meant);
                    format!("unknown key `{found}`, did you mean `{meant}`?")
                }
                None => format!("unknown key `{found}`{}", self.inside()),
            };
            self.source.report(span, message);
        }
        if let Some(defaults) = &self.defaults {
            let misspelt: Vec<_> =
                defaults.unknown_keys().into_iter().filter_map(|(_, _, meant)| meant).collect();
            missing.retain(|key| !misspelt.contains(key));
        }
        for key in missing {
            self.source.report(self.span.clone(), format!("missing `{key}`{}", self.inside()));
        }
    }

    /// The keys that nobody has asked for, where they stand, and which of the others each may stand for.
    fn unknown_keys(&self) -> Vec<(&'s str, Range<usize>, Option<&'static str>)> {
        let asked = self.asked.borrow();
        let unknown = self.table.keys().filter(|key| !asked.contains(key_text(key)));
        unknown
            .map(|key| {
                let free = asked.iter().copied().filter(|known| !self.table.contains_key(*known));
                (key_text(key), key.span(), closest(key_text(key), free))
            })
            .collect()
    }

    fn inside(&self) -> String {
        if self.title.is_empty() { String::new() } else { format!(" in `{}`", self.title) }
    }
}

fn key_text<'k>(key: &'k Spanned<Cow<'_, str>>) -> &'k str {
    key.get_ref()
}

/// The message about a name that stands for nothing known.
fn unknown(what: &str, found: &str, expected: &[&str]) -> String {
    match closest(found, expected.iter().copied()) {
        Some(meant) => format!("unknown {what} `{found}`, did you mean `{meant}`?"),
        None => format!("unknown {what} `{found}`, expected one of {}", expected.join(", ")),
    }
}

fn describe(value: &DeValue) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
