//! Small copies of images, by which a person knows them again. Nothing is measured on them.

use std::path::{Path, PathBuf};

use ::image::{ExtendedColorType, codecs::jpeg::JpegEncoder};
use rayon::prelude::*;

use super::{decode::decode_rgb, error::ImageError, resample::lanczos, rgb::RgbImage};

/// Of JPEG, from 1 to 100.
const QUALITY: u8 = 72;

/// Makes small copies of image files, as JPEG, in their order: at most `side` pixels wide and high, in the
/// image's proportions, and never larger than the image.
///
/// # Errors
/// For each image on its own, where [`decode_rgb`] has them.
///
/// # Panics
/// If `side` is 0.
pub fn thumbnails(paths: &[PathBuf], side: u32) -> Vec<Result<Vec<u8>, ImageError>> {
    assert!(0 < side, "an image has pixels");
    paths.par_iter().map(|path| thumbnail(path, side)).collect()
}

fn thumbnail(path: &Path, side: u32) -> Result<Vec<u8>, ImageError> {
    let image = decode_rgb(path)?;
    let (width, height) = fitting((image.width, image.height), side);
    let small = match (width, height) == (image.width, image.height) {
        true => image,
        false => lanczos(&image, width, height),
    };
    Ok(encode(&small))
}

fn encode(image: &RgbImage) -> Vec<u8> {
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, QUALITY)
        .encode(&image.pixels, image.width, image.height, ExtendedColorType::Rgb8)
        .expect("an image that fits into a few pixels is one that JPEG can hold");
    jpeg
}

/// The largest size in the same proportions that fits, rounded to whole pixels.
fn fitting((width, height): (u32, u32), side: u32) -> (u32, u32) {
    let longest = width.max(height);
    if longest <= side {
        return (width, height);
    }
    let shrunk = |length: u32| {
        let twice = 2 * u64::from(length) * u64::from(side);
        // At most `side`, so it is a u32 again.
        ((twice + u64::from(longest)) / (2 * u64::from(longest))).max(1) as u32
    };
    (shrunk(width), shrunk(height))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proportions_are_kept_and_nothing_grows() {
        for (size, expected) in [
            ((640, 480), (96, 72)),
            ((480, 640), (72, 96)),
            ((97, 96), (96, 95)),
            ((96, 96), (96, 96)),
            ((30, 20), (30, 20)),
            ((5000, 1), (96, 1)),
            ((u32::MAX, u32::MAX), (96, 96)),
        ] {
            assert_eq!(fitting(size, 96), expected, "{size:?}");
        }
    }
}
