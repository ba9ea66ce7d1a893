//! Smart-resize: the sizes that Qwen2-VL images are brought to. Pure arithmetic, no pixels.
//!
//! Two variants exist in the published pipeline and differ for very small images: the processor's
//! rounds a short side down to zero and then scales the area up; `qwen_vl_utils`' lifts it to one block.

use super::error::SizeError;

/// Longest allowed ratio of the sides.
const MAX_ASPECT_RATIO: f64 = 200.0;

/// Returns the (height, width) that the Hugging Face processor brings an image to.
///
/// Both are multiples of `factor`, the area lies between `min_pixels` and `max_pixels` where the
/// shape allows, and halves round to even as in Python.
pub fn smart_resize(
    height: usize,
    width: usize,
    factor: usize,
    min_pixels: usize,
    max_pixels: usize,
) -> Result<(usize, usize), SizeError> {
    check_shape(height, width)?;
    let rounded = (round_to(height, factor), round_to(width, factor));
    Ok(fit_area((height, width), rounded, factor, (min_pixels, max_pixels)))
}

/// Returns the (height, width) that `qwen_vl_utils.fetch_image` brings an image to.
pub(super) fn fetch_resize(
    height: usize,
    width: usize,
    factor: usize,
) -> Result<(usize, usize), SizeError> {
    check_shape(height, width)?;
    let rounded = (round_to(height, factor).max(factor), round_to(width, factor).max(factor));
    let block = factor * factor;
    Ok(fit_area((height, width), rounded, factor, (4 * block, 16384 * block)))
}

fn check_shape(height: usize, width: usize) -> Result<(), SizeError> {
    if height == 0 || width == 0 {
        return Err(SizeError::Empty { height, width });
    }
    let ratio = height.max(width) as f64 / height.min(width) as f64;
    if MAX_ASPECT_RATIO < ratio {
        return Err(SizeError::AspectRatio { ratio });
    }
    Ok(())
}

fn round_to(side: usize, factor: usize) -> usize {
    (side as f64 / factor as f64).round_ties_even() as usize * factor
}

fn fit_area(
    (height, width): (usize, usize),
    rounded: (usize, usize),
    factor: usize,
    (min_pixels, max_pixels): (usize, usize),
) -> (usize, usize) {
    let area = (height * width) as f64;
    let (h, w, f) = (height as f64, width as f64, factor as f64);
    if max_pixels < rounded.0 * rounded.1 {
        let beta = (area / max_pixels as f64).sqrt();
        let shrink = |side: f64| ((side / beta / f).floor() as usize * factor).max(factor);
        return (shrink(h), shrink(w));
    }
    if rounded.0 * rounded.1 < min_pixels {
        let beta = (min_pixels as f64 / area).sqrt();
        let grow = |side: f64| (side * beta / f).ceil() as usize * factor;
        return (grow(h), grow(w));
    }
    rounded
}
