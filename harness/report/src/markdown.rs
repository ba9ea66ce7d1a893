//! The Markdown writer. The one place that escapes for Markdown.

use crate::{
    page::{Block, Fold, Matrix, Page},
    table::{Align, Cell, Column, Style, Table},
};

/// Where the files are that a document can show or link to, as paths from its own folder; none where a file is not
/// written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Beside {
    /// The folder of figures.
    pub figures: Option<String>,
    /// The report for a browser.
    pub html: Option<String>,
    /// The folder of tables as LaTeX and CSV.
    pub tables: Option<String>,
}

/// Writes a document; its parts are set apart by blank lines. A matrix that has a figure is shown by it, its
/// numbers folded away: eleven datasets side by side are wider than the page.
pub(crate) fn render(page: &Page, beside: &Beside) -> String {
    let mut n_tables = 0;
    let mut numbered = |table: &Table| {
        n_tables += 1;
        let notes =
            table.notes.iter().map(|note| format!("\n{}\n", without_marks(&escape(&note.text))));
        let (caption, notes) = (escape(&table.caption), notes.collect::<String>());
        format!("**Table {n_tables}.** {caption}\n\n{}\n{notes}", lines(table))
    };
    let mut blocks = Vec::new();
    for block in page.blocks() {
        blocks.push(match block {
            Block::Heading(level, text) => format!("{} {}\n", "#".repeat(*level), escape(text)),
            Block::Paragraph(text) => format!("{}\n", without_marks(&escape(text))),
            Block::Warning(text) => format!("> **{}**\n", escape(text)),
            Block::Verbatim(text) => fence(text),
            Block::Table(table) | Block::Brief(table) => numbered(table),
            Block::Matrix(Matrix { table, .. }) => match shown(table, beside) {
                Some(image) => format!("{image}\n{}", fold("In numbers", &numbered(table))),
                None => numbered(table),
            },
            Block::Figure(figure) => match image(&figure.name, &figure.name, beside) {
                Some(image) => image,
                None => continue,
            },
            Block::Long(_) | Block::Fold(Fold { is_long: true, .. }) => continue,
            Block::EndFold(Fold { is_long: true, .. }) => continue,
            Block::Fold(Fold { text, .. }) => open_fold(text),
            Block::EndFold(_) => "</details>\n".to_owned(),
            Block::Files => match links(beside) {
                Some(links) => links,
                None => continue,
            },
        });
    }
    blocks.join("\n")
}

fn open_fold(text: &str) -> String {
    format!("<details>\n<summary>{}</summary>\n", escape(text))
}

fn fold(text: &str, parts: &str) -> String {
    format!("{}\n{parts}\n</details>\n", open_fold(text))
}

/// The figure of a matrix, which has the name of its table.
fn shown(table: &Table, beside: &Beside) -> Option<String> {
    let title = table.caption.split(':').next().unwrap_or_default();
    image(table.name.as_deref()?, title, beside)
}

fn image(name: &str, title: &str, beside: &Beside) -> Option<String> {
    let folder = beside.figures.as_ref()?;
    Some(format!("![{}]({})\n", escape(title), address(&format!("{folder}/{name}.svg"))))
}

/// One line of what else there is.
fn links(beside: &Beside) -> Option<String> {
    let link = |text: &str, path: &Option<String>| {
        let path = path.as_ref()?;
        Some(format!("{text}: [{}]({})", escape(path), address(path)))
    };
    let links = [
        link("In a browser, with samples", &beside.html),
        link("tables as LaTeX and CSV", &beside.tables),
        link("figures as SVG, PDF and PNG", &beside.figures),
    ];
    let links: Vec<String> = links.into_iter().flatten().collect();
    (!links.is_empty()).then(|| format!("{}.\n", links.join("; ")))
}

/// A relative path as a link has it.
fn address(path: &str) -> String {
    let byte = |&byte: &u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'/' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    };
    path.as_bytes().iter().map(byte).collect()
}

fn fence(text: &str) -> String {
    let longest = text.split(|character| character != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}text\n{text}\n{fence}\n")
}

/// Escapes plain text so that Markdown shows it as it is, on one line.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | '|' | '*' | '_' | '<' | '>' | '`' | '[' | ']' | '&' | '~' | '#' | '$' => {
                escaped.push('\\');
                escaped.push(character);
            }
            control if control.is_control() => escaped.push(' '),
            hidden if is_hidden(hidden) => escaped.push_str(&format!("U+{:04X}", hidden as u32)),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// Whether a character shows nothing but turns the direction of others, joins them or ends a line.
