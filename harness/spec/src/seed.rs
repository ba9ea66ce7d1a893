//! Named streams of random numbers.
//!
//! A stream is made from a seed and the names of what it is for, so that no two uses share one and
//! adding a use changes no other. Only integers and exact divisions are used: the same stream gives
//! the same values on every machine. CPython's generator, needed for CoOp's picks, is in `clsrl-data`.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{RngCore, SeedableRng},
};
use sha2::{Digest, Sha256};

/// A seed as the user writes it: CoOp's scripts use 1, 2 and 3.
pub type Seed = u64;

/// Derives the 64-bit seed of one named use, by SHA-256 over the seed and the name's parts.
pub fn derive_seed(seed: Seed, parts: &[&str]) -> u64 {
    let digest = seed_digest(seed, parts);
    u64::from_le_bytes(digest[..8].try_into().expect("a SHA-256 digest has 32 bytes"))
}

fn seed_digest(seed: Seed, parts: &[&str]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(seed.to_le_bytes());
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().into()
}

/// One named stream (ChaCha8, keyed by SHA-256 of seed and name).
#[derive(Debug, Clone)]
pub struct Stream(ChaCha8Rng);

impl Stream {
    /// Opens the stream of a seed and a name, for example `(1, &["order", "dtd"])`.
    pub fn new(seed: Seed, parts: &[&str]) -> Self {
        Stream(ChaCha8Rng::from_seed(seed_digest(seed, parts)))
    }

    /// Draws 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Draws from `0..n` without bias. Panics if `n` is 0.
    pub fn below(&mut self, n: usize) -> usize {
        assert!(0 < n, "cannot draw from an empty range");
        let n = n as u64;
        let rejected_from = u64::MAX - u64::MAX % n;
        loop {
            let draw = self.next_u64();
            if draw < rejected_from {
                return (draw % n) as usize;
            }
        }
    }

    /// Draws from `[0, 1)` with 53 bits.
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Shuffles in place (Fisher–Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_depends_on_seed_and_every_part_of_its_name() {
        let first = |seed, parts: &[&str]| Stream::new(seed, parts).next_u64();
        let reference = first(1, &["order", "dtd"]);
        assert_eq!(reference, first(1, &["order", "dtd"]));
        assert_ne!(reference, first(2, &["order", "dtd"]));
        assert_ne!(reference, first(1, &["orderdtd"]));
        assert_ne!(reference, first(1, &["order", "eurosat"]));
    }

    #[test]
    fn a_shuffle_is_a_permutation() {
        let mut items: Vec<usize> = (0..50).collect();
        Stream::new(7, &["shuffle"]).shuffle(&mut items);
        assert_ne!(items, (0..50).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..50).collect::<Vec<_>>());
    }

    #[test]
    fn streams_never_change_between_versions() {
        assert_eq!(derive_seed(1, &["order"]), 2_946_605_867_759_187_003);
        let mut stream = Stream::new(0, &["fixed"]);
        assert_eq!(stream.next_u64(), 16_063_250_730_991_302_805);
        assert_eq!(stream.below(1000), 59);
        assert_eq!(stream.unit(), 0.200_795_221_981_793);
    }
}
