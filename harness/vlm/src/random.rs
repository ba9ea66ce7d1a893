//! Uniform numbers from a ChaCha8 stream.

use rand_chacha::{ChaCha8Rng, rand_core::RngCore};

/// Draws from `[0, 1)` with 53 bits.
pub(crate) fn draw_unit(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}
