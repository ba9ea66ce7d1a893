//! What can go wrong with an image; every error about a file names the file.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// An image that cannot become model input.
#[derive(Debug, Error)]
pub enum ImageError {
    /// The file cannot be read at all.
    #[error("image `{}` cannot be read", path.display())]
    Read {
        /// The image's file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The file's contents are no image that we accept.
    #[error("image `{}` cannot be decoded", path.display())]
    Decode {
        /// The image's file.
        path: PathBuf,
        /// What is wrong with the contents.
        #[source]
        source: DecodeError,
    },
    /// An image file whose shape the model cannot take.
    #[error("image `{}` cannot be resized", path.display())]
    Resize {
        /// The image's file.
        path: PathBuf,
        /// Which limit its shape breaks.
        #[source]
        source: SizeError,
    },
    /// An image in memory whose shape the model cannot take.
    #[error(transparent)]
    Size(#[from] SizeError),
    /// The processor's settings cannot be read.
    #[error("image processor settings `{}` cannot be read", path.display())]
    Config {
        /// The settings file.
        path: PathBuf,
        /// Why it cannot be read as JSON.
        #[source]
        source: io::Error,
    },
    /// A setting of the processor is missing or out of range.
    #[error("image processor settings `{}`: `{key}` is {found}, expected {expected}", path.display())]
    Setting {
        /// The settings file.
        path: PathBuf,
        /// The setting's key.
        key: &'static str,
        /// What the file says, or `missing`.
        found: String,
        /// What would be accepted.
        expected: &'static str,
    },
}

/// What is wrong with an image file's contents.
#[derive(Debug, Error)]
pub enum DecodeError {
    /// No known signature at the beginning.
    #[error("unknown contents ({n_bytes} bytes), expected a JPEG, PNG, GIF, BMP or WebP image")]
    UnknownFormat {
        /// The file's length.
        n_bytes: usize,
    },
    /// A format that others read, or what stands where an image was to be.
    #[error("{found}, expected a JPEG, PNG, GIF, BMP or WebP image")]
    OtherFormat {
        /// What it is, in words.
        found: &'static str,
    },
    /// A side of zero pixels.
    #[error("a size of {width}x{height} pixels, expected at least 1x1")]
    Empty {
        /// Width in the header.
        width: u64,
        /// Height in the header.
        height: u64,
    },
    /// More pixels than Pillow accepts; refused before any memory is taken.
    #[error("a size of {width}x{height} pixels, expected at most {limit} pixels in all")]
    TooLarge {
        /// Width in the header.
        width: u64,
        /// Height in the header.
        height: u64,
        /// The largest number of pixels.
        limit: u64,
    },
    /// The file ends before the image does.
    #[error("truncated {format}: the file ends before the image does")]
    Truncated {
        /// The format found.
        format: &'static str,
    },
    /// The file breaks its format's rules.
    #[error("broken {format}: {what}")]
    Broken {
        /// The format found.
        format: &'static str,
        /// The rule that is broken.
        what: &'static str,
    },
    /// The JPEG decoder's reason.
    #[error("the JPEG decoder refuses it")]
    Jpeg(#[source] JpegError),
    /// The PNG decoder's reason.
    #[error("the PNG decoder refuses it")]
    Png(#[source] ::png::DecodingError),
    /// The GIF decoder's reason.
    #[error("the GIF decoder refuses it")]
    Gif(#[source] ::gif::DecodingError),
    /// The BMP or WebP decoder's reason.
    #[error("the {format} decoder refuses it")]
    Other {
        /// The format found.
        format: &'static str,
        /// The decoder's reason.
        #[source]
        source: ::image::ImageError,
    },
}

/// What is wrong with a JPEG stream.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum JpegError {
    /// The stream ends before the end-of-image marker.
    #[error("the data ends before the end-of-image marker")]
    Truncated,
    /// A segment breaks the format's rules.
    #[error("a broken {segment} segment: {what}")]
    Segment {
        /// The segment's name.
        segment: &'static str,
        /// The rule that is broken.
        what: &'static str,
    },
    /// A kind of JPEG that is not decoded.
    #[error("{what} is not supported, expected 8-bit baseline or progressive Huffman coding")]
    Unsupported {
        /// The kind.
        what: &'static str,
    },
}

/// An image shape that smart-resize refuses.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum SizeError {
    /// One side is more than 200 times the other; in the reference's words, which the golden set has.
    #[error("absolute aspect ratio must be smaller than 200, got {ratio:?}")]
    AspectRatio {
        /// Longer side over shorter side.
        ratio: f64,
    },
    /// An image without pixels.
    #[error("an image of {height} rows and {width} columns, expected at least one of each")]
    Empty {
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
    },
    /// The patch grid is not a whole number of merge blocks.
    #[error("an image of {height}x{width} pixels does not divide into blocks of {factor}")]
    Uneven {
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
        /// Side of a merge block in pixels.
        factor: usize,
    },
}
