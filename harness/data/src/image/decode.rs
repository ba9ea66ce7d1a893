//! Opening an image file by its contents, as Pillow's `Image.open(path).convert("RGB")` does.
//!
//! The file's name and its EXIF orientation have no say. Sizes are checked before memory is taken.

use std::path::Path;

use super::error::{DecodeError, ImageError};
use super::raster::Raster;
use super::rgb::RgbImage;
use super::{bmp, format, gif, jpeg, png, webp};

/// The longest file that is read: more than six bytes for every pixel that an image may have.
const MAX_BYTES: u64 = 1 << 30;

/// Decodes an image file to 8-bit RGB, bit for bit as Pillow does.
///
/// # Errors
/// Where the file cannot be read, is no JPEG, PNG, GIF, BMP or WebP image, is truncated or broken,
/// has no pixels or more than Pillow accepts.
pub fn decode_rgb(path: &Path) -> Result<RgbImage, ImageError> {
    decode_file(&read(path)?, path).map(Raster::into_rgb)
}

/// Reads an image's file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, ImageError> {
    clsrl_files::read(path, MAX_BYTES)
        .map_err(|source| ImageError::Read { path: path.to_owned(), source })
}

/// Decodes what was read of an image's file, in the file's own mode.
pub(super) fn decode_file(bytes: &[u8], path: &Path) -> Result<Raster, ImageError> {
    decode(bytes).map_err(|source| ImageError::Decode { path: path.to_owned(), source })
}

/// Decodes an image in memory in its own mode.
pub(super) fn decode(bytes: &[u8]) -> Result<Raster, DecodeError> {
    if bytes.starts_with(b"\xff\xd8\xff") {
        jpeg::decode(bytes)
    } else if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        png::decode(bytes)
    } else if bytes.starts_with(b"GIF87a") || bytes.starts_with(b"GIF89a") {
        gif::decode(bytes)
    } else if bytes.starts_with(b"BM") {
        bmp::decode(bytes)
    } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        webp::decode(bytes)
    } else {
        Err(match format::name_of(bytes) {
            Some(found) => DecodeError::OtherFormat { found },
            None => DecodeError::UnknownFormat { n_bytes: bytes.len() },
        })
    }
}
