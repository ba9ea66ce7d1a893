//! A comparison as a document, in Markdown and in HTML.

use super::{
    Comparison, Flip, Row, Setting,
    text::{describe, numbers, plural},
};
use crate::{
    html,
    markdown::{self, Beside},
    number::MISSING,
    page::Page,
    table::{Cell, Table},
};

/// The most flips that a document for a page has, and one for a browser.
const MOST_FLIPS: [usize; 2] = [100, 5000];

impl Comparison {
    /// Markdown.
    pub fn markdown(&self) -> String {
        markdown::render(&self.page(MOST_FLIPS[0]), &Beside::default())
    }

    /// One HTML file that needs nothing else.
    pub fn html(&self) -> String {
        html::render(&self.page(MOST_FLIPS[1]), &self.title(), None)
    }

    fn title(&self) -> String {
        format!("{} against {}", self.sides[1].name, self.sides[0].name)
    }

    fn page(&self, most_flips: usize) -> Page {
        let mut page = Page::new("");
        page.heading(1, &self.title());
        for (letter, side) in ["A", "B"].iter().zip(&self.sides) {
            page.paragraph(&format!("{letter}: {}.", describe(side)));
        }
        if !self.unpaired.is_empty() {
            page.warning(&format!(
                "Incomplete. {} cannot be compared; they stand below.",
                plural(self.unpaired.len(), "cell")
            ));
        }
        if self.is_of_other_data() {
            page.warning("Start weights or data differ where numbers are compared; each says so.");
        }
        page.paragraph(&self.legend());
        page.heading(2, "Averages");
        page.table(&table("Averages over datasets.", "Average", &self.averages));
        page.heading(2, "Cells");
        page.table(&table("Cells, the seeds of one together.", "Cell", &self.cells));
        page.heading(2, "Settings");
        self.write_settings(&mut page);
        if !self.unpaired.is_empty() {
            page.heading(2, "Not compared");
            let mut table = Table::of_texts("Cells without a number.".to_owned(), &["Cell", "Why"]);
            self.unpaired
                .iter()
                .for_each(|(name, why)| table.push_plain([name.clone(), why.clone()]));
            page.table(&table);
        }
        page.heading(2, "Flips");
        self.write_flips(&mut page, most_flips);
        page
    }

    fn write_settings(&self, page: &mut Page) {
        if self.settings.is_empty() {
            return page.paragraph("No setting differs.");
        }
        let heads = ["Setting", "A", "B", "Cells"];
        let mut table = Table::of_texts("Settings that differ.".to_owned(), &heads);
        for Setting { field, values: [a, b], n_cells } in &self.settings {
            table.push_plain([field.clone(), a.clone(), b.clone(), n_cells.to_string()]);
        }
        page.table(&table);
    }

    fn write_flips(&self, page: &mut Page, most: usize) {
        if self.flips.is_empty() {
            return page.paragraph("No verdict differs.");
        }
        let heads = ["Became", "Cell", "Seed", "Image", "Class", "A answered", "B answered"];
        let n = self.flips.len();
        let shown = match most < n {
            true => {
                format!("The first {most} of {n} answers whose verdict is another; JSON has all.")
            }
            false => format!("{} whose verdict is another.", plural(n, "answer")),
        };
        let mut table = Table::of_texts(shown, &heads);
        for flip in self.flips.iter().take(most) {
            let Flip { cell, seed, image, gold, answers: [a, b], became_right, .. } = flip;
            let became = if *became_right { "right" } else { "wrong" };
            let texts = [became, cell, &seed.to_string(), image, gold, a, b].map(str::to_owned);
            table.push_plain(texts);
        }
        page.table(&table);
    }
}

fn table(caption: &str, head: &str, rows: &[Row]) -> Table {
    let heads = [head, "A", "B", "Change", "Interval", "Images", "Right", "Wrong", "Care"];
    let mut table = Table::of_numbers(caption.to_owned(), &heads);
    for row in rows {
        let letters = row.letters();
        let texts = match &row.found {
            Ok(measured) => {
                let [a, b, change, interval, images, letters] = numbers(measured, &letters);
                let [right, wrong] = measured.n_flips.map(|n| n.to_string());
                [a, b, change, interval, images, right, wrong, letters]
            }
            Err(_) => [MISSING, MISSING, MISSING, "", "", "", "", &letters].map(str::to_owned),
        };
        let name = std::iter::once(Cell::plain(row.name.clone()));
        table.push(name.chain(texts.into_iter().map(Cell::plain)).collect());
    }
    table.notes.push(
        "Right, Wrong: answers that became so from A to B. Care: what else differs; the letters are explained above."
            .into(),
    );
    table
}
