//! The little LaTeX that is read: numbers, arithmetic, fractions, an equation with one name, and one letter.

use super::{arithmetic::evaluate, value::Value};
use crate::answer::strip;

/// Nobody boxes a box more often.
const MAX_NESTED_BOXES: usize = 20;

/// What the package makes of a piece of LaTeX.
pub enum Piece {
    /// A number or a letter, and the text that it was read from, without a box.
    Number(Value, String),
    /// Something else that equals no number, and its text.
    Other(String),
    /// Nothing, so that the next match is tried; and its text, if there is any.
    Nothing(Option<String>),
}

/// Reads a piece of LaTeX.
pub fn read(content: &str) -> Piece {
    let mut content = content;
    for _ in 0..MAX_NESTED_BOXES {
        match boxes(content)[..] {
            [] => return read_unboxed(strip(content.strip_prefix(r"\boxed").unwrap_or(content))),
            [one] => content = one,
            ref several => return of_several(several),
        }
    }
    Piece::Nothing(None)
}

fn read_unboxed(inside: &str) -> Piece {
    if is_blank(inside) {
        return Piece::Nothing(None);
    }
    let text = inside.to_owned();
    match letter(inside).or_else(|| evaluate(&python(right_side(inside))?)) {
        Some(value) => Piece::Number(value, text),
        None if has_meaning(inside) => Piece::Other(text),
        None => Piece::Nothing(Some(text)),
    }
}

/// Several boxes are a set, unless one of them is empty.
fn of_several(boxes: &[&str]) -> Piece {
    let text = boxes.join(",");
    match boxes.iter().all(|inside| has_meaning(strip(inside))) {
        true => Piece::Other(text),
        false => Piece::Nothing(Some(text)),
    }
}

/// The contents of all boxes that are closed, those within others left in them.
fn boxes(content: &str) -> Vec<&str> {
    let mut boxes = Vec::new();
    let mut rest = content;
    while let Some((inside, after)) =
        rest.split_once(r"\boxed{").and_then(|(_, boxed)| group(boxed))
    {
        boxes.push(inside);
        rest = after;
    }
    boxes
}

fn is_blank(text: &str) -> bool {
    text.is_empty() || text == r"\text{}"
}

/// What a name stands for, as in `x = 7`.
fn right_side(text: &str) -> &str {
    match text.split_once('=') {
        Some((name, value)) if letter(strip(name)).is_some() => strip(value),
        _ => text,
    }
}

/// Whether the package's grammar takes it, as far as that is known without the grammar: there is something besides
/// commands, braces match, and no subscript has two letters. `{}` is the empty set.
fn has_meaning(text: &str) -> bool {
    let mut bare = String::new();
    let mut rest = text;
    while let Some((before, command)) = rest.split_once('\\') {
        bare.push_str(before);
        rest = command.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        // The names of commands with contents and of letters are meant; blanks and dots mean nothing.
        let name = &command[..command.len() - rest.len()];
        bare.push_str(if matches!(name, "" | "boxed" | "quad" | "qquad" | "dots" | "ldots") {
            " "
        } else {
            "x"
        });
    }
    bare.push_str(rest);
    let has_long_subscript = bare
        .split('_')
        .skip(1)
        .any(|after| after.chars().take_while(char::is_ascii_alphabetic).count() > 1);
    let balance = bare.chars().map(|c| i32::from(c == '{') - i32::from(c == '}')).sum::<i32>();
    let has_any = bare == "{}" || bare.chars().any(|c| c.is_ascii_alphanumeric());
    text.is_ascii() && has_any && balance == 0 && !has_long_subscript
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
    let python = python.replace('^', "**").replace('×', "*").replace('÷', "/");
    Some(python.replace('{', "(").replace('}', ")"))
}

/// Commas between groups of three digits, and no other.
fn without_thousands(text: &str) -> Option<String> {
    let is_number = |part: &str| part.len() == 3 && part.bytes().all(|b| b.is_ascii_digit());
    let (first, rest) = text.split_once(',')?;
    let is_first = (1..=3).contains(&first.len()) && first.bytes().all(|b| b.is_ascii_digit());
    (is_first && rest.split(',').all(is_number)).then(|| text.replace(',', ""))
}
