//! Images: decoding as Pillow does, resizing as Pillow does, and the patches that Qwen2-VL reads.
//!
//! Owns every step from a file to pixel values. Knows nothing of datasets, prompts or tensors.

mod processor;
mod image_cache;
mod size;
mod resample;
mod raster;
mod rgb;
mod decode;
mod limits;
mod image_file;
mod thumbnail;
mod jpeg;
mod png;
mod gif;
mod bmp;
mod webp;
mod format;
mod error;

pub use decode::decode_rgb;
pub use error::{DecodeError, ImageError, JpegError, SizeError};
pub(crate) use format::stand_in;
pub use image_cache::{CacheSpace, ImageCache};
pub use image_file::ImageFile;
pub(crate) use processor::PIXELS_VERSION;
pub use processor::{Patches, Processor, ProcessorForm};
pub use resample::{bicubic, lanczos};
pub use rgb::RgbImage;
pub use size::smart_resize;
pub use thumbnail::thumbnails;
