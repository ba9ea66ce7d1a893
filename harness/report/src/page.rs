//! A document as it is meant, before any format: headings, paragraphs and tables, in order.

use std::collections::BTreeMap;

use crate::{figure::Diverging, table::Table};

/// What ends a caption of drawn images, in every format.
pub(crate) const SYNTHETIC: &str = "Synthetic images.";

/// What ends a caption of data that is not the lock's.
pub(crate) const UNLOCKED: &str = "Unlocked data.";

/// A document as it grows. Every text that it is given is plain text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Page {
    blocks: Vec<Block>,
    caption_suffix: String,
}

/// One part of a document.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Block {
    /// A heading and its level, 1 for the document's own.
    Heading(usize, String),
    /// A paragraph; never blank.
    Paragraph(String),
    /// A paragraph that nobody overlooks.
    Warning(String),
    /// Text to be copied, to the letter.
    Verbatim(String),
    /// A table, its caption complete. Tables are numbered in order, from 1.
    Table(Table),
    /// A matrix, likewise, and numbered among the tables.
    Matrix(Matrix),
    /// A table for formats that are narrow and have no files of tables, numbered likewise; the others leave it out.
    Brief(Table),
    /// A line plot.
    Figure(Figure),
    /// A table for formats that scroll and sort, numbered likewise; the others leave it out.
    Long(Table),
    /// What follows, up to the next [`Block::EndFold`], can be opened under a text where a format folds.
    Fold(Fold),
    /// Ends what was folded.
    EndFold(Fold),
    /// Where the report's other files are, in a format that links.
    Files,
}

/// A part that can be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fold {
    /// What it is opened under, in plain text.
    pub(crate) text: String,
    /// Whether it is too long to stand open even in a format that scrolls; it is for those formats alone.
    pub(crate) is_long: bool,
}

/// A figure of a document.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Figure {
    /// Its files' name, without an extension.
    pub(crate) name: String,
    /// An SVG, its texts escaped, with a title of its own.
    pub(crate) svg: String,
}

/// A table of changes, and what stands behind each of them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Matrix {
    /// What is printed.
    pub(crate) table: Table,
    /// The cells that are changes, by row and column of the table.
    pub(crate) entries: BTreeMap<(usize, usize), Entry>,
    /// The colours of changes, as in the matrix's figure.
    pub(crate) scale: Diverging,
}

/// A change in a matrix.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    /// The change, in points of accuracy.
    pub(crate) points: f64,
    /// Whether it is on the dataset that was trained on.
    pub(crate) is_home: bool,
    /// What stands behind it, line by line, in plain text.
    pub(crate) behind: Vec<String>,
}

impl Page {
    /// An empty document; `caption_suffix` ends the caption of every table.
    pub(crate) fn new(caption_suffix: &str) -> Self {
        Page { blocks: Vec::new(), caption_suffix: caption_suffix.to_owned() }
    }

    pub(crate) fn heading(&mut self, level: usize, text: &str) {
        self.blocks.push(Block::Heading(level, text.to_owned()));
    }

    pub(crate) fn paragraph(&mut self, text: &str) {
        match text.trim() {
            "" => {}
            text => self.blocks.push(Block::Paragraph(text.to_owned())),
        }
    }

    pub(crate) fn warning(&mut self, text: &str) {
        self.blocks.push(Block::Warning(text.to_owned()));
    }

    pub(crate) fn verbatim(&mut self, text: &str) {
        self.blocks.push(Block::Verbatim(text.to_owned()));
    }

    pub(crate) fn table(&mut self, table: &Table) {
        self.blocks.push(Block::Table(self.captioned(table)));
    }

    pub(crate) fn matrix(&mut self, mut matrix: Matrix) {
        matrix.table.caption.push_str(&self.caption_suffix);
        self.blocks.push(Block::Matrix(matrix));
    }

    pub(crate) fn figure(&mut self, figure: Figure) {
        self.blocks.push(Block::Figure(figure));
    }

    /// A table whose caption is complete.
    fn captioned(&self, table: &Table) -> Table {
        let caption = format!("{}{}", table.caption, self.caption_suffix);
        Table { caption, ..table.clone() }
    }

    /// Adds a table for narrow formats alone.
    pub(crate) fn brief(&mut self, table: &Table) {
        self.blocks.push(Block::Brief(self.captioned(table)));
    }

    /// Adds a table for formats that scroll and sort alone.
    pub(crate) fn long(&mut self, table: &Table) {
        self.blocks.push(Block::Long(self.captioned(table)));
    }

    /// Adds parts that can be opened under a text; nothing where there is none.
    pub(crate) fn fold(&mut self, text: &str, write: impl FnOnce(&mut Page)) {
        self.fold_as(Fold { text: text.to_owned(), is_long: false }, write);
    }

    /// The same for what is too long to stand open anywhere, for formats that scroll.
    pub(crate) fn fold_long(&mut self, text: &str, write: impl FnOnce(&mut Page)) {
        self.fold_as(Fold { text: text.to_owned(), is_long: true }, write);
    }

    fn fold_as(&mut self, fold: Fold, write: impl FnOnce(&mut Page)) {
        let start = self.blocks.len();
        self.blocks.push(Block::Fold(fold.clone()));
        write(self);
        match self.blocks.len() == start + 1 {
            true => self.blocks.truncate(start),
            false => self.blocks.push(Block::EndFold(fold)),
        }
    }

    pub(crate) fn files(&mut self) {
        self.blocks.push(Block::Files);
    }

    /// Its parts, in order.
    pub(crate) fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// The tables that have files of their own, in order.
    pub(crate) fn named_tables(&self) -> Vec<&Table> {
        let tables = self.blocks.iter().filter_map(|block| match block {
            Block::Table(table) => Some(table),
            _ => None,
        });
        tables.filter(|table| table.name.is_some()).collect()
    }
}
