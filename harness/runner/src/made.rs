//! Trials and records made up for tests.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::atomic::AtomicBool,
};

use clsrl_spec::{
    Binding, CellKey, CellOutcome, CellRecord, CellRun, DatasetId, MethodId, Place, Prediction,
    Selection, Suite, TrainingOutcome, TrainingRecord, TrainingRun, TrainingSeconds, Trial, plan,
};

/// What never asks a run to end.
pub static NEVER: AtomicBool = AtomicBool::new(false);

/// Two trials of the smoke suite: zero-shot with two targets and two prompts, and SFT on DTD.
pub fn trials() -> Vec<Trial> {
    let suites = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../suites");
    let read = |name: &str| fs::read_to_string(suites.join(name)).map_err(|e| e.to_string());
    let protocols = |name: &str| read(&format!("protocols/{name}.toml"));
    let suite = Suite::parse(&read("smoke.toml").unwrap(), "smoke.toml", &protocols).unwrap();
    let selection = Selection {
        methods: Some(vec![MethodId::ZeroShot, MethodId::Sft]),
        datasets: Some(vec![DatasetId::Dtd]),
        ..Selection::default()
    };
    plan(&suite, &selection).unwrap()
}

/// The trial that trains.
pub fn trained_trial() -> Trial {
    trials().pop().unwrap()
}

pub fn binding() -> Binding {
    Binding {
        base_weights: "weights".to_owned(),
        data: BTreeMap::from([(DatasetId::Dtd, "textures".to_owned())]),
        training_lists: BTreeMap::from([(DatasetId::Dtd, "training lists".to_owned())]),
        training_data: BTreeMap::from([("dtd.4shot.seed1".to_owned(), "bytes".to_owned())]),
        unlocked: BTreeSet::new(),
        earlier: BTreeSet::new(),
        picks: BTreeMap::from([("dtd.4shot.seed1".to_owned(), "picks".to_owned())]),
        prompts: BTreeMap::from([
            ("sft.dtd.4shot.seed1".to_owned(), "training prompts".to_owned()),
            ("dtd.direct".to_owned(), "prompts".to_owned()),
        ]),
        repetition_penalty: None,
        device_kind: "cpu".to_owned(),
        precision: "f32".to_owned(),
        threads: 1,
        deterministic: false,
        recompute: false,
    }
}

pub fn training_record(weights_digest: &str) -> TrainingRecord {
    TrainingRecord {
        outcome: TrainingOutcome {
            train_paths: vec!["banded/1.jpg".to_owned()],
            steps: Vec::new(),
            weights_digest: weights_digest.to_owned(),
            adapter_digest: None,
        },
        run: TrainingRun {
            times: None,
            seconds: TrainingSeconds { load: 1.0, rollout: 0.0, update: 0.1 + 0.2 },
            steps: Vec::new(),
            images_per_second: 1.0,
            tokens_per_second: 1.0,
            peak_memory_bytes: 1,
            place: place(),
            repeated_step: None,
            fitted: None,
            resumed_at: Vec::new(),
        },
    }
}

pub fn cell_record(trial: &Trial, cell: CellKey) -> CellRecord {
    CellRecord {
        outcome: CellOutcome {
            method: trial.method,
            train_on: trial.train_on,
            shots: trial.shots,
            seed: trial.seed,
            cell,
            synthetic: true,
            locked: true,
            standard_lists: true,
            n: 2,
            n_split: 2,
            mean_choices: 8.0,
            n_correct_published: 1,
            n_correct_strict: 1,
            n_truncated: 0,
            n_untagged: 0,
            mean_tokens: 4.0,
            weights_digest: Some("w".to_owned()),
        },
        run: CellRun {
            times: None,
            evaluate_seconds: 1.0,
            images_per_second: 2.0,
            tokens_per_second: 7.0,
            peak_memory_bytes: 1,
            place: place(),
            fitted: None,
            resumed_at: Vec::new(),
        },
    }
}

pub fn prediction(index: usize) -> Prediction {
    Prediction {
        index,
        image: format!("banded/{index}.jpg"),
        question: "What type of texture is in the photo?".to_owned(),
        gold: "banded".to_owned(),
        raw: "<answer>banded</answer>".to_owned(),
        extracted: "banded".to_owned(),
        correct_published: true,
        correct_strict: true,
        n_tokens: 4,
        truncated: false,
    }
}

/// The predictions that [`cell_record`] counts: one right, one wrong.
pub fn predictions() -> Vec<Prediction> {
    let wrong = Prediction {
        raw: "<answer>dotted</answer>".to_owned(),
        extracted: "dotted".to_owned(),
        correct_published: false,
        correct_strict: false,
        ..prediction(1)
    };
    vec![prediction(0), wrong]
}

fn place() -> Place {
    Place {
        commit: "unknown".to_owned(),
        version: "0.1.0".to_owned(),
        libtorch: "none".to_owned(),
        device: "cpu".to_owned(),
        threads: 1,
        processor: "made up".to_owned(),
        float32_products: None,
        bfloat16_sums: None,
        gpu: None,
    }
}
