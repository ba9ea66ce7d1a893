//! A whole document, its tables read from files of their own.

use super::escape;
use crate::{
    page::{Block, Matrix, Page},
    table::Table,
};

/// What a document that reads a table's file loads.
const PACKAGES: &str = "\\usepackage{array}
\\usepackage{booktabs}
";

/// What it loads as well if it reads a matrix.
const PACKAGES_OF_MATRICES: &str = "\\usepackage{graphicx}
\\usepackage[table]{xcolor}
";

/// How the document itself looks: tables are placed where they are mentioned, not floated.
const LAYOUT: &str = "\\usepackage[textwidth=5.5in,vmargin=20mm]{geometry}
\\usepackage[skip=4pt,font=small,labelfont=bf]{caption}
\\usepackage{float}
\\floatplacement{table}{H}
\\setlength{\\parindent}{0pt}
\\setlength{\\parskip}{6pt}
\\sloppy
";

/// Writes a document. Tables and matrices are read from `folder`, by their names; what has none is left
/// out, and so are figures, which stand beside it.
pub(crate) fn document(page: &Page, folder: &str) -> String {
    let parts = parts(page, folder);
    let has_matrices = page.blocks().iter().any(|block| matches!(block, Block::Matrix(_)));
    let packages = if has_matrices { PACKAGES_OF_MATRICES } else { "" };
    format!(
        "\\documentclass[a4paper,10pt]{{article}}\n{PACKAGES}{packages}{LAYOUT}\
         \\begin{{document}}\n{}\n\\end{{document}}\n",
        parts.join("\n")
    )
}

/// The parts in order, without headings that have nothing below them: what is folded or drawn elsewhere leaves some.
fn parts(page: &Page, folder: &str) -> Vec<String> {
    let mut parts: Vec<(Option<usize>, String)> = Vec::new();
    let level_of = |block: &Block| match block {
        Block::Heading(level, _) => Some(*level),
        _ => None,
    };
    for block in page.blocks() {
        let Some(text) = part(block, folder) else { continue };
        let level = level_of(block);
        let is_empty = |last: usize| level.is_some_and(|level| level <= last);
        while parts.last().is_some_and(|(last, _)| last.is_some_and(is_empty)) {
            parts.pop();
        }
        parts.push((level, text));
    }
    while parts.last().is_some_and(|(last, _)| last.is_some()) {
        parts.pop();
    }
    parts.into_iter().map(|(_, text)| text).collect()
}

fn part(block: &Block, folder: &str) -> Option<String> {
    match block {
        Block::Heading(level, text) => {
            let sub = "sub".repeat(level.saturating_sub(1).min(2));
            Some(format!("\\{sub}section*{{{}}}", escape(text)))
        }
        Block::Paragraph(text) => Some(format!("{}\n", escape(text))),
        Block::Warning(text) => {
            Some(format!("\\begin{{quote}}\\textbf{{{}}}\\end{{quote}}", escape(text)))
        }
        Block::Verbatim(text) => {
            let lines: Vec<String> =
                text.lines().map(|line| format!("\\texttt{{{}}}\n", escape(line))).collect();
            Some(lines.join("\n"))
        }
        Block::Table(table) | Block::Matrix(Matrix { table, .. }) => input(table, folder),
        Block::Figure(_)
        | Block::Brief(_)
        | Block::Long(_)
        | Block::Fold(_)
        | Block::EndFold(_)
        | Block::Files => None,
    }
}

fn input(table: &Table, folder: &str) -> Option<String> {
    Some(format!("\\input{{{folder}/{}.tex}}", table.name.as_deref()?))
}
