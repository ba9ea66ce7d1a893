//! Escaping and layout, and that TeX takes all of it.

use std::{fs, path::Path, process::Command};

use clsrl_spec::Stream;

use super::{layout::Layout, *};
use crate::{
    ReportFile,
    number::{fixed, signed},
    page::Page,
    table::{Cell, Note, Style},
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
    for symbol in ["{", "}", "&", "#", "%", "_"] {
        rest = rest.replace(&format!("\\{symbol}"), "");
    }
    for sign in
        ["\\mathdollar", "-", "\\pm", "\\rightarrow", "\\cdot", "\\times", "\\div", "^\\circ"]
    {
        rest = rest.replace(&format!("${sign}$"), "");
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
        ("−3.1† → é ×ð", "$-$3.1\\textdagger{} $\\rightarrow$ é $\\times$\\texttt{U+00F0}"),
        ("漢\u{202e}", "\\texttt{U+6F22}\\texttt{U+202E}"),
        ("a--b", "a-{}-b"),
    ] {
        assert_eq!(escape(text), expected);
    }
}

fn table() -> Table {
    let mut table =
        Table::of_numbers("Two, 50 %. And more.".into(), &["Name", "x", "y"]).named("two");
    let number = |value: f64| fixed(Some(value), 1);
    table.push(vec![Cell::plain("a_b"), Cell::plain(number(64.6)), Cell::plain(number(-3.1))]);
    table.push(vec![Cell::italic("±"), Cell::italic("13.1"), Cell::italic("")]);
    let best = Cell::new(number(71.0), Style::Underlined);
    table.push(vec![Cell::plain("c"), best, Cell::plain(signed(Some(12.5), 1).and("*"))]);
    table.notes.push("A note.".into());
    table
}

/// One of a table's files.
fn file(table: &Table, stem: &str) -> String {
    let files = render(table, None, "a_suite");
    files.into_iter().find(|(name, _)| name == stem).unwrap().1
}

#[test]
fn a_float_has_a_short_caption_its_suites_label_and_its_notes_and_marks_hang_behind_numbers() {
    let expected = r"% At most 397.5 pt wide; needs array, booktabs.
\begin{table}
\centering
\caption{Two, 50 \%.}
\label{tab:a-suite:two}
\vspace{4pt}
{\small\setlength{\tabcolsep}{6pt}%
\begin{tabular}{@{}lrr@{}}
\toprule
Name & x & y \\
\midrule
a\_b & 64.6 & $-$3.1\hphantom{*} \\
\hspace*{1em}{\scriptsize $\pm$} & {\scriptsize 13.1} &  \\
\addlinespace[2pt]
c & \underline{71.0} & +12.5* \\
\bottomrule
\end{tabular}}
\par\vspace{3pt}
\begin{minipage}{\linewidth}\scriptsize\raggedright
And more.\par
A note.\par
\end{minipage}
\end{table}
";
    assert_eq!(file(&table(), "two"), expected);
    assert!(file(&table(), "two.wide").contains("\\begin{table*}"));
}

#[test]
fn a_bare_tabular_is_nothing_else() {
    let text = file(&table(), "two.tabular");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[1], "{\\small\\setlength{\\tabcolsep}{6pt}%");
    assert_eq!(lines[lines.len() - 1], "\\end{tabular}}");
    for part in ["{table}", "\\caption", "\\label", "A note."] {
        assert!(!text.contains(part), "{part}");
    }
}

#[test]
fn the_compact_variant_has_no_lines_of_second_rank_and_says_so() {
    let mut table = table();
    table.notes.push(Note { text: "Of the second.".into(), is_of_second: true });
    let text = file(&table, "two.compact");
    assert!(!text.contains("13.1") && !text.contains("Of the second"), "{text}");
    assert!(text.contains("64.6") && text.contains("Lines of intervals and changes are left out."));
    assert!(file(&table, "two").contains("Of the second"));
}

#[test]
fn neighbours_of_one_group_share_a_head() {
    let mut table = table();
    for column in &mut table.columns[1..] {
        column.group = Some("Both & more".into());
    }
    let text = file(&table, "two");
    assert!(
        text.contains("\n & \\multicolumn{2}{c}{Both \\& more} \\\\\n\\cmidrule(lr){2-3}\n"),
        "{text}"
    );
}

