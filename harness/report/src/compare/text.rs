//! A comparison for a terminal of 80 columns.

use super::{Comparison, Flip, Measured, Row, Setting, Side};
use crate::number::{fixed, signed};

/// The columns that everything fits into.
const WIDTH: usize = 80;

/// The most cells, settings and flips that are listed one by one, unless all are asked for.
const MOST: usize = 20;

impl Comparison {
    /// Plain lines; `all` names every cell, setting and flip.
    pub fn text(&self, all: bool) -> String {
        let most = if all { usize::MAX } else { MOST };
        let mut lines = Vec::new();
        for (letter, side) in ["A", "B"].iter().zip(&self.sides) {
            lines.extend(wrap(&format!("{letter}: {}", describe(side)), 3));
        }
        lines.extend(wrap(&self.legend(), 0));
        lines.push(String::new());
        lines.extend(table("average", &self.averages.iter().collect::<Vec<_>>()));
        lines.push(String::new());
        lines.extend(self.cells(most));
        lines.extend(self.unpaired(most));
        lines.extend(self.settings(most));
        lines.extend(self.flips(most));
        lines.iter().map(|line| format!("{}\n", line.trim_end())).collect()
    }

    /// How to read the numbers, in one paragraph.
    pub(super) fn legend(&self) -> String {
        let remarks = self.remarks();
        let remarks: Vec<String> = remarks
            .iter()
            .map(|remark| format!("{}: {}", remark.letter(), remark.meaning()))
            .collect();
        let remarks = match remarks.is_empty() {
            true => String::new(),
            false => format!(" Compare with care: {}.", remarks.join("; ")),
        };
        format!(
            "Accuracy by the {} score in percent; change: B less A in points, with its {} % interval; *: not zero, \
             where all that stand together share the level.{remarks}",
            self.score,
            fixed(Some(100.0 * (1.0 - self.level.get())), 0)
        )
    }

    /// Cells from the largest change on; those whose answers are all alike are one line.
    fn cells(&self, most: usize) -> Vec<String> {
        let is_other =
            |row: &&Row| row.found.as_ref().is_ok_and(|measured| 0 < measured.n_other_answers);
        let mut others: Vec<&Row> = self.cells.iter().filter(is_other).collect();
        let size =
            |row: &Row| row.found.as_ref().map_or(0.0, |measured| measured.change_points.abs());
        others.sort_by(|one, other| {
            size(other).total_cmp(&size(one)).then(one.name.cmp(&other.name))
        });
        let n_alike = self.cells.iter().filter(|row| row.found.is_ok()).count() - others.len();
        let n_more = others.len().saturating_sub(most);
        others.truncate(most);
        let mut lines = if others.is_empty() { Vec::new() } else { table("cell", &others) };
        if 0 < n_more {
            lines.push(format!("  {} more with smaller changes; --all names them", n_more));
        }
        if 0 < n_alike {
            lines.push(format!("{} with the same answers on both sides", plural(n_alike, "cell")));
        }
        lines
    }

    fn unpaired(&self, most: usize) -> Vec<String> {
        if self.unpaired.is_empty() {
            return Vec::new();
        }
        let mut lines = vec![
            String::new(),
            format!("{} cannot be compared:", plural(self.unpaired.len(), "cell")),
        ];
        for (name, reason) in self.unpaired.iter().take(most) {
            lines.extend(wrap(&format!("  {name}: {reason}"), 4));
        }
        lines.extend(more(self.unpaired.len(), most));
        lines
    }

    fn settings(&self, most: usize) -> Vec<String> {
        if self.settings.is_empty() {
            return vec![String::new(), "no setting differs".to_owned()];
        }
        let mut lines = vec![String::new(), "settings that differ (A → B):".to_owned()];
        for Setting { field, values: [a, b], n_cells } in self.settings.iter().take(most) {
            let line = format!("  {field}: {a} → {b} ({})", plural(*n_cells, "cell"));
            lines.extend(wrap(&line, 4));
        }
        lines.extend(more(self.settings.len(), most));
        lines
    }

