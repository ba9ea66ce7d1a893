//! Sixteen-bit and nearest resizing, whose numbers are Pillow 13's, and torchvision's.

use super::*;

#[test]
fn sixteen_bit_lanczos_has_pillows_numbers() {
    let samples = [
        [55746, 41743, 33497, 17680, 20173, 2685, 4930],
        [1083, 11486, 53298, 42560, 59818, 33005, 39756],
        [63618, 47808, 41436, 35627, 36694, 61280, 18176],
        [53467, 43966, 179, 25830, 56190, 36327, 2201],
        [50127, 47818, 55481, 11511, 5851, 56569, 1448],
    ];
    let expected =
        [[29709, 38128, 29626, 18689], [41506, 32938, 50106, 35661], [53960, 26117, 28489, 22495]];
    let found = resize_u16(samples.as_flattened(), (7, 5), (4, 3), Filter::Lanczos);
    assert_eq!(found, expected.as_flattened());
}

#[test]
fn the_height_goes_first_where_it_loses_over_twice_the_pixels() {
    let check = |from, to, expected| assert_eq!(is_vertical_first(from, to), expected, "{from:?}");
    check((200, 150), (196, 140), true);
    check((200, 150), (196, 142), false);
    check((375, 500), (384, 384), true);
    check((700, 600), (384, 384), false);
    check((60, 60), (90, 80), false);
}

#[test]
fn nearest_picks_the_pixel_under_the_middle() {
    assert_eq!(nearest::<1>(&[1, 2, 3, 4, 5], (5, 1), (3, 1)), [1, 3, 5]);
    assert_eq!(nearest::<1>(&[1, 2], (2, 1), (4, 1)), [1, 1, 2, 2]);
}

#[test]
fn bands_of_samples_are_summed_as_single_ones_are() {
    check_passes::<1>((70, 40), (33, 64));
    check_passes::<2>((33, 31), (65, 20));
    check_passes::<3>((20, 65), (50, 33));
    check_passes::<4>((9, 3), (8, 100));
}

/// Both passes against Pillow's own loop: one sample at a time, in 32 bits.
fn check_passes<const C: usize>(from: (usize, usize), to: (usize, usize)) {
    let samples: Vec<u8> =
        (0..from.0 * from.1 * C).map(|idx| (idx * idx * 31 % 251) as u8).collect();
    for filter in [Filter::Bicubic, Filter::Lanczos] {
        let (columns, rows) = (Taps::new(from.0, to.0, filter), Taps::new(from.1, to.1, filter));
        let at = |x: usize, y: usize, channel: usize| samples[(y * from.0 + x) * C + channel];
        let wide = (0..from.1).flat_map(|y| columns.iter().map(move |tap| (y, tap)));
        let wide = wide.flat_map(|(y, tap)| {
            (0..C).map(move |channel| sum(tap.fixed, |k| at(tap.start + k, y, channel)))
        });
        let wide: Vec<u8> = wide.collect();
        assert!(bytes::horizontal::<C>(&samples, from.0, &columns) == wide, "{filter:?} {C}");
        let row_len = from.0 * C;
        let high = rows.iter().flat_map(|tap| (0..row_len).map(move |x| (x, tap.start, tap.fixed)));
        let high =
            high.map(|(x, start, weights)| sum(weights, |k| samples[(start + k) * row_len + x]));
        let high: Vec<u8> = high.collect();
        assert!(bytes::vertical(&samples, row_len, &rows) == high, "{filter:?} {C}");
    }
}

fn sum(weights: &[i32], sample: impl Fn(usize) -> u8) -> u8 {
    let products = weights.iter().enumerate().map(|(k, weight)| i32::from(sample(k)) * weight);
    let sum: i32 = products.sum::<i32>() + (1 << 21);
    (sum >> 22).clamp(0, 255) as u8
}

type Size = (u32, u32);

/// Sizes and the CRC-32 of torchvision's pixels, printed by `tests/image/torchvision/make.py`: torch 2.11.0,
/// torchvision 0.26.0, the same by libtorch's plain, AVX2 and AVX-512 kernels.
const TORCHVISION: [(Size, Size, u32); 14] = [
    ((67, 45), (384, 384), 0x339969ab),
    ((384, 384), (392, 392), 0x864e4887),
    ((300, 200), (28, 33), 0xaea55c51),
    ((40, 300), (39, 61), 0x54e5ef74),
    ((300, 40), (61, 39), 0x82b7b842),
    ((3, 2), (50, 50), 0x66aa3296),
    ((90, 33), (90, 64), 0x4dcda4ce),
    ((33, 90), (64, 90), 0x22924d93),
    ((1000, 700), (56, 56), 0x82373640),
    ((1, 1), (28, 28), 0xe472237b),
    ((500, 375), (504, 364), 0xac0ce3dd),
    ((28, 29), (28, 28), 0x0a38dae1),
    ((1200, 28), (1204, 28), 0x95740348),
    ((97, 2), (28, 56), 0xa2d3983d),
];

#[test]
fn torchvisions_bicubic_has_its_bits() {
    for ((width, height), to, expected) in TORCHVISION {
        let small = bicubic_torchvision(&formula(width, height), to.0, to.1);
        assert_eq!((small.width, small.height), to);
        assert_eq!(crc32fast::hash(&small.pixels), expected, "{width} × {height} to {to:?}");
    }
}

/// The pixels that the script draws.
fn formula(width: u32, height: u32) -> RgbImage {
    let value =
        |x: u32, y: u32, c: u32| ((x * x * 31 + y * y * 17 + x * y * 7 + c * 101) % 256) as u8;
    let pixels =
        (0..height).flat_map(|y| (0..width).flat_map(move |x| [0, 1, 2].map(|c| value(x, y, c))));
    RgbImage { width, height, pixels: pixels.collect() }
}
