//! Results and samples as lm-evaluation-harness 0.4 writes them.
//!
//! A trial is a model, and has a folder with `results_<time>.json`; a cell is a task, and has
//! `samples_<task>_<time>.jsonl` beside it. The two scores are two filters of the metric `acc`, as `strict-match` and
//! `flexible-extract` are elsewhere, so that each answer has a line for each. The harness did not run, and no field says
//! that it did; what made the numbers stands in `clsrl_bench`, which it does not have.

use std::path::Path;

use serde_json::{Map, Value as Json, json};

use super::{
    Exported,
    cell::{Accuracy, AnsweredCell, SCORES, each_cell, in_order, is_right},
    context::{ExportContext, ended, started},
    file::{LinesFile, sha256, write_json},
};
use crate::{
    ReadPredictions, ReportError, TrialResults,
    rows::{CellRow, SampleRow},
    summary::Score,
};

/// The metric: the share of right answers, which others know by this name.
const METRIC: &str = "acc";

/// Writes a folder for each trial.
pub fn write_lm_eval(
    results: &[TrialResults],
    context: &ExportContext,
    dir: &Path,
    read: &mut ReadPredictions<'_>,
) -> Result<Exported, ReportError> {
    let mut exported = Exported::default();
    for results in in_order(results)? {
        let rows = CellRow::all(std::slice::from_ref(results))?;
        let model = context.model_of(results).id();
        let folder = dir.join(model.replace('/', "__"));
        let date = date_id(ended(&rows, context));
        let mut tasks = Tasks::default();
        let Exported { paths, left_out } = &mut exported;
        each_cell(results, &rows, read, left_out, &mut |cell| {
            let path = folder.join(format!("samples_{}_{date}.jsonl", cell.key));
            let mut file = LinesFile::create(path)?;
            let hashes = write_samples(&cell, results, &mut file)?;
            paths.push(file.finish()?.path);
            tasks.add(&cell, results, &hashes);
            Ok(())
        })?;
        if !tasks.results.is_empty() {
            let path = folder.join(format!("results_{date}.json"));
            write_json(&path, &tasks.json(&model, (results, &rows), context))?;
            paths.push(path);
        }
    }
    Ok(exported)
}

/// A time as it stands in the harness's file names.
fn date_id(seconds: u64) -> String {
    let time = clsrl_spec::rfc3339(seconds);
    format!("{}.000000", time.trim_end_matches('Z').replace(':', "-"))
}

/// Writes a cell's answers, a line for each and each score; gives the hash of all of them.
fn write_samples(
    cell: &AnsweredCell<'_>,
    results: &TrialResults,
    file: &mut LinesFile,
) -> Result<String, ReportError> {
    let mut hashes = String::new();
    for score in SCORES {
        for sample in cell.samples {
            let line = sample_line(sample, score, results.trial.evaluation.max_new_tokens);
            for hash in ["doc_hash", "prompt_hash", "target_hash"] {
                hashes.push_str(line[hash].as_str().unwrap_or_default());
            }
            file.write(&line)?;
        }
    }
    Ok(sha256(&hashes))
}

fn sample_line(sample: &SampleRow<'_>, score: Score, max_new_tokens: usize) -> Json {
    let doc = json!({ "image": sample.image, "label": sample.gold });
    json!({
        "doc_id": sample.index,
        "doc_hash": sha256(&format!("{doc:#}")),
        "prompt_hash": sha256(sample.question),
        "target_hash": sha256(sample.gold),
        "doc": doc,
        "target": sample.gold,
        "arguments": { "gen_args_0": {
            "arg_0": sample.question,
            "arg_1": generation(max_new_tokens),
            "arg_2": { "visual": [sample.image] },
        } },
        "resps": [[sample.raw]],
        "filtered_resps": [sample.answer],
        "filter": score.name(),
        "metrics": [METRIC],
        METRIC: if is_right(sample, score) { 1.0 } else { 0.0 },
        "parse_status": sample.parse_status.as_str(),
        "n_tokens": sample.n_tokens,
        "truncated": sample.truncated,
    })
}

fn generation(max_new_tokens: usize) -> Json {
    json!({ "do_sample": false, "max_gen_toks": max_new_tokens, "until": [] })
}

/// What the results' file says of each task, by its name.
#[derive(Default)]
struct Tasks {
    results: Map<String, Json>,
    configs: Map<String, Json>,
    versions: Map<String, Json>,
    n_shot: Map<String, Json>,
    higher_is_better: Map<String, Json>,
    n_samples: Map<String, Json>,
    hashes: Map<String, Json>,
    made_from: Map<String, Json>,
}

