//! The documents of a report: which there are, and where they go.

use std::{
    path::{Path, PathBuf},
    str::FromStr,
};

use clsrl_report::{Beside, Figure, Report, ReportFile};

use crate::output_files::{create_dir, has_file, remove_others, write_file};

/// A format of documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DocumentFormat {
    /// The whole report in Markdown: `SUITE.md`.
    Markdown,
    /// The same for a browser, as one file with the samples: `SUITE.html`.
    Html,
    /// The tables in LaTeX: `SUITE/tables/*.tex`, and `SUITE/tables.tex`, a document that reads them.
    Latex,
    /// Their numbers: `SUITE/tables/*.csv`.
    Csv,
    /// The figures as SVG, PNG and PDF: `SUITE/figures/*`.
    Figures,
}

impl DocumentFormat {
    const ALL: [DocumentFormat; 5] = [
        DocumentFormat::Markdown,
        DocumentFormat::Html,
        DocumentFormat::Latex,
        DocumentFormat::Csv,
        DocumentFormat::Figures,
    ];

    fn as_str(self) -> &'static str {
        match self {
            DocumentFormat::Markdown => "md",
            DocumentFormat::Html => "html",
            DocumentFormat::Latex => "tex",
            DocumentFormat::Csv => "csv",
            DocumentFormat::Figures => "figures",
        }
    }
}

impl FromStr for DocumentFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = DocumentFormat::ALL.into_iter().find(|format| format.as_str() == text);
        found.ok_or_else(|| "expected md, html, tex, csv or figures".to_owned())
    }
}

/// Writes a report in the formats that are wanted, all if none is named, and in those that are there
/// already: no file may tell of other results. `html` makes the one with samples. Returns the documents that were
/// written, Markdown last, or the first file of other formats.
pub fn write(
    (report, html): (&Report, &dyn Fn() -> String),
    reports: &Path,
    name: &str,
    wanted: &[DocumentFormat],
) -> anyhow::Result<Vec<PathBuf>> {
    let [page, browsed] =
        ["md", "html"].map(|extension| reports.join(format!("{name}.{extension}")));
    let dir = reports.join(name);
    let [tables, figures] = ["tables", "figures"].map(|folder| dir.join(folder));
    let is_written = |format: DocumentFormat| {
        wanted.is_empty()
            || wanted.contains(&format)
            || match format {
                DocumentFormat::Markdown => page.exists(),
                DocumentFormat::Html => browsed.exists(),
                DocumentFormat::Latex | DocumentFormat::Csv => has_file(&tables, format.as_str()),
                DocumentFormat::Figures => has_file(&figures, "svg"),
            }
    };
    create_dir(reports)?;
    let mut written = Vec::new();
    if is_written(DocumentFormat::Markdown) {
        let any_table = is_written(DocumentFormat::Latex) || is_written(DocumentFormat::Csv);
        let beside = Beside {
            figures: is_written(DocumentFormat::Figures).then(|| format!("{name}/figures")),
            html: is_written(DocumentFormat::Html).then(|| format!("{name}.html")),
            tables: any_table.then(|| format!("{name}/tables")),
        };
        write_file(&page, report.markdown(&beside))?;
        written.push(page.clone());
    }
    if is_written(DocumentFormat::Html) {
        write_file(&browsed, html())?;
        written.push(browsed.clone());
    }
    let mut files: Vec<ReportFile> = Vec::new();
    if is_written(DocumentFormat::Latex) {
        files.extend(report.latex());
    }
    if is_written(DocumentFormat::Csv) {
        files.extend(report.csv());
    }
    if !files.is_empty() {
        create_dir(&tables)?;
    }
    for ReportFile { path, text } in &files {
        write_file(&dir.join(path), text)?;
        written.push(dir.join(path));
    }
    if is_written(DocumentFormat::Figures) {
        create_dir(&figures)?;
        for Figure { name, svg, png, pdf, column_pdf } in report.figures()? {
            let images: [(&str, &[u8]); 4] = [
                ("svg", svg.as_bytes()),
                ("png", &png),
                ("pdf", &pdf),
                ("column.pdf", &column_pdf),
            ];
            for (extension, bytes) in images {
                let path = figures.join(format!("{name}.{extension}"));
                write_file(&path, bytes)?;
                written.push(path);
            }
        }
    }
    let kept = written.iter().map(PathBuf::as_path).collect();
    remove_others(&figures, &["svg", "png", "pdf"], &kept)?;
    remove_others(&tables, &["tex", "csv"], &kept)?;
    let documents: Vec<PathBuf> =
        [&browsed, &page].into_iter().filter(|path| written.contains(path)).cloned().collect();
    match documents.is_empty() {
        true => Ok(written.into_iter().take(1).collect()),
        false => Ok(documents),
    }
}
