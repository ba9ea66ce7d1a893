//! Results as Every Eval Ever keeps them, by version 0.3.0 of its schemas.
//!
//! A trial is a model, and has one file of results with one of samples beside it, in the folders of that project's
//! datastore: `data/<collection>/<developer>/<model>/<uuid>.json`. A result is a cell under one of the two scores, and
//! each answer has a line for each result that it counts in.

use std::path::Path;

use clsrl_spec::{MethodId, PromptStyle, lock::Digest};
use serde_json::{Map, Value as Json, json};

use super::{
    Exported,
    cell::{Accuracy, AnsweredCell, SCORES, each_cell, in_order, is_right, n_right},
    context::{ExportContext, ModelName, ended, portable, started},
    file::{LinesFile, Written, write_json},
};
use crate::{
    ReadPredictions, ReportError, TrialResults,
    rows::{CellRow, SampleRow},
    summary::Score,
};

/// The version of both schemas.
const SCHEMA_VERSION: &str = "0.3.0";

/// Writes two files for each trial.
pub fn write_every_eval_ever(
    results: &[TrialResults],
    context: &ExportContext,
    dir: &Path,
    read: &mut ReadPredictions<'_>,
) -> Result<Exported, ReportError> {
    let mut exported = Exported::default();
    for results in in_order(results)? {
        let rows = CellRow::all(std::slice::from_ref(results))?;
        let log = Log::new(results, &rows, context);
        let mut samples = LinesFile::create(dir.join(format!("{}_samples.jsonl", log.path)))?;
        let mut found = Vec::new();
        each_cell(results, &rows, read, &mut exported.left_out, &mut |cell| {
            for score in SCORES {
                let Some(result) = log.result(&cell, score) else { continue };
                found.push(result);
                for sample in cell.samples {
                    samples.write(&log.sample(&cell, score, sample))?;
                }
            }
            Ok(())
        })?;
        if found.is_empty() {
            continue;
        }
        let samples = samples.finish()?;
        let path = dir.join(format!("{}.json", log.path));
        write_json(&path, &log.json(found, &samples))?;
        exported.paths.extend([samples.path, path]);
    }
    Ok(exported)
}

/// A trial's file in the making.
struct Log<'a> {
    results: &'a TrialResults,
    /// Never empty.
    rows: &'a [CellRow],
    context: &'a ExportContext,
    model: ModelName,
    evaluation_id: String,
    /// Of its files, without what they end in.
    path: String,
}

impl<'a> Log<'a> {
    fn new(results: &'a TrialResults, rows: &'a [CellRow], context: &'a ExportContext) -> Self {
        let model = context.model_of(results);
        let collection = format!("clsrl-bench.{}", portable(&context.suite));
        let evaluation_id = format!("{collection}/{}/{}", model.id(), ended(rows, context));
        // What a file is called follows from what is in it, so that the same results give the same files.
        let cells: String = rows.iter().map(|row| format!("\n{}", row.cell_id)).collect();
        let uuid = uuid(Digest::of(format!("{evaluation_id}{cells}")));
        let path = format!("data/{collection}/{}/{}/{uuid}", model.developer, model.name);
        Log { results, rows, context, model, evaluation_id, path }
    }

    fn json(&self, results: Vec<Json>, samples: &Written) -> Json {
        let Log { rows, context, model, path, .. } = self;
        let row = &rows[0];
        let is_start = row.method == MethodId::ZeroShot;
        let is_open = is_start && context.base_model.is_published;
        let details = strings([
            ("deployment_type", Some("self_deployed".to_owned())),
            (
                "model_availability",
                Some(if is_open { "open_weights" } else { "unknown" }.to_owned()),
            ),
            ("base_model", Some(context.base_model.id.clone())),
            ("base_weights_digest", Some(row.made_from.base_weights_digest.clone())),
            ("weights_digest", Some(row.training.weights_digest.clone())),
            ("training_id", Some(row.training_id.clone())),
            ("method", Some(row.method.to_string())),
            ("train_on", row.train_on.map(|dataset| dataset.to_string())),
            ("shots", Some(row.shots.to_string())),
            ("seed", Some(row.seed.to_string())),
            ("train_data_digest", row.made_from.train_data_digest.clone()),
            ("picks_digest", row.made_from.picks_digest.clone()),
            ("precision", Some(row.made_from.precision.clone())),
        ]);
        json!({
            "schema_version": SCHEMA_VERSION,
            "evaluation_id": self.evaluation_id,
            "evaluation_timestamp": started(rows, context).to_string(),
            "retrieved_timestamp": ended(rows, context).to_string(),
            "source_metadata": {
                "source_name": format!("clsrl-bench, suite {}", context.suite),
                "source_type": "evaluation_run",
                "source_organization_name": context.organization,
                "evaluator_relationship": if is_start { "third_party" } else { "first_party" },
                "additional_details": strings([
                    ("suite", Some(context.suite.clone())),
                    ("suite_description", Some(context.suite_description.clone())),
                    ("protocol", Some(row.protocol.clone())),
                    ("data", Some(context.data.clone())),
                ]),
            },
            "eval_library": {
                "name": "clsrl-bench",
                "version": row.version,
                "additional_details": strings([("commit", Some(row.commit.clone()))]),
            },
            "model_info": {
                "name": model.name,
                "id": model.id(),
                "developer": model.developer,
                "inference_engine": { "name": "libtorch", "version": row.libtorch },
                "additional_details": details,
            },
            "evaluation_results": results,
            "detailed_evaluation_results": {
                "format": "jsonl",
                "file_path": format!("{path}_samples.jsonl"),
                "hash_algorithm": "sha256",
                "checksum": samples.digest.to_string(),
                "total_rows": samples.n_lines,
            },
        })
    }

