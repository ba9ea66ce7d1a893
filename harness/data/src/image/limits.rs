//! Sizes that are refused before memory is taken for them.

use super::error::DecodeError;

/// Pillow's limit, above which an image counts as a decompression bomb.
const MAX_PIXELS: u64 = 178_956_970;

/// Refuses images without pixels and decompression bombs.
pub(super) fn check_size(width: u64, height: u64) -> Result<(), DecodeError> {
    if width == 0 || height == 0 {
        return Err(DecodeError::Empty { width, height });
    }
    if MAX_PIXELS < width.saturating_mul(height) {
        return Err(DecodeError::TooLarge { width, height, limit: MAX_PIXELS });
    }
    Ok(())
}
