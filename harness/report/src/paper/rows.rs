//! The comparison as CSV: a row for every published number and prompt.

use super::compare::{AgainstPaper, Compared};
use crate::spreadsheet;

const HEAD: [&str; 17] = [
    "experiment",
    "source",
    "model",
    "method",
    "shots",
    "train_on",
    "target",
    "metric",
    "prompt",
    "zero_shot_prompt",
    "ours",
    "lower",
    "upper",
    "paper",
    "difference",
    "verdict",
    "reasons",
];

impl AgainstPaper {
    /// The rows in the paper's order, with a head; fields that do not exist are empty.
    pub fn csv(&self) -> String {
        let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
        let rows = self.compared.iter().map(row);
        for row in std::iter::once(HEAD.map(str::to_owned)).chain(rows) {
            let fields = row.into_iter().map(spreadsheet::field);
            writer
                .write_record(fields)
                .expect("memory takes every row, and all have as many fields");
        }
        let bytes = writer.into_inner().expect("memory can be flushed");
        String::from_utf8(bytes).expect("fields are UTF-8, and so is what separates them")
    }
}

fn row(compared: &Compared) -> [String; 17] {
    let Compared { number, prompt, zero_shot_prompt, ours, verdict } = compared;
    let decimals = |value: Option<f64>| value.map_or(String::new(), |value| format!("{value:.4}"));
    let ours_value = ours.map(|ours| ours.value);
    let interval = ours.and_then(|ours| ours.interval);
    let reasons: Vec<String> = verdict.reasons().iter().map(ToString::to_string).collect();
    [
        number.experiment.title().to_owned(),
        number.source.clone(),
        number.model.clone(),
        number.method.to_string(),
        number.shots.to_string(),
        number.trained_on.map_or(String::new(), |trained_on| trained_on.as_str().to_owned()),
        number.target.as_str().to_owned(),
        number.metric.title().to_owned(),
        prompt.to_string(),
        zero_shot_prompt.map_or(String::new(), |prompt| prompt.to_string()),
        decimals(ours_value),
        decimals(interval.map(|interval| interval.lower)),
        decimals(interval.map(|interval| interval.upper)),
        format!("{}", number.value),
        decimals(ours_value.map(|ours| ours - number.value)),
        verdict.word().to_owned(),
        reasons.join("; "),
    ]
}
