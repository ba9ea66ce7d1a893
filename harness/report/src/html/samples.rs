//! The page to browse samples: what a person filters by, and all samples as data for the script.

use std::collections::{BTreeSet, HashMap};

use base64::{Engine, prelude::BASE64_STANDARD};
use clsrl_spec::{Diagnosis, ParseStatus, Prediction, listed_names};
use serde::Serialize;

use super::{
    escape::{escape, json},
    texts::Texts,
};
use crate::{
    number::thousands,
    shown::{SampledCell, ShownSamples, Thumbnails},
};

// Bits of a row, as the script names them.
const PUBLISHED: u8 = 1;
const STRICT: u8 = 2;
const CUT: u8 = 4;
const AMBIGUOUS: u8 = 8;

/// Everything that the script reads. Texts that repeat are named by their numbers.
#[derive(Serialize)]
struct Data {
    cells: Vec<Cell>,
    names: Vec<String>,
    affixes: Vec<String>,
    questions: Vec<Question>,
    images: Vec<(String, Option<usize>)>,
    thumbnails: Vec<String>,
    parses: [&'static str; 5],
    rows: Vec<Row>,
}

/// What all samples of a cell have in common.
#[derive(Serialize)]
struct Cell {
    trial: String,
    key: String,
    method: &'static str,
    source: Option<&'static str>,
    target: &'static str,
    asked: String,
    run: String,
}

/// What stands before the list, the listed names, what stands after it; without a list all stands before.
type Question = (usize, Option<Vec<usize>>, usize);

/// Cell, index, image, question, gold, raw, answer if it is another text, bits, parse status, what the
/// thought names, tokens.
type Row =
    (usize, usize, usize, usize, usize, String, Option<String>, u8, usize, Option<String>, usize);

/// Writes the section.
pub(super) fn render(shown: &ShownSamples, thumbnails: &Thumbnails) -> String {
    if shown.n_shown() == 0 {
        return "<p>There are no samples.</p>\n".to_owned();
    }
    let data = data(shown, thumbnails);
    let n_images = data.images.iter().filter(|(_, thumbnail)| thumbnail.is_some()).count();
    format!(
        "<p>{}</p>\n<p>{}</p>\n<noscript><p class=\"warning\">The samples need JavaScript.</p></noscript>\n\
         {}{}<script type=\"application/json\" id=\"samples-data\">{}</script>\n",
        escape(&shown.describe()),
        escape(&images(n_images, data.images.len())),
        filters(&data),
        LIST,
        json(&data)
    )
}

fn images(n: usize, of: usize) -> String {
    match n {
        0 => "No image was found; a sample tells its image's path instead.".to_owned(),
        n if n == of => format!("Each of the {} images is shown small.", thousands(of)),
        n => format!("{} of the {} images are shown small.", thousands(n), thousands(of)),
    }
}

const LIST: &str = "\
<div class=\"pages\"><output id=\"samples-count\" for=\"filters\" aria-live=\"polite\"></output>\
<div class=\"turn\" role=\"group\" aria-label=\"Pages of samples\">\
<button class=\"button\" type=\"button\" id=\"samples-previous\">Previous</button>\
<span id=\"samples-place\" aria-live=\"polite\"></span>\
<button class=\"button\" type=\"button\" id=\"samples-next\">Next</button></div></div>
<ul id=\"samples-list\" class=\"samples\" aria-label=\"Samples\"></ul>
";

fn filters(data: &Data) -> String {
    let of_cells = |value: fn(&Cell) -> Option<&str>| -> BTreeSet<String> {
        data.cells.iter().filter_map(value).map(str::to_owned).collect()
    };
    let mut fields = vec![
        "<div class=\"wide\"><label for=\"filter-search\">Words in class, answer, image or trial</label>\
         <input type=\"search\" id=\"filter-search\" name=\"search\" autocomplete=\"off\"></div>"
            .to_owned(),
        select("target", "Dataset", &of_cells(|cell| Some(cell.target))),
        select("method", "Method", &of_cells(|cell| Some(cell.method))),
        select("source", "Trained on", &of_cells(|cell| cell.source)),
        select("asked", "Asked", &of_cells(|cell| Some(&cell.asked))),
    ];
    fields.push(VERDICTS.to_owned());
    let parses: BTreeSet<String> = data.parses.iter().map(|&parse| parse.to_owned()).collect();
    fields.push(select("parse", "Parse status", &parses));
    format!(
        "<form id=\"filters\" class=\"filters\" role=\"search\" aria-label=\"Filter the samples\">\n{}\n\
         <button class=\"button\" type=\"reset\">Show all</button></form>\n",
        fields.join("\n")
    )
}

const VERDICTS: &str = "<div><label for=\"filter-verdict\">Verdict</label>\
<select id=\"filter-verdict\" name=\"verdict\"><option value=\"\">all</option>\
<option value=\"right\">right by both scores</option><option value=\"wrong\">wrong by both scores</option>\
<option value=\"differ\">the scores differ</option>\
<option value=\"published\">right by the published score</option>\
<option value=\"strict\">right by the strict score</option></select></div>";

fn select(name: &str, label: &str, values: &BTreeSet<String>) -> String {
    let option = |value: &String| {
        let value = escape(value);
        format!("<option value=\"{value}\">{value}</option>")
    };
    let options: Vec<String> = values.iter().map(option).collect();
    format!(
        "<div><label for=\"filter-{name}\">{label}</label><select id=\"filter-{name}\" name=\"{name}\">\
         <option value=\"\">all</option>{}</select></div>",
        options.concat()
    )
}

/// What is kept once while rows are made.
#[derive(Default)]
struct Kept<'a> {
    names: Texts,
    affixes: Texts,
    questions: Vec<Question>,
    numbers_of_questions: HashMap<&'a str, usize>,
    images: Vec<(String, Option<usize>)>,
    numbers_of_images: HashMap<(usize, &'a str), usize>,
    thumbnails: Vec<String>,
}

fn data(shown: &ShownSamples, thumbnails: &Thumbnails) -> Data {
    let mut kept = Kept::default();
    let mut rows = Vec::with_capacity(shown.n_shown());
    for (cell, prediction) in shown.rows() {
        let of = &shown.cells()[cell];
        rows.push(kept.row(cell, of, prediction, thumbnails));
    }
    Data {
        cells: shown.cells().iter().map(as_data).collect(),
        names: kept.names.into_texts(),
        affixes: kept.affixes.into_texts(),
        questions: kept.questions,
        images: kept.images,
        thumbnails: kept.thumbnails,
        parses: ParseStatus::ALL.map(ParseStatus::as_str),
        rows,
    }
}

fn as_data(cell: &SampledCell) -> Cell {
    let SampledCell { trial, method, train_on, key, shots, seed, .. } = cell;
    let shots = match shots {
        1 => "1 shot".to_owned(),
        n => format!("{n} shots"),
    };
    Cell {
        trial: trial.clone(),
        key: key.to_string(),
        method: method.title(),
        source: train_on.map(|id| id.title()),
        target: key.target.title(),
        asked: format!("{}, {}", key.form, key.prompt),
        run: train_on.map_or_else(String::new, |_| format!("{shots}, seed {seed}")),
    }
}

impl<'a> Kept<'a> {
    fn row(
        &mut self,
        cell: usize,
        of: &SampledCell,
        prediction: &'a Prediction,
        thumbnails: &Thumbnails,
    ) -> Row {
        let Prediction { index, image, question, gold, raw, extracted, n_tokens, .. } = prediction;
        let diagnosis = Diagnosis::of(question, raw, prediction.truncated);
        let bit = |is_set: bool, bit: u8| if is_set { bit } else { 0 };
        let bits = bit(prediction.correct_published, PUBLISHED)
            | bit(prediction.correct_strict, STRICT)
            | bit(prediction.truncated, CUT)
            | bit(diagnosis.is_ambiguous == Some(true), AMBIGUOUS);
        let parse = ParseStatus::ALL.iter().position(|&status| status == diagnosis.parse);
        (
            cell,
            *index,
            self.image(of, image, thumbnails),
            self.question(question),
            self.names.number(gold),
            raw.clone(),
            (extracted != raw).then(|| extracted.clone()),
            bits,
            parse.expect("all statuses are there"),
            diagnosis.thought.map(|thought| thought.to_string()),
            *n_tokens,
        )
    }

