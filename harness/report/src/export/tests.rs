//! Made-up results, exported and read again.

use std::{collections::BTreeMap, fs, path::Path};

use clsrl_spec::{DatasetId, MethodId, Trial};
use serde_json::Value as Json;

use super::*;
use crate::{ReadPredictions, ReportError, TrialResults, made};

type Write = fn(
    &[TrialResults],
    &ExportContext,
    &Path,
    &mut ReadPredictions<'_>,
) -> Result<Exported, ReportError>;

const WRITERS: [Write; 2] = [write_lm_eval, write_every_eval_ever];

fn results() -> Vec<TrialResults> {
    let datasets = [DatasetId::Dtd, DatasetId::Eurosat];
    let grid = made::Grid {
        methods: &[MethodId::ZeroShot, MethodId::Sft],
        datasets: &datasets,
        shots: &[4],
        seeds: &[1],
    };
    made::all_results(&grid.plan())
}

fn context(base: &str, is_published: bool) -> ExportContext {
    ExportContext {
        suite: "made-up".into(),
        suite_description: "Made-up numbers.".into(),
        command: "clsrl-bench run --suite made-up".into(),
        base_model: BaseModel { id: base.into(), is_published },
        data: "DIR".into(),
        published: BTreeMap::new(),
        organization: "nobody".into(),
        now: 1_700_000_000,
    }
}

/// All files below a folder, by their paths in it.
fn files(dir: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => found.extend(
                files(&entry.path())
                    .into_iter()
                    .map(|(path, text)| (format!("{name}/{path}"), text)),
            ),
            false => {
                found.insert(name, fs::read_to_string(entry.path()).unwrap());
            }
        }
    }
    found
}

/// What an export writes, and the cells that it leaves out; `lacks` says whose answers are not there.
fn exported(
    write: Write,
    context: &ExportContext,
    lacks: impl Fn(&Trial) -> bool,
) -> (BTreeMap<String, String>, Vec<LeftOut>) {
    let dir = tempfile::tempdir().unwrap();
    let results = results();
    let read = &mut |trial: &Trial, cell| match lacks(trial) {
        true => Err("they are missing".to_owned()),
        false => made::read(&results, trial, cell),
    };
    let exported = write(&results, context, dir.path(), read).unwrap();
    let files = files(dir.path());
    assert_eq!(files.len(), exported.paths.len());
    (files, exported.left_out)
}

#[test]
fn the_same_results_give_the_same_files_whatever_the_clock_says() {
    for write in WRITERS {
        let one = context("tiny", false);
        let other = ExportContext { now: one.now + 60, ..one.clone() };
        let all = |_: &Trial| false;
        assert_eq!(exported(write, &one, all), exported(write, &other, all));
    }
}

#[test]
fn a_cell_without_answers_is_named_and_in_no_file() {
    for write in WRITERS {
        let is_sft = |trial: &Trial| trial.method == MethodId::Sft;
        let (files, left_out) = exported(write, &context("tiny", false), is_sft);
        assert_eq!(left_out.len(), 4);
        assert!(left_out.iter().all(|cell| cell.reason == "they are missing"));
        assert!(!files.is_empty() && files.keys().all(|path| !path.contains("sft")), "{files:?}");
    }
}

#[test]
fn fine_tuned_weights_are_not_named_under_the_start_models_publisher() {
    let context = context("Qwen/Qwen2-VL-2B-Instruct", true);
    let (files, _) = exported(write_every_eval_ever, &context, |_| false);
    let logs = files.iter().filter(|(path, _)| path.ends_with(".json"));
    let mut ids: Vec<String> = Vec::new();
    for (_, text) in logs {
        let log: Json = serde_json::from_str(text).unwrap();
        let model = &log["model_info"];
        ids.push(model["id"].as_str().unwrap().to_owned());
        let is_start = ids.last().unwrap() == "Qwen/Qwen2-VL-2B-Instruct";
        let expected = if is_start { "open_weights" } else { "unknown" };
        assert_eq!(model["additional_details"]["model_availability"], expected);
    }
    ids.sort();
    assert_eq!(
        ids,
        [
            "Qwen/Qwen2-VL-2B-Instruct",
            "clsrl-bench/Qwen2-VL-2B-Instruct.sft.dtd.4shot.seed1",
            "clsrl-bench/Qwen2-VL-2B-Instruct.sft.eurosat.4shot.seed1",
        ]
    );
}

#[test]
fn what_a_card_begins_with_is_yaml_by_lines() {
    let value = serde_json::json!({
        "a": [{ "b": [1, "two: 2"], "c": null }, { "b": [], "c": {} }],
        "d": "a\u{85}b\n",
        "e": { "f": 1.5 },
    });
    let expected = concat!(
        "---\n",
        "a:\n",
        "  - b:\n",
        "      - 1\n",
        "      - \"two: 2\"\n",
        "    c: null\n",
        "  - b: []\n",
        "    c: {}\n",
        "d: \"a\\u0085b\\n\"\n",
        "e:\n",
        "  f: 1.5\n",
        "---\n",
    );
    assert_eq!(card::front_matter(&value), expected);
}

#[test]
fn a_card_of_data_names_no_frame_without_rows_and_every_licence() {
    let results = results();
    let cells = crate::CellRow::all(&results).unwrap();
    let mut context = context("tiny", false);
    let licences = vec!["research | alone".to_owned(), "MIT".to_owned()];
    context.published.insert(DatasetId::Dtd, PublishedData { urls: Vec::new(), licences });
    let sizes = FrameSizes {
        cells: cells.len(),
        trials: 3,
        samples: 1_000,
        classes: 0,
        curves: 0,
        transfer: 2,
    };
    let card = dataset_card(&cells, sizes, &context);
    assert!(card.contains("data_files: \"samples.parquet\"\n"), "{card}");
    assert!(!card.contains("curves.parquet") && !card.contains("## classes"), "{card}");
    assert!(card.contains("size_categories:\n  - \"1K<n<10K\"\n"), "{card}");
    assert!(card.contains("- DTD: research \\| alone; MIT\n"), "{card}");
    assert!(card.contains("- EuroSAT: drawn by the program, or not known\n"), "{card}");
}

#[test]
fn a_card_of_weights_names_a_base_model_only_if_it_is_published() {
    let results = results();
    let sft = results.iter().find(|results| results.trial.method == MethodId::Sft).unwrap();
    let published = model_card(sft, &context("Qwen/Qwen2-VL-2B-Instruct", true)).unwrap();
    assert!(published.contains("\nbase_model: \"Qwen/Qwen2-VL-2B-Instruct\"\n"), "{published}");
    let local = model_card(sft, &context("my model", false)).unwrap();
    assert!(!local.contains("base_model:") && local.contains("# my-model.sft.dtd"), "{local}");
    assert!(local.contains(MODEL_CARD_MARK), "{local}");
}
