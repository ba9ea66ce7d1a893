//! Texts in tables that people open in a spreadsheet, which would compute what looks like a formula.
//!
//! Tables are such files; frames are data for programs and have every text as it is.

/// A field of a table: a text that a spreadsheet would compute stands behind an apostrophe, a number stays one.
pub(crate) fn field(text: String) -> String {
    const COMPUTED: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
    if text.starts_with(COMPUTED) && !is_number(&text) { format!("'{text}") } else { text }
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    digits.starts_with(|first: char| first.is_ascii_digit()) && text.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_computed_and_numbers_stay_numbers() {
        for text in ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "-", "+x", "-inf", "＝1"]
        {
            assert_eq!(field(text.to_owned()), format!("'{text}"));
        }
        for text in ["-22.2", "+6.9", "0.5", "-1e-6", "", "rose", "a=1", "'quoted'", "–"] {
            assert_eq!(field(text.to_owned()), text);
        }
    }
}
