//! Classes that are answered well or badly, and what they are taken for.

use clsrl_spec::MethodId;

use crate::{
    Beside, DatasetOrder, ShownSamples, Thumbnails,
    made::{self, Grid, classes_of},
};

const ANSWERS: [(MethodId, &[(&str, &str)]); 2] = [
    (
        MethodId::ZeroShot,
        &[("rose", "tulip"), ("rose", "rose"), ("tulip", "tulip"), ("tulip", "tulip")],
    ),
    (MethodId::Sft, &[("rose", "rose"), ("rose", "rose"), ("tulip", "daisy"), ("tulip", "tulip")]),
];

#[test]
fn all_classes_can_be_opened_in_a_browser_and_the_worst_elsewhere() {
    let grid = Grid {
        methods: &[MethodId::ZeroShot, MethodId::Sft],
        datasets: &[clsrl_spec::DatasetId::Dtd],
        shots: &[4],
        seeds: &[1],
    };
    let plan = grid.plan();
    let results = made::all_results(&plan);
    let report =
        made::report_of_classes(&plan, &results, &classes_of(&ANSWERS), DatasetOrder::Coop)
            .unwrap();
    let markdown = report.markdown(&Beside::default());
    let row = "| DTD     | rose  |       2 | 50.0 to 100.0 | SFT ";
    assert!(markdown.contains(row), "{markdown}");
    assert!(markdown.contains("| DTD     | rose  | tulip     | 0.0 to 50.0 | SFT "), "{markdown}");
    assert!(!markdown.contains("DTD by class"), "a table of a thousand classes is no page");
    let html = report.html(&ShownSamples::default(), &Thumbnails::default());
    let (_, classes) = html.split_once("<summary>DTD</summary>").unwrap();
    let (classes, _) = classes.split_once("</details>").unwrap();
    assert!(classes.contains("id=\"table-classes-dtd\"") && classes.contains("DTD by class"));
    assert!(classes.contains("<th scope=\"row\">rose</th><td>tulip</td>"), "{classes}");
    assert!(!html.contains("Worst classes"));
    let tex = report.latex();
    let document = tex.iter().find(|file| file.path == "tables.tex").unwrap();
    assert!(!document.text.contains("Classes"), "a heading with nothing below it");
}
