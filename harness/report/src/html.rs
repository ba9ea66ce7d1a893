//! The HTML writer: a document and its samples as one file that needs nothing but a browser.

mod document;
mod blocks;
mod tables;
mod samples;
mod texts;
mod escape;

pub(crate) use document::render;

#[cfg(test)]
mod tests;
