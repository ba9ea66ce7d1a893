//! The digests of a dataset's lists.
//!
//! Both are SHA-256 over texts and numbers: a number is 8 bytes, the least significant first; a text is
//! its length in bytes as a number, then its bytes.

use clsrl_spec::lock::{Classes, Counts, Digest, Known};

use crate::{
    datasets::{Dataset, Example},
    sha256::TextHasher,
};

/// The digest of class names in the order of labels: their number, then every name.
pub fn class_digest<S: AsRef<str>>(names: &[S]) -> Digest {
    let mut hasher = TextHasher::default();
    hasher.number(names.len());
    for name in names {
        hasher.text(name.as_ref());
    }
    hasher.digest()
}

/// The digest of the three lists in their order: `train`, `val` and `test`, each as its name, its length,
/// and of every picture the path as listed, the label and the class name.
pub fn split_digest(dataset: &Dataset) -> Digest {
    let mut hasher = TextHasher::default();
    for (name, examples) in splits(dataset) {
        hasher.text(name);
        hasher.number(examples.len());
        for example in examples {
            hasher.text(&example.path);
            hasher.number(example.label);
            hasher.text(&example.class_name);
        }
    }
    hasher.digest()
}

/// The three lists with their names.
pub(super) fn splits(dataset: &Dataset) -> [(&'static str, &[Example]); 3] {
    [("train", &dataset.train), ("val", &dataset.val), ("test", &dataset.test)]
}

pub(super) fn counts(dataset: &Dataset) -> Counts {
    Counts {
        train: Known::Verified(dataset.train.len()),
        val: Known::Verified(dataset.val.len()),
        test: Known::Verified(dataset.test.len()),
    }
}

pub(super) fn classes(dataset: &Dataset) -> Classes {
    Classes { n: dataset.class_names.len(), sha256: class_digest(&dataset.class_names) }
}
