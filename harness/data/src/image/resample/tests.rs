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