impl Tasks {
    fn add(&mut self, cell: &AnsweredCell<'_>, results: &TrialResults, hashes: &str) {
        let AnsweredCell { row, key, .. } = cell;
        let task = key.to_string();
        let title = row.target.title();
        let mut metrics = json!({ "name": task, "alias": task, "sample_len": row.n });
        for score in SCORES {
            let filter = score.name();
            let accuracy = Accuracy::of(row, score);
            let error = accuracy.as_ref().and_then(|accuracy| accuracy.standard_error);
            metrics[format!("{METRIC},{filter}")] =
                accuracy.map_or(Json::Null, |accuracy| accuracy.share.into());
            metrics[format!("{METRIC}_stderr,{filter}")] =
                error.map_or_else(|| "N/A".into(), Json::from);
        }
        let split = row.split.map(|split| split.as_str());
        let config = json!({
            "task": task,
            "task_alias": format!("{title} ({} form, {} prompt)", row.form, row.prompt),
            "dataset_path": row.target.as_str(),
            "dataset_name": row.form.as_str(),
            "test_split": split,
            "output_type": "generate_until",
            "num_fewshot": 0,
            "generation_kwargs": generation(results.trial.evaluation.max_new_tokens),
            "metric_list": [{ "metric": METRIC, "aggregation": "mean", "higher_is_better": true }],
            "filter_list": SCORES.map(|score| json!({
                "name": score.name(), "filter": [{ "function": score.meaning() }],
            })),
            "metadata": { "protocol": row.protocol, "synthetic": row.synthetic, "locked": row.locked },
        });
        let made_from = json!({
            "cell_id": row.cell_id,
            "data_digest": row.made_from.data_digest,
            "prompts_digest": row.made_from.prompts_digest,
            "scorer_version": row.made_from.scorer_version,
            "sealed": row.made_from.sealed,
            "commit": row.commit,
            "started_at": row.started_at,
            "ended_at": row.ended_at,
        });
        self.results.insert(task.clone(), metrics);
        self.configs.insert(task.clone(), config);
        self.versions.insert(task.clone(), row.made_from.scorer_version.into());
        self.n_shot.insert(task.clone(), 0.into());
        self.higher_is_better.insert(task.clone(), json!({ METRIC: true }));
        let count = json!({ "original": row.n_split, "effective": row.n });
        self.n_samples.insert(task.clone(), count);
        self.hashes.insert(task.clone(), hashes.into());
        self.made_from.insert(task, made_from);
    }

    fn json(
        self,
        model: &str,
        (results, rows): (&TrialResults, &[CellRow]),
        context: &ExportContext,
    ) -> Json {
        let row = &rows[0];
        let seconds: f64 = rows.iter().filter_map(|row| row.evaluate_s).sum();
        json!({
            "results": self.results,
            "group_subtasks": {},
            "configs": self.configs,
            "versions": self.versions,
            "n-shot": self.n_shot,
            "higher_is_better": self.higher_is_better,
            "n-samples": self.n_samples,
            "config": {
                "model": "clsrl-bench",
                "model_args": {
                    "model": model,
                    "base": context.base_model.id,
                    "trial": row.trial,
                    "dtype": row.made_from.precision,
                },
                "model_dtype": row.made_from.precision,
                "model_sha": row.training.weights_digest,
                "batch_size": results.trial.evaluation.batch.to_string(),
                "batch_sizes": [],
                "device": row.device,
                "use_cache": null,
                "limit": results.trial.evaluation.limit,
                "bootstrap_iters": 0,
                "gen_kwargs": null,
                "random_seed": row.seed,
                "numpy_seed": null,
                "torch_seed": row.seed,
                "fewshot_seed": row.seed,
            },
            "git_hash": row.commit,
            "date": started(rows, context) as f64,
            "task_hashes": self.hashes,
            "model_source": "clsrl-bench",
            "model_name": model,
            "model_name_sanitized": model.replace('/', "__"),
            "system_instruction": null,
            "system_instruction_sha": null,
            "fewshot_as_multiturn": null,
            "chat_template": null,
            "chat_template_sha": null,
            "total_evaluation_time_seconds": seconds.to_string(),
            "clsrl_bench": {
                "suite": context.suite,
                "protocol": row.protocol,
                "command": context.command,
                "version": row.version,
                "commit": row.commit,
                "libtorch": row.libtorch,
                "training_id": row.training_id,
                "method": row.method.as_str(),
                "train_on": row.train_on.map(|dataset| dataset.as_str()),
                "shots": row.shots,
                "seed": row.seed,
                "base_model": context.base_model.id,
                "base_weights_digest": row.made_from.base_weights_digest,
                "weights_digest": row.training.weights_digest,
                "train_data_digest": row.made_from.train_data_digest,
                "picks_digest": row.made_from.picks_digest,
                "tasks": self.made_from,
            },
        })
    }
}
