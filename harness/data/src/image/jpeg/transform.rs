//! The inverse cosine transform: the accurate integer one of libjpeg, 13 bits, two passes.

use super::frame::Block;

/// Natural position of every coefficient in coding order.
pub(super) const ZIGZAG: [u8; 64] = zigzag();

const CONST_BITS: u32 = 13;
/// Extra bits kept between the passes.
const PASS_BITS: u32 = 2;

/// Walks the diagonals of an 8x8 block.
const fn zigzag() -> [u8; 64] {
    let mut order = [0; 64];
    let (mut x, mut y, mut k) = (0usize, 0usize, 0);
    while k < 64 {
        order[k] = (y * 8 + x) as u8;
        let up = (x + y).is_multiple_of(2);
        match (up, x, y) {
            (true, 7, _) => y += 1,
            (true, _, 0) => x += 1,
            (true, _, _) => (x, y) = (x + 1, y - 1),
            (false, _, 7) => x += 1,
            (false, 0, _) => y += 1,
            (false, _, _) => (x, y) = (x - 1, y + 1),
        }
        k += 1;
    }
    order
}

/// Turns a block of coefficients into samples of 0 to 255.
pub(super) fn inverse(block: &Block, quant: &[u16; 64]) -> [u8; 64] {
    let mut samples = [0u8; 64];
    if block[1..].iter().all(|&coefficient| coefficient == 0) {
        let dc = i32::from(block[0]).wrapping_mul(i32::from(quant[0]));
        samples.fill(level(descale(dc.wrapping_shl(PASS_BITS), PASS_BITS + 3)));
        return samples;
    }
    let mut work = [0i32; 64];
    for column in 0..8 {
        let input = std::array::from_fn(|row| {
            let at = row * 8 + column;
            i32::from(block[at]).wrapping_mul(i32::from(quant[at]))
        });
        for (row, sum) in one_dimension(input).into_iter().enumerate() {
            work[row * 8 + column] = descale(sum, CONST_BITS - PASS_BITS);
        }
    }
    for (row, out) in work.chunks_exact(8).zip(samples.chunks_exact_mut(8)) {
        let sums = one_dimension(std::array::from_fn(|column| row[column]));
        for (sample, sum) in out.iter_mut().zip(sums) {
            *sample = level(descale(sum, CONST_BITS + PASS_BITS + 3));
        }
    }
    samples
}

fn level(value: i32) -> u8 {
    value.saturating_add(128).clamp(0, 255) as u8
}

fn descale(value: i32, n_bits: u32) -> i32 {
    value.wrapping_add(1 << (n_bits - 1)) >> n_bits
}

/// Eight sums scaled by 2^13: the factorisation of Loeffler, Ligtenberg and Moschytz (ICASSP 1989).
fn one_dimension(input: [i32; 8]) -> [i32; 8] {
    let times = |value: i32, constant: i32| value.wrapping_mul(constant);
    let add = |a: i32, b: i32| a.wrapping_add(b);
    let [i0, i1, i2, i3, i4, i5, i6, i7] = input;

    let shared = times(add(i2, i6), 4433);
    let even2 = add(shared, times(i6, -15137));
    let even3 = add(shared, times(i2, 6270));
    let even0 = add(i0, i4).wrapping_shl(CONST_BITS);
    let even1 = i0.wrapping_sub(i4).wrapping_shl(CONST_BITS);
    let even = [
        add(even0, even3),
        add(even1, even2),
        even1.wrapping_sub(even2),
        even0.wrapping_sub(even3),
    ];

    let (a, b) = (add(i7, i3), add(i5, i1));
    let turned = times(add(a, b), 9633);
    let outer = times(add(i7, i1), -7373);
    let inner = times(add(i5, i3), -20995);
    let a = add(times(a, -16069), turned);
    let b = add(times(b, -3196), turned);
    let odd = [
        add(times(i1, 12299), add(outer, b)),
        add(times(i3, 25172), add(inner, a)),
        add(times(i5, 16819), add(inner, b)),
        add(times(i7, 2446), add(outer, a)),
    ];

    std::array::from_fn(|out| {
        if out < 4 { add(even[out], odd[out]) } else { even[7 - out].wrapping_sub(odd[7 - out]) }
    })
}
