//! The little LaTeX that is read: numbers, arithmetic, fractions, and one letter.

use super::{arithmetic::evaluate, value::Value};
use crate::answer::strip;

/// What a piece of LaTeX stands for, and its text without a box; nothing where that is not read here.
pub fn read(content: &str) -> Option<(Value, String)> {
    let inside = strip(unbox(content)?);
    let value = letter(inside).or_else(|| evaluate(&python(inside)?))?;
    Some((value, inside.to_owned()))
}

/// The contents of the only box, or everything where there is no box.
fn unbox(content: &str) -> Option<&str> {
    let Some((_, boxed)) = content.split_once(r"\boxed{") else { return Some(content) };
    let (inside, after) = group(boxed)?;
    (!after.contains(r"\boxed")).then_some(inside)
}

/// A group's contents, after its opening brace, and what follows its closing brace.
fn group(text: &str) -> Option<(&str, &str)> {
    let mut n_open = 1;
    for (at, c) in text.char_indices() {
        n_open += match c {
            '{' => 1,
            '}' => -1,
            _ => 0,
        };
        if n_open == 0 {
            return Some((&text[..at], &text[at + 1..]));
        }
    }
    None
}

fn letter(text: &str) -> Option<Value> {
    let mut chars = text.chars();
    let letter = chars.next().filter(char::is_ascii_alphabetic)?;
    chars.next().is_none().then_some(Value::Letter(letter))
}

/// The same as Python arithmetic; nothing where another command is left.
fn python(text: &str) -> Option<String> {
    let mut python = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        python.push_str(&rest[..at]);
        let command = &rest[at + 1..];
        rest = if let Some(fraction) =
            command.strip_prefix("frac{").or_else(|| command.strip_prefix("dfrac{"))
        {
            let (top, after) = group(fraction)?;
            let (bottom, after) = group(after.strip_prefix('{')?)?;
            let is_nested = top.contains('\\') || bottom.contains('\\');
            (!is_nested).then(|| python.push_str(&format!("(({top})/({bottom}))")))?;
            after
        } else {
            let times = ["times", "cdot"].iter().find_map(|name| command.strip_prefix(name));
            let over = command.strip_prefix("div");
            python.push_str(if times.is_some() { "*" } else { "/" });
            times.or(over)?
        };
    }
    python.push_str(rest);
    let thousands = python.contains(',');
    let python = if thousands { without_thousands(&python)? } else { python };
    Some(python.replace('^', "**").replace('{', "(").replace('}', ")"))
}

/// Commas between groups of three digits, and no other.
fn without_thousands(text: &str) -> Option<String> {
    let is_number = |part: &str| part.len() == 3 && part.bytes().all(|b| b.is_ascii_digit());
    let (first, rest) = text.split_once(',')?;
    let is_first = (1..=3).contains(&first.len()) && first.bytes().all(|b| b.is_ascii_digit());
    (is_first && rest.split(',').all(is_number)).then(|| text.replace(',', ""))
}
