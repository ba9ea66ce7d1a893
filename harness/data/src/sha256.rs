//! SHA-256 over lists of texts, so that no two different lists hash alike, and its hexadecimal form.

use clsrl_spec::lock;
use sha2::{Digest, Sha256};

/// A hash in the making; every text is preceded by its length.
#[derive(Default)]
pub(crate) struct TextHasher(Sha256);

impl TextHasher {
    /// Adds one text.
    pub(crate) fn text(&mut self, text: &str) {
        self.number(text.len());
        self.0.update(text.as_bytes());
    }

    /// Adds one number.
    pub(crate) fn number(&mut self, number: usize) {
        self.0.update((number as u64).to_le_bytes());
    }

    /// Ends with the digest.
    pub(crate) fn digest(self) -> lock::Digest {
        lock::Digest(self.0.finalize().into())
    }

    /// Ends with 64 hexadecimal digits.
    pub(crate) fn finish(self) -> String {
        hex(self.0)
    }
}

/// Ends a hash with 64 hexadecimal digits.
pub(crate) fn hex(hasher: Sha256) -> String {
    lock::Digest(hasher.finalize().into()).to_string()
}
