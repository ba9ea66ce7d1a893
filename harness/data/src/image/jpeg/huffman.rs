//! Huffman tables and the bit reader over entropy-coded data.

use crate::image::error::JpegError;

const LOOKUP_BITS: u32 = 9;

/// A Huffman table ready for decoding.
#[derive(Clone)]
pub(super) struct Table {
    /// For the next bits: code length (0 where longer) and symbol.
    lookup: Vec<(u8, u8)>,
    /// Largest code of each length, or -1.
    max_code: [i32; 17],
    /// First symbol's index minus first code, for each length.
    offset: [i32; 17],
    symbols: Vec<u8>,
}

impl Table {
    /// Builds a table from the number of codes of each length and the symbols in code order.
    pub fn new(counts: &[u8; 16], symbols: &[u8]) -> Result<Self, JpegError> {
        let broken = JpegError::Segment { segment: "DHT", what: "more codes than fit" };
        let mut table = Table {
            lookup: vec![(0, 0); 1 << LOOKUP_BITS],
            max_code: [-1; 17],
            offset: [0; 17],
            symbols: symbols.to_vec(),
        };
        let (mut code, mut next) = (0u32, 0usize);
        for (length, &count) in (1u32..).zip(counts) {
            table.offset[length as usize] = next as i32 - code as i32;
            if 0 < count {
                let codes = symbols.get(next..next + usize::from(count)).ok_or(broken.clone())?;
                for &symbol in codes {
                    if 1 << length <= code {
                        return Err(broken);
                    }
                    table.enter(code, length, symbol);
                    code += 1;
                }
                next += usize::from(count);
                table.max_code[length as usize] = code as i32 - 1;
            }
            code <<= 1;
        }
        Ok(table)
    }

    /// Whether every symbol is at most `max`.
    pub fn symbols_within(&self, max: u8) -> bool {
        self.symbols.iter().all(|&symbol| symbol <= max)
    }

    fn enter(&mut self, code: u32, length: u32, symbol: u8) {
        if LOOKUP_BITS < length {
            return;
        }
        let free = LOOKUP_BITS - length;
        let first = (code << free) as usize;
        self.lookup[first..first + (1 << free)].fill((length as u8, symbol));
    }
}

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

impl<'a> BitReader<'a> {
    pub fn new(bytes: &'a [u8], pos: usize) -> Self {
        BitReader { bytes, pos, buffer: 0, n_bits: 0, at_marker: false, is_starved: false }
    }

    /// Drops the bits left before a restart marker.
    pub fn discard_bits(&mut self) {
        (self.buffer, self.n_bits) = (0, 0);
    }

    /// Goes on behind a restart marker.
    pub fn resume(&mut self, pos: usize) {
        (self.pos, self.at_marker, self.is_starved) = (pos, false, false);
    }

    /// Reads no further than the marker that ends before `pos`.
    pub fn stop_before(&mut self, pos: usize) {
        (self.pos, self.at_marker) = (pos - 2, true);
    }

    /// Reads up to 16 bits.
    pub fn bits(&mut self, n: u32) -> Result<u32, JpegError> {
        self.need(n)?;
        self.n_bits -= n;
        Ok((self.buffer >> self.n_bits) as u32 & ((1 << n) - 1))
    }

    /// Reads one bit.
    pub fn bit(&mut self) -> Result<bool, JpegError> {
        Ok(self.bits(1)? == 1)
    }

    /// Reads a number of `n` bits, at most 16, in the sign convention of T.81 (F.2.2.1).
    pub fn signed(&mut self, n: u32) -> Result<i32, JpegError> {
        if n == 0 {
            return Ok(0);
        }
        let value = self.bits(n)? as i32;
        Ok(if value < 1 << (n - 1) { value - (1 << n) + 1 } else { value })
    }

    /// Reads one symbol; a code that the table lacks reads as zero, as in libjpeg.
    pub fn symbol(&mut self, table: &Table) -> Result<u8, JpegError> {
        if self.n_bits < 16 {
            self.fill();
        }
        let padded = if LOOKUP_BITS <= self.n_bits {
            self.buffer >> (self.n_bits - LOOKUP_BITS)
        } else {
            self.buffer << (LOOKUP_BITS - self.n_bits)
        };
        let (length, symbol) = table.lookup[padded as usize & ((1 << LOOKUP_BITS) - 1)];
        if 0 < length {
            self.need(u32::from(length))?;
            self.n_bits -= u32::from(length);
            return Ok(symbol);
        }
        let mut code = self.bits(LOOKUP_BITS)? as i32;
        for length in LOOKUP_BITS as usize + 1..=16 {
            code = code << 1 | self.bits(1)? as i32;
            if code <= table.max_code[length] {
                let idx = (code + table.offset[length]) as usize;
                return Ok(table.symbols.get(idx).copied().unwrap_or(0));
            }
        }
        Ok(0)
    }

    fn need(&mut self, n: u32) -> Result<(), JpegError> {
        if n <= self.n_bits {
            return Ok(());
        }
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
    fn fill(&mut self) {
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
