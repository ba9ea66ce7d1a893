//! An entry as a file: a header of fixed length, then the pixels, row by row.
//!
//! ```text
//! 0   8 bytes   b"clsrlpx1"
//! 8   32        the key
//! 40  4         width, little-endian
//! 44  4         height
//! 48  4         CRC-32 of all the rest
//! 52            3 bytes for each pixel: red, green, blue
//! ```
//!
//! Files are not synced when they are written, so after a power failure they may be of any length and have anything
//! in them. What is not an entry from its first byte to its last is none.

use std::io::{self, Read, Write};

use super::Key;
use crate::image::RgbImage;

const MAGIC: &[u8; 8] = b"clsrlpx1";
const HEADER_BYTES: usize = 52;
const CRC_AT: usize = 48;
const CHANNELS: u64 = 3;

/// An image with its key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'a> {
    pub key: Key,
    pub image: &'a RgbImage,
}

impl Entry<'_> {
    /// The length of the entry's file.
    pub fn n_bytes(&self) -> u64 {
        n_bytes(self.image.width, self.image.height)
    }

    /// Writes the whole file.
    pub fn write(&self, file: &mut impl Write) -> io::Result<()> {
        let RgbImage { width, height, pixels } = self.image;
        let mut header = [0; HEADER_BYTES];
        header[..8].copy_from_slice(MAGIC);
        header[8..40].copy_from_slice(&self.key.bytes());
        header[40..44].copy_from_slice(&width.to_le_bytes());
        header[44..48].copy_from_slice(&height.to_le_bytes());
        let crc = crc(&header, pixels);
        header[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        file.write_all(&header)?;
        file.write_all(pixels)
    }
}

/// Reads the image of an entry's file of `n_file` bytes; nothing if it is not the entry of that key, and whole.
pub(super) fn read(key: Key, n_file: u64, mut file: impl Read) -> io::Result<Option<RgbImage>> {
    let mut header = [0; HEADER_BYTES];
    file.read_exact(&mut header)?;
    let number = |at: usize| {
        u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
    };
    let (width, height, stored_crc) = (number(40), number(44), number(CRC_AT));
    // Before the pixels' memory is taken: a header can say anything.
    if header[..8] != *MAGIC || header[8..40] != key.bytes() || n_file != n_bytes(width, height) {
        return Ok(None);
    }
    let n_pixel_bytes = n_file - HEADER_BYTES as u64;
    let mut pixels = Vec::with_capacity(n_pixel_bytes as usize);
    file.take(n_pixel_bytes).read_to_end(&mut pixels)?;
    let is_whole = pixels.len() as u64 == n_pixel_bytes && stored_crc == crc(&header, &pixels);
    Ok(is_whole.then_some(RgbImage { width, height, pixels }))
}

/// Saturates: no file is that long.
fn n_bytes(width: u32, height: u32) -> u64 {
    let n_pixels = u64::from(width) * u64::from(height);
    n_pixels.saturating_mul(CHANNELS).saturating_add(HEADER_BYTES as u64)
}

fn crc(header: &[u8; HEADER_BYTES], pixels: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&header[..CRC_AT]);
    hasher.update(pixels);
    hasher.finalize()
}