    fn flips(&self, most: usize) -> Vec<String> {
        let n_better = self.flips.iter().filter(|flip| flip.became_right).count();
        let mut lines = vec![
            String::new(),
            format!(
                "{} flipped: {} became right, {} wrong",
                plural(self.flips.len(), "answer"),
                n_better,
                self.flips.len() - n_better
            ),
        ];
        for flip in self.flips.iter().take(most) {
            let Flip { cell, seed, image, gold, answers: [a, b], became_right, .. } = flip;
            let became = if *became_right { "✓" } else { "✗" };
            let line = format!("  {became} {cell}, seed {seed}: {image} ({gold}): {a:?} → {b:?}");
            lines.extend(wrap(&line, 4));
        }
        lines.extend(more(self.flips.len(), most));
        lines
    }
}

fn more(n: usize, most: usize) -> Option<String> {
    (most < n).then(|| format!("  {} more; --all names them", n - most))
}

/// What a run is, in a line.
pub(super) fn describe(side: &Side) -> String {
    let Side { name, suite, protocol, model, device, commit } = side;
    format!("{name}: suite {suite}, protocol {protocol}, model {model}, {device}, commit {commit}")
}

pub(super) fn plural(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// The numbers of a row, as texts: A, B, the change, its interval, images, remarks.
pub(super) fn numbers(measured: &Measured, letters: &str) -> [String; 6] {
    let one = |value: f64| fixed(Some(value), 1).text;
    let star = if measured.is_significant { "*" } else { "" };
    let interval = measured.interval;
    [
        one(measured.accuracy_pct[0]),
        one(measured.accuracy_pct[1]),
        signed(Some(measured.change_points), 1).and(star).text,
        format!("[{}, {}]", one(interval.lower), one(interval.upper)),
        measured.n_images.to_string(),
        letters.to_owned(),
    ]
}

/// A name over two lines gets a line of its own, its numbers below.
fn table(head: &str, rows: &[&Row]) -> Vec<String> {
    let heads = ["A", "B", "change", "interval", "images", ""].map(str::to_owned);
    let cells: Vec<Result<[String; 6], &String>> = rows
        .iter()
        .map(|row| match &row.found {
            Ok(measured) => Ok(numbers(measured, &row.letters())),
            Err(reason) => Err(reason),
        })
        .collect();
    let width = |at: usize| {
        let texts = cells.iter().flatten().map(|texts| texts[at].chars().count());
        texts.chain([heads[at].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let line = |texts: &[String; 6]| {
        let padded = texts.iter().zip(&widths).map(|(text, &width)| {
            format!("{}{text}", " ".repeat(width.saturating_sub(text.chars().count())))
        });
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let n_numbers = widths.iter().sum::<usize>() + 2 * (widths.len() - 1);
    let names = rows.iter().map(|row| row.name.chars().count());
    let widest = names.chain([head.chars().count()]).max().unwrap_or(0);
    let fits = widest + 2 + n_numbers <= WIDTH;
    let beside = |name: &str, rest: String| match fits {
        true => vec![format!("{name}{}  {rest}", " ".repeat(widest - name.chars().count()))],
        false => vec![name.to_owned(), format!("    {rest}")],
    };
    let mut lines = beside(head, line(&heads));
    for (row, cells) in rows.iter().zip(&cells) {
        match cells {
            Ok(texts) => lines.extend(beside(&row.name, line(texts))),
            Err(reason) => lines.extend(wrap(&format!("{}: – ({reason})", row.name), 4)),
        }
    }
    lines
}

/// Breaks a line between words, and within one that is longer than a line; later lines are indented.
fn wrap(text: &str, indent: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let leading = text.len() - text.trim_start().len();
    let mut line = " ".repeat(leading);
    let mut is_empty = true;
    for word in text.split_whitespace() {
        let mut word: Vec<char> = word.chars().collect();
        let between = usize::from(!is_empty);
        if !is_empty && WIDTH < line.chars().count() + between + word.len() {
            lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
            is_empty = true;
        }
        while WIDTH < line.chars().count() + usize::from(!is_empty) + word.len() {
            let room = WIDTH - line.chars().count();
            line.extend(word.drain(..room));
            lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.extend(word);
        is_empty = false;
    }
    lines.push(line);
    lines
}
