//! Plain 8-bit RGB, which every other mode becomes.

/// An 8-bit RGB image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RgbImage {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Samples, row by row: red, green, blue.
    pub pixels: Vec<u8>,
}
