//! Huffman tables: what the next bits of entropy-coded data mean.

use crate::image::error::JpegError;

pub(super) const LOOKUP_BITS: u32 = 10;

/// A Huffman table ready for decoding.
#[derive(Clone)]
pub(super) struct Table {
    /// For the next bits: code length (0 where longer) and symbol.
    codes: Vec<(u8, u8)>,
    /// For the next bits, read as an AC coefficient.
    coefficients: Vec<Coefficient>,
    /// Largest code of each length, or -1.
    max_code: [i32; 17],
    /// First symbol's index minus first code, for each length.
    offset: [i32; 17],
    symbols: Vec<u8>,
}

/// An AC coefficient whose code and value are among the bits that a table is looked up by.
#[derive(Clone, Copy, Default)]
pub(super) struct Coefficient {
    pub value: i16,
    /// Zeros before it.
    pub run: u8,
    /// Bits of code and value, 0 where the bits hold no whole coefficient.
    pub n_bits: u8,
}

impl Table {
    /// Builds a table from the number of codes of each length and the symbols in code order.
    pub fn new(counts: &[u8; 16], symbols: &[u8]) -> Result<Self, JpegError> {
        let broken = JpegError::Segment { segment: "DHT", what: "more codes than fit" };
        let mut table = Table {
            codes: vec![(0, 0); 1 << LOOKUP_BITS],
            coefficients: Vec::new(),
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
        let bits = 0..1 << LOOKUP_BITS;
        table.coefficients = bits.map(|bits| table.whole_coefficient(bits)).collect();
        Ok(table)
    }

    /// Whether every symbol is at most `max`.
    pub fn symbols_within(&self, max: u8) -> bool {
        self.symbols.iter().all(|&symbol| symbol <= max)
    }

    /// The code at the beginning of `LOOKUP_BITS` bits: its length, 0 where it is longer, and its symbol.
    pub fn code(&self, bits: u32) -> (u32, u8) {
        let (length, symbol) = self.codes[bits as usize];
        (u32::from(length), symbol)
    }

    /// The AC coefficient at the beginning of `LOOKUP_BITS` bits.
    pub fn coefficient(&self, bits: u32) -> Coefficient {
        self.coefficients[bits as usize]
    }

    /// The symbol of a code of more than `LOOKUP_BITS` bits, if it is that long.
    ///
    /// An index that the table lacks reads as zero, as in libjpeg.
    pub fn long_code(&self, code: i32, length: usize) -> Option<u8> {
        (code <= self.max_code[length]).then(|| {
            let idx = (code + self.offset[length]) as usize;
            self.symbols.get(idx).copied().unwrap_or(0)
        })
    }

    fn enter(&mut self, code: u32, length: u32, symbol: u8) {
        if LOOKUP_BITS < length {
            return;
        }
        let free = LOOKUP_BITS - length;
        let first = (code << free) as usize;
        self.codes[first..first + (1 << free)].fill((length as u8, symbol));
    }

    fn whole_coefficient(&self, bits: u32) -> Coefficient {
        let (length, symbol) = self.code(bits);
        let (run, n_bits) = (symbol >> 4, u32::from(symbol & 15));
        if length == 0 || n_bits == 0 || LOOKUP_BITS < length + n_bits {
            return Coefficient::default();
        }
        let value = bits >> (LOOKUP_BITS - length - n_bits) & ((1 << n_bits) - 1);
        let value = signed(value, n_bits) as i16; // of fewer than `LOOKUP_BITS` bits
        Coefficient { value, run, n_bits: (length + n_bits) as u8 }
    }
}

/// The number that `n` bits stand for, at least one, in the sign convention of T.81 (F.2.2.1).
pub(super) fn signed(bits: u32, n: u32) -> i32 {
    let value = bits as i32;
    if value < 1 << (n - 1) { value - (1 << n) + 1 } else { value }
}
