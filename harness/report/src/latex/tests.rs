//! Escaping and layout, and that TeX takes all of it.

use std::{fs, path::Path, process::Command};

use clsrl_spec::Stream;

use super::*;
use crate::{
    ReportFile,
    number::{fixed, signed},
    page::Page,
};

/// Texts that try to break out of their table, and ordinary ones, from one seed.
fn hostile_texts() -> Vec<String> {
    const PARTS: [&str; 26] = [
        "\\",
        "|",
        "_",
        "&",
        "%",
        "#",
        "$",
        "{",
        "}",
        "~",
        "^",
        "<script>",
        "\\end{table}",
        "\n",
        "\t",
        "\u{0}",
        "\u{202e}",
        "\u{1f600}",
        "é",
        "漢字",
        "--",
        ",,",
        "``",
        "[",
        "*",
        "rose",
    ];
    let mut stream = Stream::new(1, &["hostile-texts"]);
    let mut text = || (0..stream.below(8)).map(|_| PARTS[stream.below(PARTS.len())]).collect();
    (0..400).map(|_| text()).collect()
}

/// What is left of an escaped text once every command that `escape` may write is taken away.
fn without_commands(escaped: &str) -> String {
    let mut rest = escaped.to_owned();
    for symbol in ["{", "}", "$", "&", "#", "%", "_"] {
        rest = rest.replace(&format!("\\{symbol}"), "");
    }
    while let Some(start) = rest.find("\\text").or_else(|| rest.find("\\nobreakspace")) {
        let end = start + rest[start..].find('}').expect("a command ends with braces") + 1;
        rest.replace_range(start..end, "");
    }
    rest.replace("-{}", "-").replace(",{}", ",")
}

#[test]
fn no_text_keeps_a_character_that_means_something_to_tex() {
    for text in hostile_texts() {
        let rest = without_commands(&escape(&text));
        let is_plain =
            |c: char| matches!(c, ' '..='~' | 'À'..='ÿ') && !"\\{}$&#%_~^<>|\"`'".contains(c);
        assert!(rest.chars().all(is_plain), "{text:?}: {rest:?}");
    }
}

#[test]
fn what_stands_for_itself_is_known() {
    for (text, expected) in [
        ("50 % & more_", "50 \\% \\& more\\_"),
        ("a\\b{c}", "a\\textbackslash{}b\\{c\\}"),
        ("−3.1† → é", "\\textminus{}3.1\\textdagger{} \\textrightarrow{} é"),
        ("漢\u{202e}", "\\texttt{U+6F22}\\texttt{U+202E}"),
        ("a--b", "a-{}-b"),
    ] {
        assert_eq!(escape(text), expected);
    }
}

fn table() -> Table {
    let mut table = Table::of_numbers("Two, 50 %.".into(), &["Name", "x", "y"]).named("two");
    let number = |value: f64| fixed(Some(value), 1);
    table.push(vec![Cell::plain("a_b"), Cell::plain(number(64.6)), Cell::plain(number(-3.1))]);
    table.push(vec![Cell::italic("±"), Cell::italic("13.1"), Cell::italic("")]);
    let best = Cell::new(number(71.0), Style::Underlined);
    table.push(vec![Cell::plain("c"), best, Cell::plain(signed(Some(12.5), 1).and("*"))]);
    table.notes.push("A note.".into());
    table
}

#[test]
fn numbers_stand_in_columns_of_siunitx_and_marks_hang_over() {
    let expected = r"\begin{table}
\centering
\begin{threeparttable}
\caption{Two, 50 \%.}
\label{tab:a-suite:two}
\small\setlength{\tabcolsep}{6pt}
\sisetup{table-number-alignment=right,table-text-alignment=right,retain-explicit-plus}
\begin{tabular}{@{}lS[table-format=2.1]S[table-format=+1.1]@{}}
\toprule
{Name} & {x} & {y} \\
\midrule
a\_b & 64.6 & -3.1 \\
\quad{\scriptsize \textpm{}} & {\scriptsize 13.1} &  \\
\addlinespace[2pt]
c & {\underline{71.0}} & {+12.5\rlap{*}} \\
\bottomrule
\end{tabular}
\begin{tablenotes}[flushleft]\scriptsize
\item A note.
\end{tablenotes}
\end{threeparttable}
\end{table}
";
    assert_eq!(written(&table(), "a_suite"), expected);
}

#[test]
fn neighbours_of_one_group_share_a_head() {
    let mut table = table();
    for column in &mut table.columns[1..] {
        column.group = Some("Both & more".into());
    }
    let text = written(&table, "s");
    assert!(
        text.contains("\n & \\multicolumn{2}{c}{Both \\& more} \\\\\n\\cmidrule(lr){2-3}\n"),
        "{text}"
    );
}

/// The widest that a line may stick out, in points: what a person does not see.
const OVERFULL: f64 = 2.0;

/// Compiles a document that reads all other files, and finds nothing that sticks out of the page.
pub(crate) fn check_compiles(name: &str, main: &str, files: &[ReportFile]) {
    let Some(log) = compiled(name, main, files) else { return };
    let points = |line: &str| -> Option<f64> {
        line.strip_prefix("Overfull \\hbox (")?.split_once("pt too wide")?.0.parse().ok()
    };
    let is_overfull = |line: &str| points(line).is_some_and(|points| OVERFULL < points);
    // TeX names a file as it opens it.
    let lines: Vec<&str> =
        log.lines().filter(|line| line.contains("(./") || is_overfull(line)).collect();
    assert!(!lines.iter().any(|line| is_overfull(line)), "{name} sticks out: {lines:#?}");
}

