//! Text as lists have it: UTF-8 without a byte order mark. What Windows and spreadsheets make of it is named.

/// The marks, the longer ones first, and whose they are.
const MARKS: [(&[u8], &str); 5] = [
    (b"\xff\xfe\0\0", "UTF-32"),
    (b"\0\0\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
    (b"\xef\xbb\xbf", "UTF-8"),
];

/// The text of a file, or what is wrong with it.
pub(super) fn plain_text(bytes: Vec<u8>) -> Result<String, String> {
    if let Some((_, encoding)) = MARKS.iter().find(|(mark, _)| bytes.starts_with(mark)) {
        return Err(format!(
            "line 1: found a byte order mark, that of {encoding}, expected plain UTF-8 (an editor that saves \
             `UTF-8 without BOM` takes it away)"
        ));
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let number = good.iter().filter(|byte| **byte == b'\n').count() + 1;
        format!("line {number}: found bytes that are not UTF-8")
    })
}
