//! The HTML report of made-up results: as a text, and in a real browser.

mod browser;
mod in_browser;

use clsrl_spec::{CellKey, DatasetId, MethodId, Prediction};

use super::render;
use crate::{
    ShownSamples, Thumbnails, TrialResults,
    made::{self, Grid},
    number::{MISSING, fixed, signed, thousands},
    page::Page,
    table::{Cell, Table},
};

/// Pixels of one colour, as JPEG: 16 by 16.
const JPEG: &[u8] = include_bytes!("tests/grey.jpg");

/// What runs if anything of it is taken for markup.
const HOSTILE: &str = "</script><script>window.harm = 1</script><img src=x onerror=\"window.harm = 2\"> \
                       <!-- & ' \" \u{2028} | _ % \\ </pre><svg onload=window.harm=3>";

const GRID: Grid<'_> = Grid {
    methods: &[MethodId::ZeroShot, MethodId::Sft, MethodId::ClsRl],
    datasets: &[DatasetId::ImageNet, DatasetId::Dtd, DatasetId::Eurosat],
    shots: &[4],
    seeds: &[1, 2],
};

fn predictions(results: &TrialResults, cell: CellKey) -> Vec<Prediction> {
    let (_, record) = results.cells.iter().find(|(_, of)| of.outcome.cell == cell).unwrap();
    let mut predictions = made::predictions(record);
    predictions[0].raw = format!("<think> {HOSTILE} </think> <answer>{HOSTILE}</answer>");
    predictions[0].gold = HOSTILE.to_owned();
    predictions[1].image = HOSTILE.to_owned();
    predictions[1].raw = String::new();
    predictions[2].raw = "<think> It has petals. </think> <answer>rose</answer> ".repeat(60);
    predictions
}

/// The samples of a grid, repeated under other indices as often as asked for.
fn shown(results: &[TrialResults], repeats: usize) -> ShownSamples {
    let mut shown = ShownSamples::default();
    for results in results {
        for (_, record) in &results.cells {
            let key = record.outcome.cell;
            let once = predictions(results, key);
            let again = (0..repeats).flat_map(|repeat| {
                once.iter()
                    .cloned()
                    .map(move |row| Prediction { index: row.index + 48 * repeat, ..row })
            });
            shown.offer(results, key, &again.collect::<Vec<_>>());
        }
    }
    shown
}

fn thumbnails(shown: &ShownSamples) -> Thumbnails {
    let images = shown.images().into_iter().filter(|image| image.image.contains("/00"));
    images.map(|image| ((image.dataset, image.image), JPEG.to_vec())).collect()
}

/// The report of a grid.
fn report(repeats: usize) -> String {
    let plan = GRID.plan();
    let results = made::all_results(&plan);
    let shown = shown(&results, repeats);
    made::made_report(&plan, &results).unwrap().html(&shown, &thumbnails(&shown))
}

#[test]
fn the_order_of_the_input_changes_no_byte() {
    let plan = GRID.plan();
    let mut results = made::all_results(&plan);
    let html = |results: &[TrialResults]| {
        // Cells are offered in table order, whatever the order of the results.
        let shown = shown(&made::all_results(&plan), 1);
        made::made_report(&plan, results).unwrap().html(&shown, &thumbnails(&shown))
    };
    let forward = html(&results);
    results.reverse();
    assert!(html(&results) == forward);
}

#[test]
fn the_page_is_as_committed() {
    let plan = GRID.plan();
    let results = made::all_results(&plan);
    let shown = ShownSamples::default();
    let html = made::made_report(&plan, &results).unwrap().html(&shown, &Thumbnails::new());
    made::check_snapshot("two-seeds.html", &made::bare_page(&html));
}

#[test]
fn only_the_scripts_of_the_report_are_scripts() {
    let html = report(1);
    // The samples' data and one script; nothing of a sample's text opens another.
    assert_eq!(html.matches("<script").count(), 2);
    assert_eq!(html.matches("</script").count(), 2);
    assert!(!html.contains("<img") && !html.contains("<!--") && !html.contains('\u{2028}'));
    assert!(html.contains("default-src 'none'; script-src 'sha256-"));
    for outside in ["http://", "https://", "url(", "@import", "src=\"//"] {
        assert!(!html.contains(outside), "{outside}");
    }
}

#[test]
fn a_table_is_sorted_by_its_numbers_and_not_by_how_they_are_printed() {
    let mut table = Table::of_numbers("Two.".into(), &["Name", "x", "y"]);
    table.push_plain(["a".into(), thousands(1234), signed(Some(-3.16), 1).and("*")]);
    table.push(vec![Cell::italic("±"), Cell::italic(fixed(Some(0.5), 1)), Cell::italic("")]);
    table.push_plain(["b".into(), MISSING.into(), fixed(Some(2.0), 1).and(" ± 0.5")]);
    let mut page = Page::new("");
    page.table(&table);
    let html = render(&page, "A page", None);
    let keys = "const KEYS = {\"table-1\":[null,[1234.0,null],[-3.16,2.0]]};";
    assert!(html.contains(keys), "{html}");
}

#[test]
fn no_samples_are_said_to_be_none() {
    let plan = GRID.plan();
    let html =
        made::made_report(&plan, &[]).unwrap().html(&ShownSamples::default(), &Thumbnails::new());
    assert!(html.contains("<p>There are no samples.</p>") && !html.contains("id=\"samples-data\""));
}

#[test]
fn an_image_that_is_not_there_leaves_its_path() {
    let plan = GRID.plan();
    let results = made::all_results(&plan);
    let html =
        made::made_report(&plan, &results).unwrap().html(&shown(&results, 1), &Thumbnails::new());
    assert!(html.contains("No image was found"));
    assert!(html.contains("flowers/0003.jpg") && !html.contains("base64,/9j"));
}

#[test]
fn the_plots_stand_in_the_page_itself() {
    let html = report(1);
    assert_eq!(html.matches("<figure>\n<svg ").count(), 1); // the training curves; there is one number of shots
    assert!(html.contains("<title>Training</title>"));
}