/// Compiles a document that reads all other files, and returns what TeX tells; nothing where there is no TeX with its
/// packages. `KEEP_PDF=DIR` keeps the document there under a name, for a person to look at.
fn compiled(name: &str, main: &str, files: &[ReportFile]) -> Option<String> {
    let is_main = |file: &&ReportFile| file.path == main;
    let document = &files.iter().find(is_main).unwrap().text;
    for file in files.iter().filter(|file| !is_main(file)) {
        assert!(
            document.contains(&format!("\\input{{{}}}", file.path)),
            "{} is not read",
            file.path
        );
    }
    let Some(missing) = what_is_missing(document) else {
        println!("skipped: there is no pdflatex");
        return None;
    };
    if !missing.is_empty() {
        println!("skipped: TeX has no {}", missing.join(", "));
        return None;
    }
    let dir = tempfile::tempdir().unwrap();
    for file in files {
        let path = dir.path().join(&file.path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, &file.text).unwrap();
    }
    // Twice, since a long table's columns are as wide as the run before found them.
    let run = || {
        let output = Command::new("pdflatex")
            .args(["-interaction=nonstopmode", "-halt-on-error", main])
            .current_dir(dir.path())
            .output()
            .unwrap();
        let log = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{name}: {log}");
        log
    };
    run();
    let log = run();
    let pdf = fs::read(dir.path().join(main).with_extension("pdf")).unwrap();
    assert!(pdf.starts_with(b"%PDF"));
    if let Some(dir) = std::env::var_os("KEEP_PDF") {
        fs::write(Path::new(&dir).join(format!("{name}.pdf")), pdf).unwrap();
    }
    Some(log)
}

/// The packages of a document that TeX does not have; none where there is no TeX.
fn what_is_missing(document: &str) -> Option<Vec<String>> {
    Command::new("pdflatex").arg("--version").output().ok()?;
    let is_there = |package: &&str| {
        let found = Command::new("kpsewhich").arg(format!("{package}.sty")).output();
        found.is_ok_and(|found| found.status.success())
    };
    let used = document.lines().filter(|line| line.starts_with("\\usepackage"));
    let names = used.filter_map(|line| Some(line.split_once('{')?.1.trim_end_matches('}')));
    Some(names.filter(|name| !is_there(name)).map(str::to_owned).collect())
}

#[test]
fn tex_takes_tables_of_hostile_texts() {
    let hostile = hostile_texts();
    let mut short = Table::of_texts("Hostile.".into(), &["Text", "Text"]).named("short");
    short.notes = hostile[..40].to_vec();
    let mut long = Table::of_texts(hostile[..40].concat(), &["", ""]).named("long");
    long.notes.push("A note.".into());
    for pair in hostile.chunks(2).take(40) {
        short.push_plain(pair.iter().cloned());
    }
    for pair in hostile.chunks(2) {
        long.push_plain(pair.iter().cloned());
    }
    let mut page = Page::new("");
    page.heading(1, "<&suite_%> \\x");
    for (level, text) in hostile[..5].iter().enumerate() {
        page.heading(level + 1, text);
        page.paragraph(text);
        page.warning(text);
        page.verbatim(text);
    }
    for table in [&short, &long] {
        page.table(table);
    }
    let file = |path: &str, text| ReportFile { path: path.to_owned(), text };
    let files = [
        file("t/short.tex", written(&short, "<&suite_%>")),
        file("t/long.tex", written(&long, "<&suite_%>")),
        file("all.tex", document(&page, "t")),
    ];
    // Such texts have no blanks to break them at, and stick out.
    compiled("hostile", "all.tex", &files);
}

#[test]
fn a_table_longer_than_a_page_goes_on_over_pages_and_splits_no_row() {
    let mut table = Table::of_numbers("Long.".into(), &["Name", "x"]).named("long");
    for row in 0..LONG / 2 {
        table.push_plain([format!("[{row}").into(), fixed(Some(1.5), 1)]);
        table.push(vec![Cell::italic("±"), Cell::italic("0.2")]);
    }
    table.notes.push("[A note.".into());
    let text = written(&table, "s");
    assert!(text.contains("\\begin{longtable}{@{}lS[table-format=1.1]@{}}"), "{text}");
    assert!(text.contains("\n{}[0 & 1.5 \\\\*\n\\quad{\\scriptsize "), "{text}");
    assert!(text.contains("\n\\item {}[A note.\n\\end{list}\n"), "{text}");
    assert!(!text.contains("{table}") && !text.contains("tablenotes"), "{text}");
    table.rows.truncate(LONG - 1);
    assert!(written(&table, "s").contains("\\begin{table}"));
}

#[test]
fn long_texts_are_broken_and_wide_tables_are_small() {
    let of = |texts: [String; 3]| {
        let mut table = Table::of_texts(String::new(), &["a", "b", "c"]);
        table.push_plain(texts);
        let (letters, columns) = fitted(&table);
        (letters.size, columns)
    };
    let broken = |share: &str| format!(">{{\\raggedright\\arraybackslash}}p{{{share}\\linewidth}}");
    assert_eq!(of(["x".repeat(10), "y".repeat(20), "z".repeat(30)]), ("\\small", "lll".into()));
    let (short, long) = ("x".repeat(8), "y".repeat(400));
    let expected = format!("l{}{}", broken("0.44"), broken("0.44"));
    assert_eq!(of([short.clone(), long.clone(), long]), ("\\small", expected));
    let wide = ["x".repeat(40), "y".repeat(40), "z".repeat(40)];
    assert_eq!(of(wide), ("\\footnotesize", "lll".into()));
    assert_eq!(of([short.clone(), short, "y".repeat(41)]).1, format!("ll{}", broken("0.36")));
}
