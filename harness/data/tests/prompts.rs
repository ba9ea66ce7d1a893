//! What a trial shows the model, and the digests that stand for it.

use std::{collections::BTreeMap, fs, path::Path};

use clsrl_data::{
    datasets::Dataset,
    prompts::{PromptDigests, evaluated_images, questions, supervised_example, training_images},
};
use clsrl_spec::{DatasetId, Form, LabelMask, MethodId, Selection, ShotRule, Suite, Trial, plan};
use tempfile::TempDir;

/// EuroSAT's lists with five classes of three images each in every split; no image is there.
fn eurosat() -> (TempDir, Dataset) {
    let root = tempfile::tempdir().unwrap();
    let rows = |split: &str| {
        let row = |label: usize, n: usize| {
            serde_json::json!([
                format!("C{label}/{split}_{n}.jpg"),
                label,
                format!("class {label}")
            ])
        };
        (0..5).flat_map(|label| (0..3).map(move |n| row(label, n))).collect::<Vec<_>>()
    };
    let lists =
        serde_json::json!({"train": rows("train"), "val": rows("val"), "test": rows("test")});
    fs::create_dir(root.path().join("eurosat")).unwrap();
    fs::write(root.path().join("eurosat/split_zhou_EuroSAT.json"), lists.to_string()).unwrap();
    let dataset = Dataset::open(DatasetId::Eurosat, root.path()).unwrap();
    (root, dataset)
}

/// The trials of a suite on EuroSAT with two shots.
fn trials(task: &str, protocol: &str) -> Vec<Trial> {
    let suites = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../suites");
    let read = |name: &str| fs::read_to_string(suites.join(name)).map_err(|e| e.to_string());
    let text = read("smoke.toml").unwrap().replace("\"few-shot\"", &format!("{task:?}"));
    let text = text.replace("shots = [4]", "shots = [2]").replace("seeds = [1]", "seeds = [1, 2]");
    let protocols = |name: &str| read(&format!("protocols/{name}.toml"));
    let suite = Suite::parse_under(&text, "mine.toml", &protocols, Some(protocol)).unwrap();
    let datasets = Some(vec![DatasetId::Eurosat]);
    plan(&suite, &Selection { datasets, ..Selection::default() }).unwrap()
}

fn trial(task: &str, protocol: &str, key: &str) -> Trial {
    trials(task, protocol).into_iter().find(|trial| trial.key() == key).unwrap()
}

fn digests(trials: &[Trial], dataset: &Dataset) -> PromptDigests {
    let datasets = BTreeMap::from([(dataset.id, dataset.clone())]);
    PromptDigests::of(trials, &datasets, None, &BTreeMap::new()).unwrap()
}

#[test]
fn base_to_new_trains_on_the_base_part_of_the_few_shot_images_and_tests_both_halves() {
    let (_root, dataset) = eurosat();
    let all = trial("few-shot", "matched", "cls-rl.eurosat.2shot.seed1");
    let base = trial("base-to-new", "matched", "cls-rl.eurosat.base.2shot.seed1");
    let whole = training_images(&all, &dataset, None).unwrap();
    let half = training_images(&base, &dataset, None).unwrap();
    let of_base: Vec<_> = whole.iter().copied().filter(|example| example.label < 3).collect();
    assert_eq!((whole.len(), half), (10, of_base));
    let cells = base.cells();
    assert_eq!(cells.len(), 2);
    let sizes = cells.iter().map(|&cell| evaluated_images(&base, cell, &dataset).len());
    assert_eq!(sizes.collect::<Vec<_>>(), [9, 6]);
}

#[test]
fn the_notebook_s_images_are_the_same_for_every_seed_and_coop_s_are_not() {
    let (_root, dataset) = eurosat();
    let images = |protocol: &str, seed: u64| {
        let trial = trial("few-shot", protocol, &format!("cls-rl.eurosat.2shot.seed{seed}"));
        let notebook = matches!(trial.protocol.shots, ShotRule::Notebook { .. });
        assert_eq!(notebook, protocol == "paper");
        training_images(&trial, &dataset, None).unwrap().into_iter().cloned().collect::<Vec<_>>()
    };
    assert_eq!(images("paper", 1), images("paper", 2));
    assert_ne!(images("matched", 1), images("matched", 2));
}

#[test]
fn every_trial_and_cell_has_digests_and_methods_share_their_images() {
    let (_root, dataset) = eurosat();
    let trials = trials("few-shot", "paper");
    let digests = digests(&trials, &dataset);
    let picks: Vec<&str> = digests.picks.keys().map(String::as_str).collect();
    assert_eq!(picks, ["eurosat.2shot.seed1", "eurosat.2shot.seed2"]);
    assert_eq!(digests.prompts.len(), 3 * 2 + 2, "{:?}", digests.prompts.keys());
    for trial in &trials {
        for cell in trial.cells() {
            assert_eq!(digests.prompts[&cell.to_string()].len(), 64);
        }
        assert!(trial.method == MethodId::ZeroShot || digests.prompts.contains_key(&trial.key()));
    }
}

#[test]
fn the_digest_of_prompts_is_that_of_their_whole_text() {
    let (_root, dataset) = eurosat();
    let key = "sft.eurosat.2shot.seed1";
    let plain = trial("few-shot", "matched", key);
    let digest = |change: &dyn Fn(&mut Trial)| {
        let mut trial = plain.clone();
        change(&mut trial);
        digests(&[trial], &dataset).prompts[key].clone()
    };
    let before = digest(&|_| {});
    assert_eq!(before, digest(&|trial| trial.protocol.sft.label_mask = LabelMask::All));
    assert_ne!(before, digest(&|trial| trial.protocol.sft.system = Some("!".to_owned())));
    assert_ne!(before, digest(&|trial| trial.protocol.sft.trailing_generation_prompt = true));
    assert_ne!(before, digest(&|trial| trial.protocol.choices.seed += 1));
}

#[test]
fn the_paper_s_supervised_example_is_the_released_one() {
    let (_root, dataset) = eurosat();
    let trial = trial("few-shot", "paper", "sft.eurosat.2shot.seed1");
    let questions = questions(&trial.protocol, &dataset, Form::FewShot);
    let question = questions.ask("train", &dataset.train[0]);
    let shown = supervised_example(&trial.protocol, &question);
    let expected = format!(
        "<|im_start|>system\nOutput the thinking process in <think> </think> and final answer in \
         <answer> </answer> tags.<|im_end|>\n<|im_start|>user\n{}<|vision_start|><|image_pad|>\
         <|vision_end|><|im_end|>\n<|im_start|>assistant\n<answer>class 0</answer><|im_end|>\n\
         <|im_start|>assistant\n",
        question.text
    );
    assert_eq!(shown.conversation, expected);
}