#[test]
fn a_table_longer_than_a_page_goes_on_in_floats_that_refer_to_the_first_and_splits_no_row() {
    let mut table = Table::of_numbers("Long.".into(), &["Name", "x"]).named("long");
    for row in 0..60 {
        table.push_plain([format!("[{row}").into(), fixed(Some(1.5), 1)]);
        table.push(vec![Cell::italic("±"), Cell::italic("0.2")]);
    }
    let text = file(&table, "long");
    assert_eq!(text.matches("\\begin{table}").count(), 4, "{text}");
    assert_eq!(text.matches("\\caption").count(), 1);
    assert_eq!(text.matches("Table~\\ref{tab:a-suite:long}, continued.").count(), 3);
    for tabular in text.split("\\midrule\n").skip(1) {
        assert!(tabular.starts_with("{}["), "{tabular}");
    }
    assert_eq!(text.matches("\n{}[").count(), 60);
}

#[test]
fn long_texts_are_broken_and_wide_tables_are_small_or_stand_in_panels() {
    let letters = |table: &Table, variant| {
        let layout = Layout::new(table, variant);
        (layout.letters.size.command, layout.panels.len())
    };
    let of = |texts: [String; 3]| {
        let mut table = Table::of_texts(String::new(), &["a", "b", "c"]);
        table.push_plain(texts);
        table
    };
    let short = of(["x".repeat(10), "y".repeat(20), "z".repeat(30)]);
    assert_eq!(letters(&short, Variant::Text), ("\\small", 1));
    let long = Layout::new(&of(["x".repeat(8), "y".repeat(400), "y".repeat(400)]), Variant::Text);
    let lines: Vec<bool> = long.panels[0].iter().map(|place| place.lines.is_some()).collect();
    assert_eq!(lines, [false, true, true]);
    assert!(20 < long.lines(&of(["x".into(), "y".repeat(2000), "z".into()]).rows[0]));
    let mut wide = Table::of_numbers(String::new(), &["Name"; 13]);
    wide.push((0..13).map(|_| Cell::bold(fixed(Some(62.5), 1))).collect());
    assert_eq!(letters(&wide, Variant::Wide), ("\\small", 1));
    assert_eq!(letters(&wide, Variant::Compact).1, 2);
}

/// Whether TeX and the readers of its PDF are here; where they are not it is said in one line.
pub(crate) fn has_tex() -> bool {
    let is_there = |program: &str, argument: &str| {
        Command::new(program).arg(argument).output().is_ok_and(|ran| ran.status.success())
    };
    for (program, argument, package) in [
        ("pdflatex", "--version", "texlive-latex-base"),
        ("kpsewhich", "booktabs.sty", "texlive-latex-recommended"),
        ("pdftohtml", "-v", "poppler-utils"),
    ] {
        if !is_there(program, argument) {
            eprintln!("skipped: there is no LaTeX or no reader of its PDF; package {package}");
            return false;
        }
    }
    true
}

/// The widest that a line may stick out, in points: what a person does not see.
const OVERFULL: f64 = 0.5;

/// Compiles a document that reads all whole tables, and finds nothing that sticks out of the page.
pub(crate) fn check_compiles(name: &str, main: &str, files: &[ReportFile]) {
    if !has_tex() {
        return;
    }
    let document = &files.iter().find(|file| file.path == main).unwrap().text;
    for file in files.iter().filter(|file| !file.path.contains(".wide") && file.path != main) {
        let is_part = file.path.ends_with(".compact.tex") || file.path.ends_with(".tabular.tex");
        let is_read = document.contains(&format!("\\input{{{}}}", file.path));
        assert_eq!(is_read, !is_part, "{}", file.path);
    }
    let files: Vec<(String, Vec<u8>)> =
        files.iter().map(|file| (file.path.clone(), file.text.clone().into_bytes())).collect();
    compile(name, main, &files).check();
}

/// What TeX made and said.
pub(crate) struct Compiled {
    name: String,
    log: String,
    dir: tempfile::TempDir,
    main: String,
}

