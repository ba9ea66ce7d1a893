//! Pillow's results for files and pixels that are made by a formula: `pillow/make.py` prints the tables.
//!
//! Every sampling, colour space and way of coding is there, in sizes that leave a rest after whole blocks and
//! whole vectors.

use std::path::Path;

use clsrl_data::image::{RgbImage, bicubic, decode_rgb, lanczos};

use crate::sha256;

const JPEGS: [(&str, &str); 13] = [
    ("gray_noisy", "74fb776a0300ee35a042466b04613bc4fead3e6870d4ab774da3ea0d2da37616"),
    ("444_restarts", "f65e5e3029d3a8e5fb8c0df6fa61c40c03cadd7beed6c46739d6365e5324f951"),
    ("422_odd", "b33f15ec2ad5ffcfe244670e8b2d8d0229e2fcb8a12c70cb5fd4fef7bbff84e8"),
    ("422_progressive", "76ec3acc7b311105dc983a56eff1b0c5c6d2153f32f31507ae788583e1804455"),
    ("420_noisy", "ac95b0d39897ec65f95852862f035cc73bf2c85d9b2750092c29cf0bf1759b1b"),
    ("420_smooth", "0950789e477d958772e8f9093cbb63f8ead017f1dc93b61c11cd2d4e5b106ef2"),
    ("420_narrow", "fc92b5748b66c57c1eacbd2362cc9099551ef35e79e472504b07655828a23d2d"),
    ("420_narrowest_filtered", "c6468434c11af6206ef3c4e9a4de8a0bbc28dfdd25b784d49ec33a8a8614834e"),
    ("420_progressive_noisy", "6096b5f8c47335813defb61366ec3df69ca1bee7f66741eb5c7139d5846f65e1"),
    ("444_inks", "7a5443100872605b94eab94c40a98bc16a401a09c01cb726ba495d5f4ec7d14c"),
    ("420_inks_progressive", "5cbf21b92951da8cd14590f48a38447b4d5c56fd5df327c5562eb3e1d50b38de"),
    ("440_reshaped", "ad3904281ff6aa0f2a612d3997f8c7263fee654b6d6921e07f1909977816755b"),
    ("411_reshaped", "3fe97b695017cb9d4fbc59cbeebf85c51e318e0a19a0538c98c95d769c74f25b"),
];

#[derive(Debug, Clone, Copy)]
enum Filter {
    Bicubic,
    Lanczos,
}
use Filter::{Bicubic, Lanczos};

/// Width and height.
type Size = (u32, u32);

/// From, to, and the first digits of what it comes to.
const RESIZED: [(Size, Size, Filter, &str); 12] = [
    ((67, 45), (384, 384), Lanczos, "30269fe27f859cd8"),
    ((67, 45), (384, 384), Bicubic, "daa453ffca9d352d"),
    ((384, 384), (392, 392), Lanczos, "0ee24270a45c5bc4"),
    ((384, 384), (392, 392), Bicubic, "578d1496af362ae7"),
    ((300, 200), (28, 33), Lanczos, "8ec59cb9f7557040"),
    ((300, 200), (28, 33), Bicubic, "8baa9846d5564099"),
    ((40, 300), (39, 61), Lanczos, "81c9b910c8653ed3"),
    ((40, 300), (39, 61), Bicubic, "f3b5d1632a1bd92e"),
    ((3, 2), (50, 50), Lanczos, "824ba5faa6ae70b2"),
    ((3, 2), (50, 50), Bicubic, "81c597dde03c86e6"),
    ((90, 33), (90, 64), Lanczos, "5853dae268e14b29"),
    ((90, 33), (90, 64), Bicubic, "67a8e8125ecf6990"),
];

#[test]
fn every_kind_of_jpeg_has_pillows_bits() {
    let dir = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/image/pillow"));
    for (name, expected) in JPEGS {
        let rgb = decode_rgb(&dir.join(name).with_extension("jpg")).unwrap();
        assert_eq!(sha256(&rgb.pixels), expected, "{name}");
    }
}

#[test]
fn every_way_of_resizing_has_pillows_bits() {
    for (from, (width, height), filter, expected) in RESIZED {
        let rgb = noisy(from);
        let resized = match filter {
            Bicubic => bicubic(&rgb, width, height),
            Lanczos => lanczos(&rgb, width, height),
        };
        assert_eq!((resized.width, resized.height), (width, height));
        let found = sha256(&resized.pixels);
        assert!(found.starts_with(expected), "{from:?} {width}x{height} {filter:?}: {found}");
    }
}

fn noisy((width, height): Size) -> RgbImage {
    let mut pixels = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let sample = |c: u32| (x * x * 31 + y * y * 17 + x * y * 7 + c * 101) % 256;
            pixels.extend([0, 1, 2].map(|c| sample(c) as u8));
        }
    }
    RgbImage { width, height, pixels }
}
