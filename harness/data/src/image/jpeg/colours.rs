//! From rows of components to a row of pixels.

use multiversion::multiversion;

use super::frame::Colours;

/// Writes a row of pixels from the rows of its components, which are at least as long.
#[multiversion(targets("x86_64+avx2"))]
pub(super) fn colour_row(out: &mut [u8], [a, b, c, d]: [&[u8]; 4], colours: Colours) {
    // Files with inks store them inverted (Adobe's habit, which Pillow takes for the rule).
    match colours {
        Colours::Gray => out.copy_from_slice(&a[..out.len()]),
        Colours::Rgb => {
            for (pixel, ((&r, &g), &b)) in pixels(out).zip(a.iter().zip(b).zip(c)) {
                *pixel = [r, g, b];
            }
        }
        Colours::YCbCr => {
            for (pixel, ((&y, &cb), &cr)) in pixels(out).zip(a.iter().zip(b).zip(c)) {
                *pixel = ycc_to_rgb(y, cb, cr);
            }
        }
        Colours::Cmyk => {
            for (pixel, (((&c, &m), &y), &k)) in pixels(out).zip(a.iter().zip(b).zip(c).zip(d)) {
                *pixel = [255 - c, 255 - m, 255 - y, 255 - k];
            }
        }
        Colours::Ycck => {
            for (pixel, (((&y, &cb), &cr), &k)) in pixels(out).zip(a.iter().zip(b).zip(c).zip(d)) {
                // Red is 255 minus cyan, and inverted once more it is the ink's own value.
                let [c, m, y] = ycc_to_rgb(y, cb, cr);
                *pixel = [c, m, y, 255 - k];
            }
        }
    }
}

fn pixels<const N: usize>(row: &mut [u8]) -> impl Iterator<Item = &mut [u8; N]> {
    row.as_chunks_mut().0.iter_mut()
}

/// Converts with libjpeg's 16-bit constants.
#[inline(always)]
fn ycc_to_rgb(y: u8, cb: u8, cr: u8) -> [u8; 3] {
    const HALF: i32 = 1 << 15;
    let (y, cb, cr) = (i32::from(y), i32::from(cb) - 128, i32::from(cr) - 128);
    let red = y + ((91881 * cr + HALF) >> 16);
    let green = y + ((-22554 * cb - 46802 * cr + HALF) >> 16);
    let blue = y + ((116130 * cb + HALF) >> 16);
    [red.clamp(0, 255) as u8, green.clamp(0, 255) as u8, blue.clamp(0, 255) as u8]
}
