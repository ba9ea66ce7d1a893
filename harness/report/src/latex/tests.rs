//! Escaping and layout, and that TeX takes all of it.

use std::{fs, process::Command};

use clsrl_spec::Stream;

use super::*;

/// Texts that try to break out of their table, and ordinary ones, from one seed.
fn hostile_texts() -> Vec<String> {
    const PARTS: [&str; 24] = [
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
    table.push(vec![Cell::plain("a_b"), Cell::plain("64.6"), Cell::plain("−3.1")]);
    table.push(vec![Cell::italic("±"), Cell::italic("13.1"), Cell::italic("")]);
    let best = Cell { text: "71.0".into(), style: Style::Underlined };
    table.push(vec![Cell::plain("c"), best, Cell::plain("+12.5*")]);
    table.notes.push("A note.".into());
    table
}

#[test]
fn numbers_stand_in_columns_of_siunitx_and_marks_hang_over() {
    let expected = r"\begin{table}[htbp]
\centering
\begin{threeparttable}
\caption{Two, 50 \%.}
\label{tab:a-suite:two}
\small\setlength{\tabcolsep}{6pt}
\sisetup{table-number-alignment=right,table-text-alignment=right}
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

/// Compiles a document with its tables; none where there is no TeX with these packages.
pub(crate) fn compile(
    document: &str,
    tables: &[(String, String)],
) -> Option<Result<Vec<u8>, String>> {
    let has = |package: &str| {
        let found = Command::new("kpsewhich").arg(package).output();
        found.is_ok_and(|found| found.status.success())
    };
    let packages = ["siunitx.sty", "booktabs.sty", "threeparttable.sty", "caption.sty"];
    if Command::new("pdflatex").arg("--version").output().is_err() || !packages.into_iter().all(has)
    {
        println!("skipped: no pdflatex with siunitx, booktabs, threeparttable and caption");
        return None;
    }
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("tables")).unwrap();
    fs::write(dir.path().join("tables.tex"), document).unwrap();
    for (path, text) in tables {
        fs::write(dir.path().join(path), text).unwrap();
    }
    let output = Command::new("pdflatex")
        .args(["-interaction=nonstopmode", "-halt-on-error", "tables.tex"])
        .current_dir(dir.path())
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stdout).into_owned();
    match output.status.success() {
        true => Some(Ok(fs::read(dir.path().join("tables.pdf")).unwrap())),
        false => Some(Err(log)),
    }
}

#[test]
fn tex_takes_a_table_of_hostile_texts() {
    let mut table = Table::of_texts("Hostile.".into(), &["Text", "Text"]).named("hostile");
    for pair in hostile_texts().chunks(2).take(40) {
        table.push_plain(pair.iter().cloned());
    }
    let files = [("tables/hostile.tex".to_owned(), written(&table, "<&suite_%>"))];
    let document = document("<&suite_%> \\x", &[&table]);
    if let Some(compiled) = compile(&document, &files) {
        assert!(compiled.unwrap().starts_with(b"%PDF"));
    }
}
