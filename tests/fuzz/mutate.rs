//! What is done to inputs: bytes, pieces, numbers and words of the formats that are read.

use clsrl_spec::Stream;

/// The longest input that is made.
const MAX_LEN: usize = 1 << 16;

/// What readers of text may stumble over.
const WORDS: [&[u8]; 28] = [
    b"null",
    b"true",
    b"{}",
    b"[]",
    b"[[[[[[[[",
    b"{\"a\":",
    b"\"",
    b"\\u0000",
    b"\\ud800",
    b"-1",
    b"0",
    b"1e999",
    b"18446744073709551616",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"0.1",
    b"nan",
    b"inf",
    b"=",
    b"\n",
    b"\r\n",
    b"\xef\xbb\xbf",
    b"\xff",
    b"../",
    b"/",
    b"\0",
    b"\\boxed{",
    b"<answer>",
];

/// What lengths and sizes are set to.
const NUMBERS: [u64; 12] = [
    0,
    1,
    7,
    255,
    256,
    65_535,
    1 << 31,
    u32::MAX as u64,
    1 << 32,
    i64::MAX as u64,
    u64::MAX - 1,
    u64::MAX,
];

/// Makes inputs of inputs; the same seed makes the same ones.
pub struct Mutator {
    stream: Stream,
}

impl Mutator {
    /// Begins a series that depends on seed and target alone.
    pub fn new(seed: u64, target: &str) -> Self {
        Mutator { stream: Stream::new(seed, &["fuzz", target]) }
    }

    /// Chooses one of so many.
    pub fn choose(&mut self, n: usize) -> usize {
        self.stream.below(n)
    }

    /// Changes an input in one to eight places; `other` is what pieces come from.
    pub fn mutate(&mut self, input: &[u8], other: &[u8]) -> Vec<u8> {
        let mut bytes = input.to_vec();
        for _ in 0..1 << self.choose(4) {
            self.change(&mut bytes, other);
        }
        bytes.truncate(MAX_LEN);
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>, other: &[u8]) {
        let (from, to) = self.piece(bytes.len());
        match self.choose(10) {
            0 => self.with_byte(bytes, |byte, n| byte ^ (1 << (n % 8))),
            1 => self.with_byte(bytes, |_, n| n as u8),
            2 => self.with_byte(bytes, |byte, n| byte.wrapping_add(n as u8 % 17).wrapping_sub(8)),
            3 => drop(bytes.drain(from..to)),
            4 => bytes.truncate(from),
            5 => {
                let word = WORDS[self.choose(WORDS.len())];
                drop(bytes.splice(from..from, word.iter().copied()));
            }
            6 => {
                let word = WORDS[self.choose(WORDS.len())];
                drop(bytes.splice(from..to.min(from + word.len()), word.iter().copied()));
            }
            7 => {
                let piece = bytes[from..to].to_vec();
                for _ in 0..1 << self.choose(6) {
                    if bytes.len() < MAX_LEN {
                        drop(bytes.splice(from..from, piece.iter().copied()));
                    }
                }
            }
            8 => {
                let (start, end) = self.piece(other.len());
                drop(bytes.splice(from..to, other[start..end].iter().copied()));
            }
            _ => self.with_number(bytes, from),
        }
    }

    /// A short piece more often than a long one.
    fn piece(&mut self, len: usize) -> (usize, usize) {
        let from = self.choose(len + 1);
        let most = (len - from).min(1 << self.choose(12));
        (from, from + self.choose(most + 1))
    }

    fn with_byte(&mut self, bytes: &mut [u8], change: fn(u8, usize) -> u8) {
        if !bytes.is_empty() {
            let at = self.choose(bytes.len());
            bytes[at] = change(bytes[at], self.choose(256));
        }
    }

    /// Sets a number: digits where there are some, else bytes of either order.
    fn with_number(&mut self, bytes: &mut Vec<u8>, from: usize) {
        let number = NUMBERS[self.choose(NUMBERS.len())];
        let n_digits = bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if 0 < n_digits {
            drop(bytes.splice(from..from + n_digits, number.to_string().into_bytes()));
            return;
        }
        let width = 1 << self.choose(4);
        let raw = if self.choose(2) == 0 { number.to_le_bytes() } else { number.to_be_bytes() };
        let raw = if raw[0] == 0 { &raw[8 - width..] } else { &raw[..width] };
        for (byte, &new) in bytes[from..].iter_mut().zip(raw) {
            *byte = new;
        }
    }
}
