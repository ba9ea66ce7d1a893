//! A suite's results against the numbers that the paper prints.
//!
//! Owns the published numbers, what each of them is of, and the verdict: does it lie where one more run
//! of ours would? Knows nothing of where the numbers' file is.
//!
//! The paper prints single runs without error bars. So the interval is not that of our mean but of one
//! more run: the spread between our seeds, with Student's t, and what other lists of names would change,
//! for which Wilson's interval over the images stands in, once for us and once for the paper. The test
//! images are the same on both sides, so it errs on the wide side: "outside" is a strong word, "within"
//! is as strong as the interval is narrow.

mod published;
mod question;
mod estimate;
mod reason;
mod compare;
mod document;
mod rows;

#[cfg(test)]
mod tests;

pub use compare::{AgainstPaper, PaperContext};
pub use published::{PublishedError, PublishedNumbers};
