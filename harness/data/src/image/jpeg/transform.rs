//! The inverse cosine transform: the accurate integer one of libjpeg, 13 bits, two passes.
//!
//! A pass takes eight rows or columns side by side. Loops are written out, because a function that is called
//! from one of many versions is compiled for none of them.
//!
//! A sound image's numbers fit everywhere. Those of a damaged one may not, and then what comes out depends on
//! where the arithmetic overflows: it does as in libjpeg-turbo's code for x86-64 (`jidctint-avx2.asm`; the one for
//! SSE2 does the same), which has 16 bits between the passes.

use multiversion::multiversion;

use super::{frame::Block, overflowing};

/// Natural position of every coefficient in coding order.
pub(super) const ZIGZAG: [u8; 64] = zigzag();

const CONST_BITS: u32 = 13;
/// Extra bits kept between the passes.
const PASS_BITS: u32 = 2;
/// Where a block's values sum up to no more, no number leaves 16 bits: a pass multiplies by less than 1.4, the first
/// one by four besides, and the second adds up two of what comes out.
const MAX_SUM: u32 = 5000;

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

/// A row or column of a block.
type Eight = [i32; 8];

/// Turns a row of blocks of coefficients into eight rows of samples of 0 to 255.
#[multiversion(targets("x86_64+avx2"))]
pub(super) fn inverse(blocks: &[Block], quant: &[u16; 64], rows: &mut [u8]) {
    let row_len = blocks.len() * 8;
    for (idx, block) in blocks.iter().enumerate() {
        let samples = inverse_block(block, quant);
        for (row, values) in rows.chunks_exact_mut(row_len).zip(&samples) {
            row[idx * 8..idx * 8 + 8].copy_from_slice(values);
        }
    }
}

#[inline(always)]
fn inverse_block(block: &Block, quant: &[u16; 64]) -> [[u8; 8]; 8] {
    // All are looked at, because a vector unit does that faster than stopping at the first.
    if block[1..].iter().fold(0, |any, coefficient| any | coefficient) == 0 {
        let dc = block[0].wrapping_mul(quant[0] as i16) << PASS_BITS;
        return [[level(descale(i32::from(dc), PASS_BITS + 3)); 8]; 8];
    }
    let mut rows = [[0; 8]; 8];
    let (mut largest, mut sum) = (0, 0u32);
    for (at, value) in rows.as_flattened_mut().iter_mut().enumerate() {
        *value = i32::from(block[at]) * i32::from(quant[at]); // at most 2^15 times 2^16
        largest = value.unsigned_abs().max(largest);
        sum = sum.wrapping_add(value.unsigned_abs());
    }
    if MAX_SUM < largest || MAX_SUM < sum {
        return overflowing::inverse_block(block, quant);
    }
    let rows = transform_columns(&rows, CONST_BITS - PASS_BITS);
    let columns = transform_columns(&transposed(&rows), CONST_BITS + PASS_BITS + 3);
    let rows = transposed(&columns);
    let mut samples = [[0; 8]; 8];
    for (sample, &value) in samples.as_flattened_mut().iter_mut().zip(rows.as_flattened()) {
        *sample = level(value);
    }
    samples
}

/// Transforms each column by itself, all eight side by side, and rounds `n_bits` off.
#[inline(always)]
fn transform_columns(rows: &[Eight; 8], n_bits: u32) -> [Eight; 8] {
    let mut out = [[0; 8]; 8];
    for column in 0..8 {
        let [i0, i1, i2, i3, i4, i5, i6, i7] = *rows;
        let sums = one_dimension([
            i0[column], i1[column], i2[column], i3[column], i4[column], i5[column], i6[column],
            i7[column],
        ]);
        for row in 0..8 {
            out[row][column] = descale(sums[row], n_bits);
        }
    }
    out
}

#[inline(always)]
fn transposed(rows: &[Eight; 8]) -> [Eight; 8] {
    let mut columns = [[0; 8]; 8];
    for (y, row) in rows.iter().enumerate() {
        for (x, &value) in row.iter().enumerate() {
            columns[x][y] = value;
        }
    }
    columns
}

#[inline(always)]
fn level(value: i32) -> u8 {
    value.saturating_add(128).clamp(0, 255) as u8
}

#[inline(always)]
fn descale(value: i32, n_bits: u32) -> i32 {
    value.wrapping_add(1 << (n_bits - 1)) >> n_bits
}

/// Eight sums scaled by 2^13: the factorisation of Loeffler, Ligtenberg and Moschytz (ICASSP 1989).
#[inline(always)]
fn one_dimension(input: Eight) -> Eight {
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

    [
        add(even[0], odd[0]),
        add(even[1], odd[1]),
        add(even[2], odd[2]),
        add(even[3], odd[3]),
        even[3].wrapping_sub(odd[3]),
        even[2].wrapping_sub(odd[2]),
        even[1].wrapping_sub(odd[1]),
        even[0].wrapping_sub(odd[0]),
    ]
}
