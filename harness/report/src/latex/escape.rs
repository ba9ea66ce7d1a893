//! Text in LaTeX. The one place that escapes for it.
//!
//! Text of other scripts than Latin-1 becomes its code point, because pdflatex's fonts have no more.

/// Escapes plain text so that LaTeX shows it as it is, on one line.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '{' | '}' | '$' | '&' | '#' | '%' | '_' => {
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
            'À'..='ÿ' => escaped.push(character),
            control if control.is_control() => escaped.push(' '),
            other => match command(other) {
                Some(command) => escaped.push_str(&format!("\\{command}{{}}")),
                None => escaped.push_str(&format!("\\texttt{{U+{:04X}}}", other as u32)),
            },
        }
    }
    escaped
}

fn command(character: char) -> Option<&'static str> {
    Some(match character {
        '\\' => "textbackslash",
        '^' => "textasciicircum",
        '~' => "textasciitilde",
        '<' => "textless",
        '>' => "textgreater",
        '|' => "textbar",
        '"' => "textquotedbl",
        '`' => "textasciigrave",
        '\'' => "textquotesingle",
        '−' => "textminus",
        '–' => "textendash",
        '—' => "textemdash",
        '±' => "textpm",
        '†' => "textdagger",
        '→' => "textrightarrow",
        '·' => "textperiodcentered",
        '’' => "textquoteright",
        '…' => "textellipsis",
        '\u{a0}' => "nobreakspace",
        _ => return None,
    })
}
