//! JPEG decoding in the bits of libjpeg-turbo's default settings, which Pillow uses.
//!
//! The pure-Rust decoders at hand round the inverse transform, the chroma upsampling and the colour
//! conversion differently (measured with zune-jpeg: up to 7 levels); here all three follow ITU T.81 with
//! libjpeg's fixed-point steps, so that an image's pixels are the ones the published code saw, on
//! every machine. Baseline, extended and progressive Huffman coding with 8 bits; one, three or four
//! components. Refused: arithmetic, lossless and hierarchical coding, 12 bits.
//!
//! A stream that ends early is an error, as in Pillow; damaged data inside a complete stream is not:
//! what is missing up to the next restart marker decodes to mid-gray. Of 13,000 damaged files
//! (`tests/image/pillow/damaged.py`) 11 differ from Pillow: progressive ones whose scans do not refine all
//! coefficients, which libjpeg smoothes, and a few that only one of the two refuses.

mod pixels;
mod colours;
mod upsampling;
mod header;
mod markers;
mod tables;
mod frame;
mod scan;
mod bits;
mod huffman;
mod standard;
mod transform;
mod overflowing;

pub(super) use pixels::decode;
