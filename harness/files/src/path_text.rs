//! Paths as text that loses nothing, for processes that talk in JSON: a byte that is not UTF-8 is U+0000 and
//! two hexadecimal digits. No path holds a U+0000.
//!
//! For fields: `#[serde(with = "clsrl_files::path_text")]`, and `path_text::optional` where there may be none.

use std::{
    ffi::OsString,
    fmt::Write,
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Writes a path as text.
///
/// # Errors
///
/// Those of the format.
pub fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    encode(path).serialize(serializer)
}

/// Reads a path that was written as text.
///
/// # Errors
///
/// Those of the format.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    Ok(decode(&String::deserialize(deserializer)?))
}

/// The same for a path that may be absent.
pub mod optional {
    use super::*;

    /// Writes a path, or nothing, as text.
    ///
    /// # Errors
    ///
    /// Those of the format.
    pub fn serialize<S: Serializer>(
        path: &Option<PathBuf>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        path.as_deref().map(encode).serialize(serializer)
    }

    /// Reads a path, or nothing, that was written as text.
    ///
    /// # Errors
    ///
    /// Those of the format.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<PathBuf>, D::Error> {
        Ok(Option::<String>::deserialize(deserializer)?.as_deref().map(decode))
    }
}

fn encode(path: &Path) -> String {
    let mut text = String::new();
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            write!(text, "\0{byte:02x}").expect("a string takes every text");
        }
    }
    text
}

fn decode(text: &str) -> PathBuf {
    let mut parts = text.split('\0');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        match part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                bytes.extend_from_slice(&part.as_bytes()[2..]);
            }
            // Never written; no file has such a name, so opening it fails.
            None => {
                bytes.push(0);
                bytes.extend_from_slice(part.as_bytes());
            }
        }
    }
    OsString::from_vec(bytes).into()
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn every_path_comes_back_as_it_was() {
        for bytes in [&b"/plain"[..], b"mod\xe8le/\xff\xfe", "m\u{f6}del".as_bytes(), b"\x80", b""]
        {
            let path = Path::new(OsStr::from_bytes(bytes));
            assert_eq!(decode(&encode(path)), path);
        }
        assert_eq!(encode(Path::new("/m\u{f6}del")), "/m\u{f6}del");
        assert_eq!(encode(Path::new(OsStr::from_bytes(b"a\xe8b"))), "a\0e8b");
    }

    #[test]
    fn what_was_never_written_is_a_path_that_nothing_has() {
        for text in ["\0", "a\0x", "a\0zz", "\0\u{e9}"] {
            assert!(std::fs::metadata(decode(text)).is_err(), "{text:?}");
        }
    }
}
