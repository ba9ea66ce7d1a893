//! The digests of a dataset's lists.
//!
//! Both are SHA-256 over texts and numbers: a number is 8 bytes, the least significant first; a text is
//! its length in bytes as a number, then its bytes.

use clsrl_spec::lock::{Classes, Counts, Digest, Known};

use crate::{datasets::Dataset, sha256::TextHasher};

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
/// and of every image the path as listed, the label and the class name.
pub fn split_digest(dataset: &Dataset) -> Digest {
    let mut hasher = TextHasher::default();
    dataset.add_lists(&mut hasher);
    hasher.digest()
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