fn is_hidden(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Keeps a paragraph from starting as a list or an underline would.
fn without_marks(paragraph: &str) -> String {
    let rest = paragraph.trim_start_matches(|character: char| character.is_ascii_digit());
    let starts_a_list = match paragraph.len() - rest.len() {
        0 => rest.starts_with(['-', '+', '=']),
        _ => rest.starts_with(['.', ')']),
    };
    let marker = paragraph.len() - rest.len();
    match starts_a_list {
        true => format!("{}\\{}", &paragraph[..marker], &paragraph[marker..]),
        false => paragraph.to_owned(),
    }
}

fn lines(table: &Table) -> String {
    let heads: Vec<String> =
        table.columns.iter().map(|column| escape(&column.full_head())).collect();
    let rows: Vec<Vec<String>> =
        table.rows.iter().map(|row| row.iter().map(styled).collect()).collect();
    let width = |position: usize| {
        let cells = rows.iter().map(|row| row[position].chars().count());
        cells.chain([heads[position].chars().count(), 3]).max().unwrap_or(3)
    };
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let mut lines = vec![line(&heads, &widths, &table.columns), rule(&widths, &table.columns)];
    lines.extend(rows.iter().map(|row| line(row, &widths, &table.columns)));
    lines.join("\n")
}

fn styled(cell: &Cell) -> String {
    let text = escape(&cell.text);
    match cell.style {
        _ if text.trim().is_empty() => text,
        Style::Plain => text,
        Style::Bold => format!("**{text}**"),
        Style::Underlined => format!("<ins>{text}</ins>"),
        Style::Italic => format!("*{text}*"),
    }
}

fn line(cells: &[String], widths: &[usize], columns: &[Column]) -> String {
    let padded = cells.iter().zip(widths).zip(columns).map(|((cell, &width), column)| {
        // A format's own width ends at 65,535, and panics beyond.
        let blanks = " ".repeat(width.saturating_sub(cell.chars().count()));
        match column.align {
            Align::Left => format!("{cell}{blanks}"),
            Align::Right => format!("{blanks}{cell}"),
        }
    });
    format!("| {} |", padded.collect::<Vec<_>>().join(" | "))
}

fn rule(widths: &[usize], columns: &[Column]) -> String {
    let dashes = widths.iter().zip(columns).map(|(&width, column)| match column.align {
        Align::Left => format!(":{}", "-".repeat(width - 1)),
        Align::Right => format!("{}:", "-".repeat(width - 1)),
    });
    format!("| {} |", dashes.collect::<Vec<_>>().join(" | "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn untrusted_text_stays_text() {
        assert_eq!(escape("a|b *c* _d_ <e> `f`\n# g"), r"a\|b \*c\* \_d\_ \<e\> \`f\` \# g");
        assert_eq!(escape(r"\| [x](y) &lt;"), r"\\\| \[x\](y) \&lt;");
    }

    #[test]
    fn a_paragraph_is_no_list_and_an_empty_one_is_none() {
        for (text, expected) in [
            ("- a", "\\- a\n"),
            ("12. a", "12\\. a\n"),
            ("12 a", "12 a\n"),
            ("# a", "\\# a\n"),
            (" \n", ""),
        ] {
            let mut page = Page::new("");
            page.paragraph(text);
            assert_eq!(render(&page, &Beside::default()), expected);
        }
    }

    #[test]
    fn columns_line_up_in_the_source() {
        let mut table = Table::of_numbers("Two | columns.".into(), &["Name", "x"]);
        table.push(vec![Cell::plain("a|b"), Cell::bold("1.0")]);
        table.push(vec![Cell::italic("longer name"), Cell::plain("–")]);
        let mut page = Page::new(" Made up.");
        page.table(&table);
        let expected = "\
**Table 1.** Two \\| columns. Made up.

| Name          |       x |
| :------------ | ------: |
| a\\|b          | **1.0** |
| *longer name* |       – |
";
        assert_eq!(render(&page, &Beside::default()), expected);
    }

    #[test]
    fn a_fence_is_longer_than_what_it_holds() {
        let mut page = Page::new("");
        page.verbatim("echo ```");
        assert_eq!(render(&page, &Beside::default()), "````text\necho ```\n````\n");
    }

    #[test]
    fn no_text_leaves_its_cell_or_starts_a_line() {
        const PARTS: [&str; 16] = [
            "|", "\\", "\n", "\r", "`", "*", "_", "<script>", "&amp;", "[x](y)", "~~", "#",
            "\u{2028}", "\u{202e}", "é", "rose",
        ];
        let mut stream = clsrl_spec::Stream::new(1, &["markdown-texts"]);
        for _ in 0..2000 {
            let text: String =
                (0..stream.below(8)).map(|_| PARTS[stream.below(PARTS.len())]).collect();
            let mut table = Table::of_texts(text.clone(), &["a", "b"]);
            table.push_plain([text.clone(), text.clone()]);
            let shown = lines(&table);
            let rows: Vec<&str> = shown.lines().collect();
            assert_eq!(rows.len(), 3, "{text:?}");
            assert!(!shown.contains(['\u{2028}', '\u{202e}', '\r']), "{text:?}");
            assert_eq!(unescaped(rows[2], '|'), 3, "{text:?}: {}", rows[2]);
            for special in ['<', '>', '*', '_', '`', '[', '&', '~', '#'] {
                assert_eq!(unescaped(rows[2], special), 0, "{text:?}: {}", rows[2]);
            }
        }
    }

    #[test]
    fn a_text_of_any_length_stands_in_its_cell_and_is_cut_there() {
        let long = "é|".repeat(70_000);
        let mut table = Table::of_texts(long.clone(), &["a", "b"]);
        table.push_plain([long, "short".to_owned()]);
        let shown = lines(&table);
        let rows: Vec<&str> = shown.lines().collect();
        assert_eq!((rows.len(), unescaped(rows[2], '|')), (3, 3));
        assert!(rows[2].contains("… | short"), "{}", &rows[2][rows[2].len() - 40..]);
        assert!(rows[2].chars().count() < 10_000);
    }

    /// How often a character stands without a backslash before it that is not itself escaped.
    fn unescaped(line: &str, wanted: char) -> usize {
        let mut n = 0;
        let mut is_escaped = false;
        for character in line.chars() {
            n += usize::from(character == wanted && !is_escaped);
            is_escaped = character == '\\' && !is_escaped;
        }
        n
    }

    #[test]
    fn notes_stand_below_their_table() {
        let mut table = Table::of_texts("A.".into(), &["a"]);
        table.push_plain(["x".to_owned()]);
        table.notes = vec!["One | two.".into(), "- three".into()];
        let mut page = Page::new("");
        page.table(&table);
        assert!(
            render(&page, &Beside::default()).ends_with("| x   |\n\nOne \\| two.\n\n\\- three\n")
        );
    }
}
