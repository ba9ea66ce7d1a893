//! Numbers, times and paragraphs as a terminal of 80 columns shows them.

use std::time::Duration;

/// The columns that everything fits into.
pub const WIDTH: usize = 80;

/// A number and what it counts: `1 trial`, `2 trials`.
pub fn count(n: usize, what: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{} {what}{plural}", thousands(n))
}

/// A whole number with its thousands set apart.
pub fn thousands(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (idx, digit) in digits.chars().enumerate() {
        if 0 < idx && (digits.len() - idx).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A time in its two largest units: `45 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`.
pub fn duration(time: Duration) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")];
    let seconds = time.as_secs_f64().round() as u64;
    let Some(first) = UNITS.iter().position(|&(size, _)| size <= seconds) else {
        return format!("{:.1} s", time.as_secs_f64());
    };
    let (size, unit) = UNITS[first];
    let rest = UNITS.get(first + 1).map(|&(smaller, unit)| (seconds % size / smaller, unit));
    match rest.filter(|&(n, _)| 0 < n) {
        Some((n, smaller)) => format!("{} {unit} {n} {smaller}", seconds / size),
        None => format!("{} {unit}", seconds / size),
    }
}

/// A text that is cut to so many characters, the last one a sign of it.
pub fn short(text: &str, max_chars: usize) -> String {
    match text.chars().count() <= max_chars {
        true => text.to_owned(),
        false => text.chars().take(max_chars.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// Breaks a paragraph between words; a word that is longer than the width stands alone.
pub fn wrap(text: &str, width: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let n_word = word.chars().count();
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + n_word <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.into_iter().map(|line| line + "\n").collect()
}

/// Breaks the lines that are longer than the width, between words; what follows is indented two more than the line
/// begins. A word that is longer than the width stays whole.
pub fn fit(text: &str, width: usize) -> String {
    text.lines().map(|line| fit_line(line, width)).collect()
}

fn fit_line(line: &str, width: usize) -> String {
    let indent = line.len() - line.trim_start().len();
    let (mut fitted, mut rest) = (String::new(), line.trim_end().to_owned());
    while width < rest.chars().count() {
        let body = rest.len() - rest.trim_start().len();
        let blanks =
            rest.char_indices().enumerate().filter(|&(_, (at, char))| char == ' ' && body < at);
        let (within, beyond): (Vec<_>, Vec<_>) = blanks.partition(|&(n, _)| n <= width);
        let Some(&(_, (at, _))) = within.last().or(beyond.first()) else { break };
        fitted += rest[..at].trim_end();
        fitted.push('\n');
        rest = format!("{}{}", " ".repeat(indent + 2), rest[at..].trim_start());
    }
    fitted + &rest + "\n"
}

/// Where the texts of a column stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Texts.
    Left,
    /// Numbers.
    Right,
}

/// Rows in columns, two blanks apart, each as wide as its longest text; rows are as long as `sides`.
pub fn columns(rows: &[Vec<String>], sides: &[Side]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..sides.len()).filter_map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for ((cell, &width), side) in row.iter().zip(&widths).zip(sides) {
            let blanks = " ".repeat(width.saturating_sub(cell.chars().count()));
            let (before, after) = match side {
                Side::Left => ("", blanks.as_str()),
                Side::Right => (blanks.as_str(), ""),
            };
            if !line.is_empty() {
                line.push_str("  ");
            }
            line.extend([before, cell.as_str(), after]);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular_and_thousands_are_set_apart() {
        assert_eq!(count(1, "trial"), "1 trial");
        assert_eq!(count(0, "trial"), "0 trials");
        assert_eq!(count(8_289_152, "image"), "8,289,152 images");
        assert_eq!([999, 1000, 1_000_000].map(thousands), ["999", "1,000", "1,000,000"]);
    }

    #[test]
    fn a_time_has_its_two_largest_units() {
        for (seconds, expected) in [
            (0.0, "0.0 s"),
            (0.34, "0.3 s"),
            (1.4, "1 s"),
            (45.0, "45 s"),
            (59.7, "1 min"),
            (200.0, "3 min 20 s"),
            (7_500.0, "2 h 5 min"),
            (7_205.0, "2 h"),
            (273_600.0, "3 d 4 h"),
        ] {
            assert_eq!(duration(Duration::from_secs_f64(seconds)), expected);
        }
    }

    #[test]
    fn a_long_text_is_cut_and_says_so() {
        assert_eq!(short("abcdef", 6), "abcdef");
        assert_eq!(short("abcdéfg", 6), "abcdé…");
    }

    #[test]
    fn a_paragraph_is_broken_between_words() {
        assert_eq!(wrap("a bc  def\nghij", 6), "a bc\ndef\nghij\n");
        assert_eq!(wrap("a longer-than-that b", 6), "a\nlonger-than-that\nb\n");
        assert_eq!(wrap("", 6), "");
    }

    #[test]
    fn a_long_line_is_broken_under_its_beginning() {
        assert_eq!(fit("  ab cd ef gh\nshort\n\nx\n", 9), "  ab cd\n    ef gh\nshort\n\nx\n");
        let text = fit(&format!("    {}", "word ".repeat(60)), 80);
        assert!(1 < text.lines().count() && text.lines().all(|line| line.chars().count() <= 80));
    }

    #[test]
    fn columns_are_as_wide_as_their_longest_text() {
        let row = |texts: [&str; 3]| texts.map(str::to_owned).to_vec();
        let rows = [row(["Method", "±", "n"]), row(["a", "1.0 ± 2", "10"]), row(["b", "", ""])];
        let sides = [Side::Left, Side::Right, Side::Right];
        assert_eq!(columns(&rows, &sides), "Method        ±   n\na       1.0 ± 2  10\nb\n");
    }
}
