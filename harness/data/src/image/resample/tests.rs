//! Sixteen-bit and nearest resizing; the numbers are Pillow 13's.

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