/// Compiles one of some files, as often as its references need. `KEEP_PDF=DIR` keeps the document there under a name,
/// for a person to look at.
pub(crate) fn compile(name: &str, main: &str, files: &[(String, Vec<u8>)]) -> Compiled {
    let dir = tempfile::tempdir().unwrap();
    for (path, bytes) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    let run = || {
        let output = Command::new("pdflatex")
            .args(["-interaction=nonstopmode", "-halt-on-error", main])
            .env("max_print_line", "1000")
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
    Compiled { name: name.to_owned(), log, dir, main: main.to_owned() }
}

impl Compiled {
    /// Nothing sticks out, everything that is referred to is there once, nothing is too small, and all letters are
    /// outlines.
    pub(crate) fn check(&self) {
        let Compiled { name, log, .. } = self;
        let points = |line: &str| -> Option<f64> {
            let rest =
                line.strip_prefix("Overfull \\hbox (").or(line.strip_prefix("Overfull \\vbox ("))?;
            rest.split_once("pt too")?.0.parse().ok()
        };
        let is_bad = |line: &str| {
            points(line).is_some_and(|points| OVERFULL < points)
                || line.contains("undefined")
                || line.contains("multiply defined")
                || line.contains("Float too large")
        };
        // TeX names a file as it opens it.
        let lines: Vec<&str> =
            log.lines().filter(|line| line.contains("(./") || is_bad(line)).collect();
        assert!(!lines.iter().any(|line| is_bad(line)), "{name}: {lines:#?}");
        assert!(!self.read("pdffonts", &[]).contains("Type 3"), "{name} has letters of pixels");
        let least = self.smallest();
        assert!(5.0 <= least + 0.05, "{name} has letters of {least} points");
    }

    /// The smallest letters, in points of 72 to the inch.
    pub(crate) fn smallest(&self) -> f64 {
        // The most that the reader takes; it rounds.
        const ZOOM: f64 = 3.0;
        let xml = self.read("pdftohtml", &["-xml", "-i", "-stdout", "-zoom", "3"]);
        let sizes = xml.split("<fontspec ").skip(1).map(|font| -> f64 {
            let size = font.split_once("size=\"").unwrap().1;
            size.split_once('"').unwrap().0.parse().unwrap()
        });
        sizes.fold(f64::INFINITY, f64::min) / ZOOM
    }

    fn read(&self, program: &str, arguments: &[&str]) -> String {
        let pdf = Path::new(&self.main).with_extension("pdf");
        let output =
            Command::new(program).args(arguments).arg(pdf).current_dir(self.dir.path()).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{program}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

#[test]
fn tex_takes_tables_of_hostile_texts_in_every_variant() {
    let hostile = hostile_texts();
    let mut short = Table::of_texts("Hostile.".into(), &["Text", "Text"]).named("short");
    short.notes = hostile[..40].iter().map(Note::from).collect();
    let mut long = Table::of_texts(hostile[..40].concat(), &["", ""]).named("long");
    long.notes.push("A note.".into());
    for pair in hostile.chunks(2).take(40) {
        short.push_plain(pair.iter().cloned());
    }
    for pair in hostile.chunks(2) {
        long.push_plain(pair.iter().map(|text| text.repeat(6)));
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
    if !has_tex() {
        return;
    }
    let hostile_suite = "<&suite_%>";
    let mut all: Vec<(String, Vec<u8>)> = files(&page, hostile_suite)
        .into_iter()
        .map(|(name, text)| (format!("t/{name}.tex"), text.into_bytes()))
        .collect();
    all.push(("all.tex".into(), document(&page, "t").into_bytes()));
    for (name, columns) in [("one", ""), ("two", "twocolumn")] {
        all.push((
            format!("{name}.tex"),
            of_variants(hostile_suite, columns, &["short", "long"], &[]).into_bytes(),
        ));
    }
    compile("hostile", "all.tex", &all);
    compile("hostile-one", "one.tex", &all).check();
    compile("hostile-two", "two.tex", &all).check();
}

/// A paper that reads tables, refers to them, and shows figures: in one column the whole ones, in two the others.
pub(crate) fn of_variants(suite: &str, columns: &str, tables: &[&str], figures: &[&str]) -> String {
    let (geometry, variants): (&str, &[&str]) = match columns {
        "" => ("textwidth=5.5in,textheight=9in", &["", ".tabular"]),
        _ => (
            "textwidth=6.875in,textheight=8.875in,columnsep=0.375in",
            &[".compact.tabular", ".wide"],
        ),
    };
    let mut body = String::new();
    for variant in variants {
        for table in tables {
            let input = format!("\\input{{t/{table}{variant}.tex}}");
            body.push_str(&match variant.ends_with("tabular") {
                true => format!("\\noindent {input}\\par\\medskip\n"),
                false => format!("{input}\nTable~\\ref{{{}}}.\\clearpage\n", label(suite, table)),
            });
        }
    }
    for figure in figures {
        body.push_str(&format!("\\noindent\\includegraphics{{{figure}}}\\par\\medskip\n"));
    }
    format!(
        "\\documentclass[10pt,{columns}]{{article}}\n\\usepackage[{geometry}]{{geometry}}\n\
         \\usepackage{{array,booktabs,graphicx}}\n\\usepackage[table]{{xcolor}}\n\
         \\begin{{document}}\n{body}\\end{{document}}\n"
    )
}
