//! The order of decoding, conversion and resizing of an image.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// How an image becomes patches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageRule {
    /// The order of decoding and resizing in training.
    pub train: ImagePath,
    /// The order of decoding and resizing in evaluation.
    pub eval: ImagePath,
    /// What becomes of alpha where evaluation's order is [`ImagePath::Eval`].
    pub eval_alpha: AlphaRule,
    /// The processor of training.
    pub train_processor: ProcessorKind,
    /// The processor of evaluation.
    pub eval_processor: ProcessorKind,
    /// Smallest number of pixels after smart-resize.
    pub min_pixels: usize,
    /// Largest number of pixels after smart-resize.
    pub max_pixels: usize,
}

/// What becomes of an RGBA image's alpha on its way to RGB, where `qwen_vl_utils` fetches it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlphaRule {
    /// It is dropped: `qwen_vl_utils` up to 0.0.8, and everything else.
    Dropped,
    /// The image is pasted onto white: `qwen_vl_utils` from 0.0.10 on. Images of other modes stay as they are.
    White,
}

/// Which of a model's image processors resizes and normalises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProcessorKind {
    /// The one that resizes with Pillow (`use_fast=False`).
    Pil,
    /// The fast one, which resizes with torchvision (`use_fast=True`).
    Torchvision,
}

/// All that decides the pixels of an image but the image, the model's settings and limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageSteps {
    /// The order of conversion and resizing.
    pub path: ImagePath,
    /// What becomes of alpha.
    pub alpha: AlphaRule,
    /// What comes after the order's own resizing.
    pub processor: ProcessorKind,
}

impl ImageRule {
    /// The steps of training.
    pub fn training(&self) -> ImageSteps {
        ImageSteps { processor: self.train_processor, ..self.train.into() }
    }

    /// The steps of evaluation.
    pub fn evaluation(&self) -> ImageSteps {
        let alpha = match self.eval {
            ImagePath::Eval(_) => self.eval_alpha,
            _ => AlphaRule::Dropped,
        };
        ImageSteps { path: self.eval, alpha, processor: self.eval_processor }
    }
}

/// Alpha is dropped, and the processor is the one that uses Pillow.
impl From<ImagePath> for ImageSteps {
    fn from(path: ImagePath) -> Self {
        ImageSteps { path, alpha: AlphaRule::Dropped, processor: ProcessorKind::Pil }
    }
}

/// The path, and what differs from [`ImageSteps::from`] it, as in `eval384, alpha on white, torchvision`.
impl fmt::Display for ImageSteps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let alpha = if self.alpha == AlphaRule::White { ", alpha on white" } else { "" };
        let fast = if self.processor == ProcessorKind::Torchvision { ", torchvision" } else { "" };
        write!(f, "{}{alpha}{fast}", self.path)
    }
}

/// An order of conversion and resizing, written `rgb384`, `native384`, `eval384` or `direct`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ImagePath {
    /// Convert to RGB, Lanczos to a square of that side, processor.
    Rgb(u32),
    /// Lanczos to a square in the image's own mode, convert to RGB, processor (published training).
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
