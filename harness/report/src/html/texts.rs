//! Values that repeat, each kept once and named by its number.

use std::collections::HashMap;

/// Different texts in the order of their first use.
#[derive(Debug, Default)]
pub(super) struct Texts {
    texts: Vec<String>,
    numbers: HashMap<String, usize>,
}

impl Texts {
    /// The number of a text, counted from 0.
    pub(super) fn number(&mut self, text: &str) -> usize {
        if let Some(&number) = self.numbers.get(text) {
            return number;
        }
        let number = self.texts.len();
        self.texts.push(text.to_owned());
        self.numbers.insert(text.to_owned(), number);
        number
    }

    /// All of them, by number.
    pub(super) fn into_texts(self) -> Vec<String> {
        self.texts
    }
}
