//! The card of a fine-tuned model, for the folder of its weights.

use std::{collections::BTreeSet, fmt::Write as _};

use serde_json::{Value as Json, json};

use super::{
    ExportContext,
    card::{code, escaped, fields_table, front_matter},
    cell::{Accuracy, SCORES},
    dataset_card::SYNTHETIC,
    licences::licence_notes,
};
use crate::{
    ReportError, TrialResults,
    rows::{CellRow, TrialRow},
    summary::Score,
};

/// The line by which a card is known for one that was written here.
pub const MODEL_CARD_MARK: &str = "Written by `clsrl-bench export model-card`";

/// The card of a trial's fine-tuned weights.
pub fn model_card(results: &TrialResults, context: &ExportContext) -> Result<String, ReportError> {
    let cells = CellRow::all(std::slice::from_ref(results))?;
    let trials = TrialRow::all(std::slice::from_ref(results));
    let name = context.model_of(results).name;
    let mut text = front_matter(&metadata(&name, &cells, context));
    let Some(trial) = trials.first() else { return Ok(text) };
    let trained_on = trial.train_on.map_or("nothing", |dataset| dataset.title());
    let synthetic = if cells.iter().any(|cell| cell.synthetic) { SYNTHETIC } else { "" };
    write!(
        text,
        "\n# {}\n\n{synthetic}{} fine-tuned with {} on {} images of each class of {trained_on} (seed {}), to name the \
         class of an image.\n\n{MODEL_CARD_MARK}, from the records of `{}`.\n",
        escaped(&name),
        escaped(&context.base_model.id),
        trial.method.title(),
        trial.shots,
        trial.seed,
        context.command.replace('`', " "),
    )
    .expect("a string takes every text");
    if trial.settings.lora_rank.is_some() {
        text.push_str(
            "\nThe weights are merged; `adapter` has the LoRA adapter alone, as peft saves it.\n",
        );
    }
    text.push_str("\n## Results\n\n");
    text.push_str(&results_table(&cells));
    text.push_str("\n## Settings\n\n");
    text.push_str(&fields_table(&trial.settings));
    text.push_str("\n## What it was made from\n\n");
    text.push_str(&made_from(trial, &cells, context));
    text.push_str("\n## Licences\n\n");
    let base = code(&context.base_model.id);
    writeln!(
        text,
        "The weights are derived from {base} and keep its licence, which is not recorded here. They were trained and \
         evaluated on data with licences of their own, some of which allow research alone:\n"
    )
    .expect("a string takes every text");
    let datasets: BTreeSet<_> =
        cells.iter().map(|cell| cell.target).chain(trial.train_on).collect();
    text.push_str(&licence_notes(datasets, context));
    Ok(text)
}

fn metadata(name: &str, cells: &[CellRow], context: &ExportContext) -> Json {
    let results: Vec<Json> = cells.iter().filter_map(result).collect();
    let mut metadata = json!({
        "library_name": "transformers",
        "pipeline_tag": "image-text-to-text",
        "license": "other",
        "license_name": "of-the-base-model-and-the-data",
        "tags": ["clsrl-bench", "image-classification", "few-shot"],
        "model-index": [{ "name": name, "results": results }],
    });
    if context.base_model.is_published {
        metadata["base_model"] = context.base_model.id.as_str().into();
        metadata["base_model_relation"] = "finetune".into();
    }
    metadata
}

/// A cell as the hub's index of models has it; none without images.
fn result(cell: &CellRow) -> Option<Json> {
    let metric = |score: Score| {
        let accuracy = Accuracy::of(cell, score)?;
        Some(json!({
            "type": "accuracy",
            "name": format!("Accuracy in percent, {} score (95 %: {})", score.name(), bounds(&accuracy)),
            "value": 100.0 * accuracy.share,
        }))
    };
    let metrics: Vec<Json> = SCORES.into_iter().map(metric).collect::<Option<_>>()?;
    Some(json!({
        "task": { "type": "image-classification" },
        "dataset": {
            "type": cell.target.as_str(),
            "name": format!("{} ({} form, {} prompt)", cell.target.title(), cell.form, cell.prompt),
            "config": format!("{}.{}", cell.form, cell.prompt),
            "split": cell.split.map_or("unknown", |split| split.as_str()),
        },
        "metrics": metrics,
    }))
}

fn results_table(cells: &[CellRow]) -> String {
    let mut text = String::from(
        "Accuracy in percent, with Wilson's interval over the images at 95 %. Published score: the label is somewhere \
         in the extracted answer. Strict score: the answer equals the label after normalisation. Other seeds would \
         give other numbers.\n\n\
         | Dataset | Form | Prompt | Images | Published | Strict |\n| :-- | :-- | :-- | --: | --: | --: |\n",
    );
    for cell in cells {
        let scores = SCORES.map(|score| match Accuracy::of(cell, score) {
            Some(accuracy) => format!("{:.1} ({})", 100.0 * accuracy.share, bounds(&accuracy)),
            None => "–".to_owned(),
        });
        let CellRow { target, form, prompt, n, n_split, .. } = cell;
        let images = if n < n_split { format!("{n} of {n_split}") } else { n.to_string() };
        writeln!(
            text,
            "| {} | {form} | {prompt} | {images} | {} |",
            target.title(),
            scores.join(" | ")
        )
        .expect("a string takes every text");
    }
    text
}

fn made_from(trial: &TrialRow, cells: &[CellRow], context: &ExportContext) -> String {
    let made = cells.first().map(|cell| &cell.made_from);
    let digest = |digest: Option<&String>| digest.map_or("unknown".to_owned(), |text| code(text));
    let lists: Vec<&str> =
        cells.iter().filter(|cell| !cell.locked).map(|cell| cell.target.title()).collect();
    let unlocked = if lists.is_empty() { "none".to_owned() } else { lists.join(", ") };
    let rows = [
        ("suite", code(&trial.suite)),
        ("protocol", code(&trial.protocol)),
        ("trial", code(&trial.trial)),
        ("fine-tune", code(&trial.training_id)),
        ("weights", code(&trial.training.weights_digest)),
        ("base model", code(&context.base_model.id)),
        ("base weights", code(&trial.base_weights_digest)),
        ("data", escaped(&context.data)),
        ("data of training", digest(trial.train_data_digest.as_ref())),
        ("training images", digest(made.and_then(|made| made.picks_digest.as_ref()))),
        ("targets that are not as locked", unlocked),
        ("optimizer steps", trial.training.steps.to_string()),
        ("precision", escaped(&trial.precision)),
        ("device", escaped(&trial.device)),
        ("ended at", trial.ended_at.clone().unwrap_or_else(|| "unknown".to_owned())),
        ("commit", code(&trial.commit)),
        ("program", format!("clsrl-bench {}, libtorch {}", trial.version, trial.libtorch)),
    ];
    let rows: String =
        rows.into_iter().map(|(name, value)| format!("| {name} | {value} |\n")).collect();
    format!("| | |\n| :-- | :-- |\n{rows}")
}

fn bounds(accuracy: &Accuracy) -> String {
    let interval = accuracy.interval;
    format!("{:.1}–{:.1}", 100.0 * interval.lower, 100.0 * interval.upper)
}
