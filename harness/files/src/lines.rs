//! Lines of a bounded length: a file without a line's end never fills the memory.

use std::io::{self, BufRead, Read};

/// The lines of a reader, without their ends.
#[derive(Debug)]
pub struct Lines<R> {
    reader: R,
    max_bytes: u64,
}

/// Reads lines of at most `max_bytes` bytes, as [`BufRead::lines`] does otherwise.
///
/// # Errors
///
/// Items are errors of the reader, [`io::ErrorKind::InvalidData`] for what is not UTF-8 and for a longer line.
/// Nothing is to be read after the latter.
pub fn lines<R: BufRead>(reader: R, max_bytes: u64) -> Lines<R> {
    Lines { reader, max_bytes }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = io::Result<String>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut line = Vec::new();
        // Two more for the line's end.
        let bound = self.max_bytes.saturating_add(2);
        match self.reader.by_ref().take(bound).read_until(b'\n', &mut line) {
            Err(error) => return Some(Err(error)),
            Ok(0) => return None,
            Ok(_) => {}
        }
        if line.pop_if(|&mut last| last == b'\n').is_some() {
            line.pop_if(|&mut last| last == b'\r');
        }
        let invalid = |text| io::Error::new(io::ErrorKind::InvalidData, text);
        if self.max_bytes < line.len() as u64 {
            let n = self.max_bytes;
            return Some(Err(invalid(format!("the line is longer than {n} bytes"))));
        }
        let at = |error: std::string::FromUtf8Error| error.utf8_error().valid_up_to();
        let text = String::from_utf8(line);
        Some(
            text.map_err(|error| {
                invalid(format!("it is not UTF-8 (byte {} of the line)", at(error)))
            }),
        )
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, repeat};

    use super::*;

    #[test]
    fn lines_come_without_their_ends() {
        let read: Vec<String> =
            lines(&b"one\r\n\ntwo\nthree"[..], 5).map(|line| line.unwrap()).collect();
        assert_eq!(read, ["one", "", "two", "three"]);
    }

    #[test]
    fn a_line_without_an_end_is_an_error_at_its_bound() {
        let error = lines(BufReader::new(repeat(0)), 1000).next().unwrap().unwrap_err();
        assert_eq!(error.to_string(), "the line is longer than 1000 bytes");
        assert!(lines(&b"12345\n"[..], 5).next().unwrap().is_ok());
        assert!(lines(&b"123456\n"[..], 5).next().unwrap().is_err());
        assert!(lines(&b"\xff\n"[..], 5).next().unwrap().is_err());
    }
}
