//! The inverse cosine transform of a block whose numbers do not fit: what overflows does so as in libjpeg-turbo's
//! code for x86-64.
//!
//! Coefficients are dequantised and added in 16 bits, where they wrap; products are summed in 32; what a pass gives
//! is cut to the ends of 16 bits, but for columns that are all flat, which wrap.

use super::frame::Block;

const CONST_BITS: u32 = 13;
const PASS_BITS: u32 = 2;

/// Turns a block of coefficients into rows of samples of 0 to 255.
#[cold]
pub(super) fn inverse_block(block: &Block, quant: &[u16; 64]) -> [[u8; 8]; 8] {
    let mut values = [[0i16; 8]; 8];
    for (at, value) in values.as_flattened_mut().iter_mut().enumerate() {
        *value = block[at].wrapping_mul(quant[at] as i16);
    }
    let is_flat = block[8..].iter().all(|&coefficient| coefficient == 0);
    let columns = match is_flat {
        true => values[0].map(|value| [value << PASS_BITS; 8]),
        false => transposed(&values).map(|column| pass(column, CONST_BITS - PASS_BITS)),
    };
    let rows = transposed(&columns).map(|row| pass(row, CONST_BITS + PASS_BITS + 3));
    rows.map(|row| row.map(|value| (value.clamp(-128, 127) + 128) as u8))
}

fn transposed(rows: &[[i16; 8]; 8]) -> [[i16; 8]; 8] {
    std::array::from_fn(|x| std::array::from_fn(|y| rows[y][x]))
}

/// One dimension, the same factorisation as that of [`super::transform`], and `n_bits` rounded off.
fn pass([i0, i1, i2, i3, i4, i5, i6, i7]: [i16; 8], n_bits: u32) -> [i16; 8] {
    let pair = |a: i16, by: i32, b: i16, by_too: i32| i32::from(a) * by + i32::from(b) * by_too;
    let scaled = |value: i16| i32::from(value) << CONST_BITS;
    let even2 = pair(i2, 4433, i6, 4433 - 15137);
    let even3 = pair(i2, 4433 + 6270, i6, 4433);
    let (even0, even1) = (scaled(i0.wrapping_add(i4)), scaled(i0.wrapping_sub(i4)));
    let even = [even0 + even3, even1 + even2, even1 - even2, even0 - even3];

    let (z3, z4) = (i7.wrapping_add(i3), i5.wrapping_add(i1));
    let sum3 = pair(z3, 9633 - 16069, z4, 9633);
    let sum4 = pair(z4, 9633 - 3196, z3, 9633);
    let odd = [
        pair(i7, -7373, i1, 12299 - 7373) + sum4,
        pair(i5, -20995, i3, 25172 - 20995) + sum3,
        pair(i5, 16819 - 20995, i3, -20995) + sum4,
        pair(i7, 2446 - 7373, i1, -7373) + sum3,
    ];

    let rounded = |sum: i32| {
        let sum = sum.wrapping_add(1 << (n_bits - 1)) >> n_bits;
        sum.clamp(i16::MIN.into(), i16::MAX.into()) as i16
    };
    std::array::from_fn(|at| match at {
        0..4 => rounded(even[at].wrapping_add(odd[at])),
        _ => rounded(even[7 - at].wrapping_sub(odd[7 - at])),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_comes_out_as_it_does_without_overflow() {
        let mut block = [0i16; 64];
        for (at, coefficient) in block.iter_mut().enumerate() {
            *coefficient = (at * at * 37 % 101) as i16 - 50;
        }
        let quant = [1; 64];
        let mut expected = [0; 64];
        super::super::transform::inverse(&[block], &quant, &mut expected);
        assert_eq!(inverse_block(&block, &quant).as_flattened(), expected);
    }

    #[test]
    fn a_flat_column_wraps_and_any_other_is_cut_off() {
        // 10,000 times four is beyond 16 bits.
        let mut block = [0i16; 64];
        (block[0], block[1]) = (10_000, 1);
        let wrapped = inverse_block(&block, &[1; 64])[0][0];
        block[8] = 1;
        let cut_off = inverse_block(&block, &[1; 64])[0][0];
        assert_eq!((wrapped, cut_off), (0, 255));
    }
}
