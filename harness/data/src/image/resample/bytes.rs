//! The two passes over 8-bit samples, in fixed point.
//!
//! Both work on bands of `BAND` samples whose weights are the same, because that is what vector units are
//! good at: the vertical pass on neighbours in a row, the horizontal pass on a column of rows. Inner loops are
//! written out, because a function that is called from one of many versions is compiled for none of them.

use multiversion::multiversion;

use super::taps::Taps;

/// As many samples as have their sums in four AVX2 registers, so that additions need not wait for each other.
const BAND: usize = 32;

/// Resizes every row of pixels of `C` samples.
#[multiversion(targets("x86_64+avx2"))]
pub(super) fn horizontal<const C: usize>(samples: &[u8], width: usize, taps: &Taps) -> Vec<u8> {
    let (row_len, out_len) = (width * C, taps.len() * C);
    let mut out = vec![0; samples.len() / row_len * out_len];
    let (mut columns, mut out_columns) = (vec![[0; BAND]; row_len], vec![[0; BAND]; out_len]);
    for (rows, out_rows) in samples.chunks(row_len * BAND).zip(out.chunks_mut(out_len * BAND)) {
        for (lane, row) in rows.chunks_exact(row_len).enumerate() {
            for (column, &sample) in columns.iter_mut().zip(row) {
                column[lane] = sample;
            }
        }
        for (tap, out_pixel) in taps.iter().zip(out_columns.chunks_exact_mut(C)) {
            for (channel, out_column) in out_pixel.iter_mut().enumerate() {
                let of_channel = columns[tap.start * C + channel..].iter().step_by(C);
                *out_column = weigh(of_channel, tap.fixed, taps.precision());
            }
        }
        for (lane, out_row) in out_rows.chunks_exact_mut(out_len).enumerate() {
            for (sample, out_column) in out_row.iter_mut().zip(&out_columns) {
                *sample = out_column[lane];
            }
        }
    }
    out
}

/// Resizes every column; a row has `row_len` samples.
#[multiversion(targets("x86_64+avx2"))]
pub(super) fn vertical(samples: &[u8], row_len: usize, taps: &Taps) -> Vec<u8> {
    let mut out = vec![0; taps.len() * row_len];
    for (tap, out_row) in taps.iter().zip(out.chunks_exact_mut(row_len)) {
        let rows = samples[tap.start * row_len..].chunks_exact(row_len);
        let (bands, rest) = out_row.as_chunks_mut::<BAND>();
        for (idx, band) in bands.iter_mut().enumerate() {
            let of_band = rows.clone().map(|row| &row.as_chunks().0[idx]);
            *band = weigh(of_band, tap.fixed, taps.precision());
        }
        let start = bands.len() * BAND;
        for (x, out) in rest.iter_mut().enumerate() {
            let column = rows.clone().map(|row| &row[start + x..].as_chunks().0[0]);
            [*out] = weigh(column, tap.fixed, taps.precision());
        }
    }
    out
}

/// The weighted sums of some bands, halves rounded up as Pillow and libtorch do.
///
/// Weights add up to about one, so no sum overflows; asking whether it did would keep it out of vector units.
#[inline(always)]
fn weigh<'a, const N: usize>(
    bands: impl Iterator<Item = &'a [u8; N]>,
    weights: &[i32],
    precision: u32,
) -> [u8; N] {
    let mut sums = [(1i32 << precision) >> 1; N];
    for (band, weight) in bands.zip(weights) {
        for (sum, &sample) in sums.iter_mut().zip(band) {
            *sum = sum.wrapping_add(i32::from(sample).wrapping_mul(*weight));
        }
    }
    let mut weighed = [0; N];
    for (sample, sum) in weighed.iter_mut().zip(&sums) {
        *sample = (*sum >> precision).clamp(0, 255) as u8;
    }
    weighed
}
