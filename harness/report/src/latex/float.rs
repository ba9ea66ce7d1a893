//! A float around a tabular: a short caption and a label above it, notes below.

use super::{Variant, escape::breakable};
use crate::{
    page::{SYNTHETIC, UNLOCKED},
    table::Table,
};

/// What a float has beside its tabular.
pub(super) struct Float {
    /// The first sentence of the table's caption, and what no caption goes without.
    caption: String,
    label: String,
    /// The rest of the caption, and the table's notes.
    notes: Vec<String>,
    environment: &'static str,
}

impl Float {
    /// The float of a table.
    pub(super) fn new(table: &Table, label: String, notes: Vec<String>, variant: Variant) -> Self {
        let (caption, rest) = split_caption(&table.caption);
        let notes = rest.into_iter().chain(notes).collect();
        Float { caption, label, notes, environment: variant.environment() }
    }

    /// Renders it around its parts, a float each, that refer to the first.
    pub(super) fn render(&self, tabulars: &[String]) -> String {
        let Float { caption, label, environment, .. } = self;
        let one = |(at, tabular): (usize, &String)| {
            let head = match at {
                0 => format!(
                    "\\caption{{{}}}\n\\label{{{label}}}\n\\vspace{{4pt}}",
                    breakable(caption)
                ),
                _ => format!("{{\\small Table~\\ref{{{label}}}, continued.\\par\\smallskip}}"),
            };
            let notes = if at + 1 == tabulars.len() { self.notes() } else { String::new() };
            format!(
                "\\begin{{{environment}}}\n\\centering\n{head}\n{tabular}\n{notes}\\end{{{environment}}}\n"
            )
        };
        tabulars.iter().enumerate().map(one).collect()
    }

    fn notes(&self) -> String {
        if self.notes.is_empty() {
            return String::new();
        }
        let notes: Vec<String> = self.notes.iter().map(|note| breakable(note)).collect();
        format!(
            "\\par\\vspace{{3pt}}\n\\begin{{minipage}}{{\\linewidth}}\\scriptsize\\raggedright\n{}\\par\n\\end{{minipage}}\n",
            notes.join("\\par\n")
        )
    }
}

/// The caption in short, and what it says more.
fn split_caption(caption: &str) -> (String, Option<String>) {
    let mut rest = caption.trim_end();
    let mut marks = Vec::new();
    while let Some(mark) = [SYNTHETIC, UNLOCKED].into_iter().find(|mark| rest.ends_with(mark)) {
        rest = rest[..rest.len() - mark.len()].trim_end();
        marks.insert(0, mark);
    }
    let (first, more) = match rest.split_once(". ") {
        Some((first, more)) => (format!("{first}."), Some(more.to_owned())),
        None => (rest.to_owned(), None),
    };
    let short: Vec<&str> = std::iter::once(first.as_str()).chain(marks).collect();
    (short.join(" "), more)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caption_is_its_first_sentence_and_what_it_never_goes_without() {
        let check = |caption, short: &str, more: Option<&str>| {
            assert_eq!(split_caption(caption), (short.to_owned(), more.map(str::to_owned)));
        };
        check("One. Two 1.5. Three.", "One.", Some("Two 1.5. Three."));
        check("One. Two. Synthetic images.", "One. Synthetic images.", Some("Two."));
        let both = "One. Synthetic images. Unlocked data.";
        check(both, both, None);
        check("", "", None);
    }

    #[test]
    fn parts_of_a_table_refer_to_the_first() {
        let float = Float {
            caption: "A.".into(),
            label: "tab:s:a".into(),
            notes: vec!["N.".into()],
            environment: "table*",
        };
        let text = float.render(&["1".into(), "2".into()]);
        assert_eq!(text.matches("\\label").count(), 1);
        assert_eq!(text.matches("Table~\\ref{tab:s:a}, continued.").count(), 1);
        assert_eq!(text.matches("N.").count(), 1);
        assert!(text.ends_with("\\end{table*}\n"), "{text}");
    }
}