    fn image(&mut self, of: &SampledCell, image: &'a str, thumbnails: &Thumbnails) -> usize {
        let target = of.key.target;
        *self.numbers_of_images.entry((target as usize, image)).or_insert_with(|| {
            let thumbnail = thumbnails.get(&(target, image.to_owned()));
            let number = thumbnail.map(|jpeg| {
                self.thumbnails.push(BASE64_STANDARD.encode(jpeg));
                self.thumbnails.len() - 1
            });
            self.images.push((image.to_owned(), number));
            self.images.len() - 1
        })
    }

    /// A question's names are numbers too: a list of hundreds stands in every question of a dataset.
    fn question(&mut self, question: &'a str) -> usize {
        if let Some(&number) = self.numbers_of_questions.get(question) {
            return number;
        }
        let names = listed_names(question);
        let list = names.as_ref().map(|names| names.join(", "));
        let (before, after) = match &list {
            Some(list) => question.split_once(list.as_str()).unwrap_or((question, "")),
            None => (question, ""),
        };
        let names = names.map(|names| names.iter().map(|name| self.names.number(name)).collect());
        let made = (self.affixes.number(before), names, self.affixes.number(after));
        self.questions.push(made);
        let number = self.questions.len() - 1;
        self.numbers_of_questions.insert(question, number);
        number
    }
}
