//! What the cards of Hugging Face begin with, and the tables in them.

use std::fmt::Write as _;

use serde_json::Value as Json;

use crate::rows::{Column, FrameRow, Kind, Value};

/// The YAML between the lines of dashes. Every scalar is JSON, which is YAML too.
pub(super) fn front_matter(value: &Json) -> String {
    let mut text = String::from("---\n");
    write_block(value, 0, &mut text);
    text.push_str("---\n");
    text
}

fn write_block(value: &Json, depth: usize, text: &mut String) {
    let blanks = "  ".repeat(depth);
    match value {
        Json::Object(fields) => {
            for (name, value) in fields {
                write!(text, "{blanks}{name}:").expect("a string takes every text");
                write_value(value, depth, text);
            }
        }
        Json::Array(items) => {
            for item in items {
                let mut block = String::new();
                write_block(item, depth + 1, &mut block);
                // The first line of an item stands behind its dash.
                let rest = block.get(blanks.len() + 2..).unwrap_or_default();
                write!(text, "{blanks}- {rest}").expect("a string takes every text");
            }
        }
        scalar => {
            writeln!(text, "{blanks}{}", scalar_text(scalar)).expect("a string takes every text")
        }
    }
}

fn write_value(value: &Json, depth: usize, text: &mut String) {
    let is_nested = |value: &Json| match value {
        Json::Object(fields) => !fields.is_empty(),
        Json::Array(items) => !items.is_empty(),
        _ => false,
    };
    match is_nested(value) {
        true => {
            text.push('\n');
            write_block(value, depth + 1, text);
        }
        false => writeln!(text, " {}", scalar_text(value)).expect("a string takes every text"),
    }
}

/// JSON has some characters as they are that YAML does not take.
fn scalar_text(value: &Json) -> String {
    let mut text = String::new();
    for char in value.to_string().chars() {
        match char {
            '\u{7f}'..='\u{9f}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{feff}'
            | '\u{fffe}'
            | '\u{ffff}' => {
                write!(text, "\\u{:04x}", u32::from(char)).expect("a string takes every text");
            }
            char => text.push(char),
        }
    }
    text
}

/// A text within a line of Markdown or a cell of a table: nothing in it is markup.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\n' | '\r' => escaped.push(' '),
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '~' | '&' => {
                escaped.extend(['\\', char]);
            }
            char => escaped.push(char),
        }
    }
    escaped
}

/// A text as code.
pub(super) fn code(text: &str) -> String {
    format!("`{}`", text.replace(['`', '\n', '\r'], " ").replace('|', "\\|"))
}

/// What the columns of a type of rows hold.
pub(super) fn columns_table<R: FrameRow>() -> String {
    let row = |Column { name, kind, unit, meaning }: Column| {
        let kind = match kind {
            Kind::Text => "text",
            Kind::Count => "count",
            Kind::Seed => "seed",
            Kind::Number => "number",
            Kind::Truth => "truth",
        };
        let meaning = meaning.split_whitespace().collect::<Vec<_>>().join(" ");
        format!(
            "| {} | {kind} | {} | {} |\n",
            code(name),
            escaped(unit),
            meaning.replace('|', "\\|")
        )
    };
    let rows: String = R::columns().into_iter().map(row).collect();
    format!("| Column | Kind | Unit | Meaning |\n| :-- | :-- | :-- | :-- |\n{rows}")
}

/// A row's fields, one a line, but for those that are not there.
pub(super) fn fields_table<R: FrameRow>(row: &R) -> String {
    let mut text = String::from("| Setting | Value | |\n| :-- | :-- | :-- |\n");
    for (column, value) in R::columns().into_iter().zip(row.values()) {
        let value = match value {
            Value::Text(text) => text.map(str::to_owned),
            Value::Count(count) => count.map(|count| count.to_string()),
            Value::Seed(seed) => seed.map(|seed| seed.to_string()),
            Value::Number(number) => number.map(|number| number.to_string()),
            Value::Truth(truth) => truth.map(|truth| truth.to_string()),
        };
        if let Some(value) = value {
            let (name, unit) = (code(column.name), escaped(column.unit));
            writeln!(text, "| {name} | {} | {unit} |", escaped(&value))
                .expect("a string takes all");
        }
    }
    text
}
