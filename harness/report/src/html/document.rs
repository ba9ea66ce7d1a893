//! The whole file: its head, the list of its sections, the sections, the scripts.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha256};

use super::{
    blocks,
    escape::{escape, json},
    samples,
    tables::{self, Keys},
};
use crate::{
    page::{Block, Page},
    shown::{ShownSamples, Thumbnails},
};

const STYLE: &str = include_str!("page.css");
const SCRIPTS: [&str; 4] = [
    include_str!("theme.js"),
    include_str!("tables.js"),
    include_str!("tips.js"),
    include_str!("samples.js"),
];

/// Writes a document and, if it has any, its samples. The title is plain text.
pub(crate) fn render(
    page: &Page,
    title: &str,
    samples: Option<(&ShownSamples, &Thumbnails)>,
) -> String {
    let sections = sections(page, samples);
    let title = escape(title);
    let contents: Vec<String> = sections
        .iter()
        .filter(|section| !section.heading.is_empty())
        .map(|section| {
            format!("<li><a href=\"#{}\">{}</a></li>", section.id, escape(&section.heading))
        })
        .collect();
    let main: Vec<String> = sections.iter().map(Section::render).collect();
    let script = format!("\nconst KEYS = {};\n{}", json(&keys(page)), SCRIPTS.join("\n"));
    let style = format!("\n{STYLE}{}", tables::colours());
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<title>{title}</title>\n\
         <link rel=\"icon\" href=\"data:,\">\n<style>{style}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#main\">Skip to the results</a>\n\
         <header class=\"bar\"><p>{title}</p><div><label for=\"theme\">Theme</label> \
         <select id=\"theme\"><option value=\"\">as the system</option><option value=\"light\">light\
         </option><option value=\"dark\">dark</option></select></div></header>\n\
         <div class=\"frame\">\n<nav class=\"sections\" aria-label=\"Sections\"><ul>\n{contents}\n\
         </ul></nav>\n<main id=\"main\" tabindex=\"-1\">\n{main}</main>\n</div>\n\
         <p id=\"announced\" class=\"unseen\" role=\"status\"></p>\n\
         <div id=\"tip\" role=\"tooltip\" hidden></div>\n<script>{script}</script>\n</body>\n</html>\n",
        policy = policy(&script, &style),
        contents = contents.join("\n"),
        main = main.concat(),
    )
}

/// What the script sorts tables by, by their ids: numbers alone, so that no text gets into the script.
fn keys(page: &Page) -> BTreeMap<String, Keys> {
    let tables = page.blocks().iter().filter_map(|block| match block {
        Block::Table(table) | Block::Long(table) => Some((table, tables::keys(table))),
        Block::Matrix(matrix) => Some((&matrix.table, Keys::new())),
        _ => None,
    });
    let numbered = (1..).zip(tables).filter(|(_, (_, keys))| !keys.is_empty());
    numbered.map(|(number, (table, keys))| (tables::id(table, number), keys)).collect()
}

/// What the browser may load and run: nothing but this style, these scripts and embedded images. So text
/// that got past the escaping would still run nothing.
fn policy(script: &str, style: &str) -> String {
    let digest = |text: &str| BASE64_STANDARD.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; img-src data:; \
         base-uri 'none'; form-action 'none'",
        digest(script),
        digest(style)
    )
}

/// A heading of the second level with all that follows, or what stands before the first.
struct Section {
    id: String,
    heading: String,
    html: String,
}

impl Section {
    fn render(&self) -> String {
        let Section { id, heading, html } = self;
        if heading.is_empty() {
            return html.clone();
        }
        format!(
            "<section aria-labelledby=\"{id}\">\n<h2 id=\"{id}\">{}</h2>\n{html}</section>\n",
            escape(heading)
        )
    }
}

fn sections(page: &Page, samples: Option<(&ShownSamples, &Thumbnails)>) -> Vec<Section> {
    let new = |heading: &str| Section {
        id: slug(heading),
        heading: heading.to_owned(),
        html: String::new(),
    };
    let mut sections = vec![new("")];
    let mut n_tables = 0;
    for block in page.blocks() {
        match block {
            Block::Heading(2, text) => sections.push(new(text)),
            block => {
                let section = sections.last_mut().expect("the first is there from the start");
                section.html.push_str(&blocks::render(block, &mut n_tables));
            }
        }
    }
    if let Some((shown, thumbnails)) = samples {
        let mut browser = new("Samples");
        browser.id = "samples-head".to_owned();
        browser.html = samples::render(shown, thumbnails);
        sections.push(browser);
    }
    sections
}

/// What a link to a section is called: the same in every report, whatever else is in it. A document has no two
/// sections of one heading.
fn slug(heading: &str) -> String {
    let words = heading.split(|character: char| !character.is_ascii_alphanumeric());
    let words: Vec<String> =
        words.filter(|word| !word.is_empty()).map(str::to_ascii_lowercase).collect();
    format!("section-{}", words.join("-"))
}
