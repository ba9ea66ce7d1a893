//! Digests of what a trial is shown: its few-shot images and its prompts.
//!
//! The scheme, fixed because trial ids depend on it: SHA-256, in lower-case hexadecimal, over a sequence of
//! texts, each preceded by its length in bytes, and of numbers, both as eight bytes with the least
//! significant first. A digest opens with a word for its kind. Images are hashed in blocks of
//! [`BLOCK`], so that all cores help; the whole digest is over the number of images and the blocks'
//! hexadecimal digests, in order.

use rayon::prelude::*;

use super::{Example, Question, Questions};
use crate::sha256::TextHasher;

/// How many images' prompts are hashed together.
const BLOCK: usize = 256;

/// The identity of a few-shot set: the word `picks`, then path, label and class name of every image in
/// the order of the draw.
pub fn picks_digest<'e>(examples: impl IntoIterator<Item = &'e Example>) -> String {
    let mut hasher = TextHasher::default();
    hasher.text("picks");
    for example in examples {
        hasher.text(&example.path);
        hasher.number(example.label);
        hasher.text(&example.class_name);
    }
    hasher.finish()
}

/// The identity of the questions about some images of the list named `split_name`: the word `questions`,
/// then for every image its path, its class name, the question's text, the number of choices and each.
///
/// Panics if the form is not about one of the images.
pub fn questions_digest(questions: &Questions, split_name: &str, examples: &[&Example]) -> String {
    in_blocks("questions", examples, |hasher, example| {
        let question = questions.ask(split_name, example);
        hasher.text(&example.path);
        hasher.text(&question.gold);
        hasher.text(&question.text);
        hasher.number(question.choices.len());
        for choice in &question.choices {
            hasher.text(choice);
        }
    })
}

/// The identity of the prompts as the model reads them: the word `prompts`, then for every image its
/// path, its class name and the text that `render` makes of its question.
///
/// Panics if the form is not about one of the images.
pub fn prompts_digest(
    questions: &Questions,
    split_name: &str,
    examples: &[&Example],
    render: impl Fn(&Question) -> String + Sync,
) -> String {
    in_blocks("prompts", examples, |hasher, example| {
        let question = questions.ask(split_name, example);
        hasher.text(&example.path);
        hasher.text(&question.gold);
        hasher.text(&render(&question));
    })
}

fn in_blocks(
    kind: &str,
    examples: &[&Example],
    add: impl Fn(&mut TextHasher, &Example) + Sync,
) -> String {
    let digest_block = |block: &[&Example]| {
        let mut hasher = TextHasher::default();
        for example in block {
            add(&mut hasher, example);
        }
        hasher.finish()
    };
    let blocks: Vec<String> = examples.par_chunks(BLOCK).map(digest_block).collect();
    let mut hasher = TextHasher::default();
    hasher.text(kind);
    hasher.number(examples.len());
    for block in &blocks {
        hasher.text(block);
    }
    hasher.finish()
}
