//! The order of decoding, conversion and resizing of a picture.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// How a picture becomes patches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageRule {
    /// The order of decoding and resizing in training.
    pub train: ImagePath,
    /// The order of decoding and resizing in evaluation.
    pub eval: ImagePath,
    /// Smallest number of pixels after smart-resize.
    pub min_pixels: usize,
    /// Largest number of pixels after smart-resize.
    pub max_pixels: usize,
}

/// An order of conversion and resizing, written `rgb384`, `native384`, `eval384` or `direct`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ImagePath {
    /// Convert to RGB, Lanczos to a square of that side, processor.
    Rgb(u32),
    /// Lanczos to a square in the picture's own mode, convert to RGB, processor (published training).
    Native(u32),
    /// Convert to RGB, smart-resize and bicubic, Lanczos to a square, processor (published evaluation).
    Eval(u32),
    /// Convert to RGB, processor.
    Direct,
}

impl fmt::Display for ImagePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ImagePath::Rgb(side) => write!(f, "rgb{side}"),
            ImagePath::Native(side) => write!(f, "native{side}"),
            ImagePath::Eval(side) => write!(f, "eval{side}"),
            ImagePath::Direct => f.write_str("direct"),
        }
    }
}

impl FromStr for ImagePath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let side = |digits: &str| digits.parse().ok().filter(|side| (28..=4096).contains(side));
        let parsed = if text == "direct" {
            Some(ImagePath::Direct)
        } else if let Some(rest) = text.strip_prefix("rgb") {
            side(rest).map(ImagePath::Rgb)
        } else if let Some(rest) = text.strip_prefix("native") {
            side(rest).map(ImagePath::Native)
        } else if let Some(rest) = text.strip_prefix("eval") {
            side(rest).map(ImagePath::Eval)
        } else {
            None
        };
        parsed.ok_or_else(|| {
            format!(
                "unknown image path `{text}`, expected `direct` or `rgb`, `native` or `eval` \
                 followed by a side of 28 to 4096 pixels, as in `rgb384`"
            )
        })
    }
}

impl TryFrom<String> for ImagePath {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<ImagePath> for String {
    fn from(path: ImagePath) -> String {
        path.to_string()
    }
}
