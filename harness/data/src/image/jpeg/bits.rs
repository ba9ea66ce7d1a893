//! The bit reader over entropy-coded data.

use super::huffman::{LOOKUP_BITS, Table, signed};
use crate::image::error::JpegError;

/// Reads bits, most significant first, up to the next marker.
///
/// At a marker zeros are supplied and `is_starved` is set; at the end of the file reading fails.
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    pub pos: usize,
    buffer: u64,
    n_bits: u32,
    at_marker: bool,
    pub is_starved: bool,
}

/// An AC coefficient, or what stands in its place.
pub(super) enum Step {
    /// A value after a run of zeros.
    Value { run: usize, value: i32 },
    /// No value: a run of 15 is 16 zeros, a shorter one ends bands.
    Zeros { run: usize },
}

impl<'a> BitReader<'a> {
    pub fn new(bytes: &'a [u8], pos: usize) -> Self {
        BitReader { bytes, pos, buffer: 0, n_bits: 0, at_marker: false, is_starved: false }
    }

    /// Drops the bits left before a restart marker.
    pub fn discard_bits(&mut self) {
        (self.buffer, self.n_bits) = (0, 0);
    }

    /// Goes on after a restart marker.
    pub fn resume(&mut self, pos: usize) {
        (self.pos, self.at_marker, self.is_starved) = (pos, false, false);
    }

    /// Reads no further than the marker that ends before `pos`.
    pub fn stop_before(&mut self, pos: usize) {
        (self.pos, self.at_marker) = (pos - 2, true);
    }

    /// Reads up to 16 bits.
    #[inline]
    pub fn bits(&mut self, n: u32) -> Result<u32, JpegError> {
        self.need(n)?;
        Ok(self.take(n))
    }

    /// Reads one bit.
    #[inline]
    pub fn bit(&mut self) -> Result<bool, JpegError> {
        Ok(self.bits(1)? == 1)
    }

    /// Reads a number of `n` bits, at most 16.
    #[inline]
    pub fn signed(&mut self, n: u32) -> Result<i32, JpegError> {
        if n == 0 {
            return Ok(0);
        }
        Ok(signed(self.bits(n)?, n))
    }

    /// Reads the code of an AC coefficient and its value.
    #[inline]
    pub fn step(&mut self, table: &Table) -> Result<Step, JpegError> {
        if self.n_bits < LOOKUP_BITS {
            self.fill();
        }
        if LOOKUP_BITS <= self.n_bits {
            // Most coefficients are small, and code and value are found at once.
            let found = table.coefficient(self.peek());
            if 0 < found.n_bits {
                self.n_bits -= u32::from(found.n_bits);
                return Ok(Step::Value { run: usize::from(found.run), value: found.value.into() });
            }
        }
        let symbol = self.symbol(table)?;
        let (run, n_bits) = (usize::from(symbol >> 4), u32::from(symbol & 15));
        if n_bits == 0 {
            return Ok(Step::Zeros { run });
        }
        Ok(Step::Value { run, value: self.signed(n_bits)? })
    }

    /// Reads one symbol; a code that the table lacks reads as zero, as in libjpeg.
    #[inline]
    pub fn symbol(&mut self, table: &Table) -> Result<u8, JpegError> {
        if self.n_bits < 16 {
            self.fill();
        }
        let (length, symbol) = table.code(self.peek());
        if 0 < length {
            self.need(length)?;
            self.n_bits -= length;
            return Ok(symbol);
        }
        self.long_symbol(table)
    }

    fn long_symbol(&mut self, table: &Table) -> Result<u8, JpegError> {
        let mut code = self.bits(LOOKUP_BITS)? as i32;
        for length in LOOKUP_BITS as usize + 1..=16 {
            code = code << 1 | self.bits(1)? as i32;
            if let Some(symbol) = table.long_code(code, length) {
                return Ok(symbol);
            }
        }
        // Of a code that the table lacks libjpeg takes one bit more than the longest has.
        self.bits(1)?;
        Ok(0)
    }

    /// The next `LOOKUP_BITS` bits; zeros where there are fewer.
    #[inline]
    fn peek(&self) -> u32 {
        let bits = if LOOKUP_BITS <= self.n_bits {
            self.buffer >> (self.n_bits - LOOKUP_BITS)
        } else {
            self.buffer << (LOOKUP_BITS - self.n_bits)
        };
        bits as u32 & ((1 << LOOKUP_BITS) - 1)
    }

    /// Takes bits that are there.
    #[inline]
    fn take(&mut self, n: u32) -> u32 {
        self.n_bits -= n;
        (self.buffer >> self.n_bits) as u32 & ((1 << n) - 1)
    }

    #[inline]
    fn need(&mut self, n: u32) -> Result<(), JpegError> {
        if n <= self.n_bits { Ok(()) } else { self.need_more(n) }
    }

    fn need_more(&mut self, n: u32) -> Result<(), JpegError> {
        self.fill();
        if n <= self.n_bits {
            return Ok(());
        }
        if !self.at_marker {
            return Err(JpegError::Truncated);
        }
        self.is_starved = true;
        self.buffer <<= 32;
        self.n_bits += 32;
        Ok(())
    }

    /// Takes whole bytes up to 56 bits, the next marker or the end of the file.
    #[inline]
    fn fill(&mut self) {
        let next = self.bytes.get(self.pos..).and_then(<[u8]>::first_chunk::<8>);
        match next.map(|&bytes| u64::from_be_bytes(bytes)) {
            Some(bytes) if self.n_bits <= 48 && !self.at_marker && !has_ff(bytes) => {
                let n_bytes = (63 - self.n_bits) / 8; // one to seven
                self.buffer = self.buffer << (8 * n_bytes) | bytes >> (64 - 8 * n_bytes);
                self.n_bits += 8 * n_bytes;
                self.pos += n_bytes as usize;
            }
            _ => self.fill_by_byte(),
        }
    }

    fn fill_by_byte(&mut self) {
        while self.n_bits <= 48 && !self.at_marker {
            let Some(&byte) = self.bytes.get(self.pos) else { return };
            if byte == 0xff {
                let fills = self.bytes[self.pos..].iter().take_while(|&&b| b == 0xff).count();
                match self.bytes.get(self.pos + fills) {
                    None => return,
                    Some(0) => self.pos += fills,
                    Some(_) => {
                        self.at_marker = true;
                        return;
                    }
                }
            }
            self.pos += 1;
            self.buffer = self.buffer << 8 | u64::from(byte);
            self.n_bits += 8;
        }
    }
}

/// Whether one of eight bytes is 0xff, which begins a marker or is followed by a byte to leave out.
fn has_ff(bytes: u64) -> bool {
    const LOWEST: u64 = 0x0101_0101_0101_0101;
    const HIGHEST: u64 = 0x8080_8080_8080_8080;
    // A byte's highest bit is left where its complement is zero and borrows.
    (!bytes).wrapping_sub(LOWEST) & bytes & HIGHEST != 0
}
