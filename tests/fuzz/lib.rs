//! Every reader of the project as a function of bytes, a corpus of small files for each, and how they are mutated.
//!
//! `harness/scripts/fuzz` drives them for as long as it is asked to, guided by the edges of the code that inputs
//! reach; the test `replay` reads the corpus and some mutations of it.

mod targets;
mod corpus;
mod mutate;
mod coverage;

pub use corpus::{Corpus, corpus_dir};
pub use coverage::Coverage;
pub use mutate::Mutator;
pub use targets::{Site, TARGETS, Target};
