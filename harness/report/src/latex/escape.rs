//! Text in LaTeX. The one place that escapes for it.
//!
//! Text of other scripts than Latin-1 becomes its code point, because pdflatex's fonts have no more. What is written
//! here, LaTeX has in its first encoding and in outlines: a document need load nothing for it.

use super::widths::{PIECE, ems};

/// Escapes plain text for lines that are broken: a word is broken behind a sign that joins its parts, and where it would
/// be wider than [`PIECE`] ems without, if there is no other way.
pub(super) fn breakable(text: &str) -> String {
    const BREAK: &str = "\\penalty5000\\hskip0pt\\relax{}";
    let mut escaped = String::new();
    let (mut piece, mut length) = (String::new(), 0.0);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let more = ems(character);
        if !piece.is_empty() && PIECE < length + more {
            escaped.push_str(&escape(&piece));
            escaped.push_str(BREAK);
            (piece, length) = (String::new(), 0.0);
        }
        piece.push(character);
        length = if character.is_whitespace() { 0.0 } else { length + more };
        let joins = matches!(character, '/' | '.' | '_' | ':' | '=' | ',' | ';' | '|');
        let goes_on = characters.peek().is_some_and(|next| next.is_alphanumeric());
        if joins && goes_on && 1.0 < length {
            escaped.push_str(&escape(&piece));
            escaped.push_str(BREAK);
            (piece, length) = (String::new(), 0.0);
        }
    }
    escaped + &escape(&piece)
}

/// Escapes plain text so that LaTeX shows it as it is, on one line.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            // Alone it is text of a font that has no outlines everywhere.
            '$' => escaped.push_str("$\\mathdollar$"),
            '{' | '}' | '&' | '#' | '%' | '_' => {
                escaped.push('\\');
                escaped.push(character);
            }
            // Two of them would become one other sign.
            '-' | ',' if characters.peek() == Some(&character) => {
                escaped.push(character);
                escaped.push_str("{}");
            }
            ' '..='~' => match command(character) {
                Some(command) => escaped.push_str(&format!("\\{command}{{}}")),
                None => escaped.push(character),
            },
            'À'..='ÿ' if !matches!(character, 'Ð' | 'Þ' | 'ð' | 'þ' | '×' | '÷') => {
                escaped.push(character)
            }
            control if control.is_control() => escaped.push(' '),
            other => match command(other) {
                Some(command) => escaped.push_str(&format!("\\{command}{{}}")),
                None if let Some(sign) = sign(other) => escaped.push_str(sign),
                None => escaped.push_str(&format!("\\texttt{{U+{:04X}}}", other as u32)),
            },
        }
    }
    escaped
}

/// The signs that are mathematics'.
fn sign(character: char) -> Option<&'static str> {
    Some(match character {
        '−' => "$-$",
        '±' => "$\\pm$",
        '→' => "$\\rightarrow$",
        '·' => "$\\cdot$",
        '×' => "$\\times$",
        '÷' => "$\\div$",
        '°' => "$^\\circ$",
        _ => return None,
    })
}

fn command(character: char) -> Option<&'static str> {
    Some(match character {
        '\\' => "textbackslash",
        '^' => "textasciicircum",
        '~' => "textasciitilde",
        '<' => "textless",
        '>' => "textgreater",
        '|' => "textbar",
        '"' => "textquotedblright",
        '`' => "textquoteleft",
        '\'' => "textquoteright",
        '–' => "textendash",
        '—' => "textemdash",
        '†' => "textdagger",
        '’' => "textquoteright",
        '…' => "textellipsis",
        '\u{a0}' => "nobreakspace",
        _ => return None,
    })
}