    /// A cell under a score; none without images.
    fn result(&self, cell: &AnsweredCell<'_>, score: Score) -> Option<Json> {
        let AnsweredCell { row, .. } = cell;
        let accuracy = Accuracy::of(row, score)?;
        let mut uncertainty = json!({
            "confidence_interval": {
                "lower": accuracy.interval.lower,
                "upper": accuracy.interval.upper,
                "confidence_level": 0.95,
                "method": "Wilson's score interval over the images",
            },
            "num_samples": row.n,
        });
        if let Some(error) = accuracy.standard_error {
            uncertainty["standard_error"] = json!({ "value": error, "method": "analytic" });
        }
        Some(json!({
            "evaluation_result_id": result_id(row, score),
            "evaluation_name": self.evaluation_name(cell, score),
            "source_data": self.source_data(row),
            "evaluation_timestamp":
                started(std::slice::from_ref(row), self.context).to_string(),
            "metric_config": {
                "evaluation_description": format!("share of images whose answer is right: {}", score.meaning()),
                "metric_id": format!("clsrl-bench.accuracy.{}", score.name()),
                "metric_name": format!("Accuracy ({} score)", score.name()),
                "metric_kind": "accuracy",
                "metric_unit": "proportion",
                "lower_is_better": false,
                "score_type": "continuous",
                "min_score": 0,
                "max_score": 1,
            },
            "score_details": {
                "score": accuracy.share,
                "details": strings([
                    ("cell_id", Some(row.cell_id.clone())),
                    ("n_right", Some(n_right(row, score).to_string())),
                    ("n", Some(row.n.to_string())),
                    ("n_split", Some(row.n_split.to_string())),
                    ("n_truncated", Some(row.n_truncated.to_string())),
                    ("synthetic_images", Some(row.synthetic.to_string())),
                    ("data_as_locked", Some(row.locked.to_string())),
                    ("standard_lists", Some(row.standard_lists.to_string())),
                    ("scorer_version", row.made_from.scorer_version.map(|n| n.to_string())),
                ]),
                "uncertainty": uncertainty,
            },
            "generation_config": {
                "generation_args": {
                    "temperature": 0,
                    "max_tokens": self.results.trial.evaluation.max_new_tokens,
                    "execution_command": self.context.command,
                    "reasoning": row.prompt != PromptStyle::Direct,
                },
                "additional_details": strings([
                    ("decoding", Some("greedy".to_owned())),
                    ("prompt", Some(row.prompt.to_string())),
                    ("prompts_digest", row.made_from.prompts_digest.clone()),
                    ("device", Some(row.device.clone())),
                ]),
            },
        }))
    }

    fn source_data(&self, row: &CellRow) -> Json {
        let details = strings([
            ("split", row.split.map(|split| split.as_str().to_owned())),
            ("form", Some(row.form.to_string())),
            ("data_digest", row.made_from.data_digest.clone()),
        ]);
        let name = row.target.title();
        let published = self.context.published.get(&row.target);
        match published.filter(|published| !published.urls.is_empty() && !row.synthetic) {
            Some(published) => json!({
                "dataset_name": name, "source_type": "url", "url": published.urls,
                "additional_details": details,
            }),
            None => json!({
                "dataset_name": name, "source_type": "other", "additional_details": details,
            }),
        }
    }

    fn sample(&self, cell: &AnsweredCell<'_>, score: Score, sample: &SampleRow<'_>) -> Json {
        let is_right = is_right(sample, score);
        json!({
            "schema_version": SCHEMA_VERSION,
            "evaluation_id": self.evaluation_id,
            "model_id": self.model.id(),
            "evaluation_name": self.evaluation_name(cell, score),
            "evaluation_result_id": result_id(cell.row, score),
            "sample_id": sample.image,
            "interaction_type": "single_turn",
            "input": { "raw": sample.question, "reference": [sample.gold] },
            "output": { "raw": [sample.raw] },
            "messages": null,
            "answer_attribution": [{
                "turn_idx": 0,
                "source": "output.raw",
                "extracted_value": sample.answer,
                "extraction_method": "the text of the first answer tag, else all of it",
                "is_terminal": true,
            }],
            "evaluation": { "score": if is_right { 1.0 } else { 0.0 }, "is_correct": is_right },
            "metadata": strings([
                ("image", Some(sample.image.to_owned())),
                ("index", Some(sample.index.to_string())),
                ("parse_status", Some(sample.parse_status.as_str().to_owned())),
                ("n_tokens", Some(sample.n_tokens.to_string())),
                ("truncated", Some(sample.truncated.to_string())),
            ]),
        })
    }

    fn evaluation_name(&self, cell: &AnsweredCell<'_>, score: Score) -> String {
        format!("{}/{}", cell.key, score.name())
    }
}

fn result_id(row: &CellRow, score: Score) -> String {
    format!("{}.{}", row.cell_id, score.name())
}

/// What is known of these, as the schema has further details: texts.
fn strings<const N: usize>(details: [(&str, Option<String>); N]) -> Json {
    let known =
        details.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into())));
    Json::Object(known.collect::<Map<_, _>>())
}

/// A UUID of version 4 by its form, from a digest instead of chance.
fn uuid(Digest(bytes): Digest) -> String {
    let mut bytes: [u8; 16] = *bytes.first_chunk().expect("a digest has 32 bytes");
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let [a, b, c, d, e] =
        [&bytes[..4], &bytes[4..6], &bytes[6..8], &bytes[8..10], &bytes[10..]].map(hex);
    format!("{a}-{b}-{c}-{d}-{e}")
}
