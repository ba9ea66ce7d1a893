//! Names of an archive's entries: below the folder that it is unpacked into, on every file system, or refused.

use crate::error::Fault;

/// The deepest path, and the longest.
const MAX_LEVELS: usize = 16;
const MAX_LENGTH: usize = 1024;

/// The longest part of a path that common file systems take.
const MAX_PART: usize = 255;

/// Reads an entry's name: its parts, joined by `/`, empty for the archive's own root. The error says what is wrong.
fn inner_path(name: &[u8]) -> Result<String, String> {
    let refuse = |why: &str| Err(format!("the entry `{}` {why}", fit(name)));
    let Ok(text) = std::str::from_utf8(name) else {
        return refuse("is named in bytes that are no UTF-8");
    };
    if text.chars().any(|c| c.is_control()) {
        return refuse("is named with control characters");
    }
    if text.contains('\\') {
        return refuse("is named with a backslash");
    }
    if text.starts_with('/') || text.as_bytes().get(1) == Some(&b':') {
        return refuse("starts at a root of its own");
    }
    let parts: Vec<&str> = text.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if parts.contains(&"..") {
        return refuse("leads out of its folder");
    }
    if MAX_LEVELS < parts.len()
        || MAX_LENGTH < text.len()
        || parts.iter().any(|part| MAX_PART < part.len())
    {
        return refuse("has a name that is too long or too deep");
    }
    Ok(parts.join("/"))
}

/// Takes an entry's name apart, or refuses the archive.
pub(crate) fn checked(name: &[u8]) -> Result<String, Fault> {
    inner_path(name).map_err(Fault::Hostile)
}

/// A name as it is reported: short, and without what moves a terminal.
pub(crate) fn fit(name: &[u8]) -> String {
    let visible = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    String::from_utf8_lossy(name).chars().take(100).map(visible).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_below_is_taken_in_one_form() {
        for (name, path) in [
            ("images/a.jpg", "images/a.jpg"),
            ("./images//a.jpg", "images/a.jpg"),
            ("images/", "images"),
            ("./", ""),
            ("a/…/b", "a/…/b"),
        ] {
            assert_eq!(inner_path(name.as_bytes()).as_deref(), Ok(path));
        }
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_refused() {
        let deep = "a/".repeat(17);
        let long = "a".repeat(256);
        for name in [
            "/etc/passwd",
            "../a",
            "a/../../b",
            "a/..",
            "C:/a",
            "C:\\a",
            "a\\..\\b",
            "a\0b",
            "a\nb",
            &deep,
            &long,
        ] {
            assert!(inner_path(name.as_bytes()).is_err(), "{name}");
        }
        assert!(inner_path(b"a\xff").is_err());
        assert!(!inner_path(b"a\x1b[2J").unwrap_err().contains('\x1b'));
    }
}
