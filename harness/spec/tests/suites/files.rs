//! The suites of this project: they are read, and say what they should.

use std::fs;

use crate::given::{protocol_text, suite, suite_text, suites_dir};
use clsrl_spec::{
    CellKey, DataSource, DatasetId, EvalSplit, Form, MethodId, Precision, Protocol, ProtocolFile,
    QWEN2_VL_SYSTEM, Selection, Suite, Targets, Training, Trial, plan,
};

fn stems(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(suites_dir().join(folder)).unwrap();
    let mut stems: Vec<String> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    stems.sort();
    stems
}

#[test]
fn every_suite_is_read_and_has_its_file_s_name() {
    let names = stems(".");
    assert!(4 <= names.len(), "{names:?}");
    for name in names {
        assert_eq!(suite(&name).name, name);
    }
}

#[test]
fn every_protocol_is_read_and_survives_json() {
    for stem in stems("protocols") {
        let file = format!("protocols/{stem}.toml");
        let text = fs::read_to_string(suites_dir().join(&file)).unwrap();
        let protocol = ProtocolFile::parse(&text, &file, &stem).unwrap().protocol;
        let json = serde_json::to_string(&protocol).unwrap();
        assert_eq!(serde_json::from_str::<Protocol>(&json).unwrap(), protocol);
    }
}

fn check_paper_steps(dataset: DatasetId, expected: usize) {
    let suite = suite("few-shot");
    for method in [MethodId::ClsRl, MethodId::NoThinkingClsRl] {
        let Some(Training::Grpo(settings)) = suite.training(method, dataset) else { panic!() };
        assert_eq!(settings.duration.total_steps(4 * dataset.n_classes()), expected, "{dataset}");
    }
}

#[test]
fn few_shot_takes_the_optimizer_steps_of_the_paper() {
    check_paper_steps(DatasetId::ImageNet, 2500);
    check_paper_steps(DatasetId::Caltech101, 1250);
    check_paper_steps(DatasetId::Dtd, 600);
    check_paper_steps(DatasetId::Eurosat, 200);
    check_paper_steps(DatasetId::Food101, 1250);
    check_paper_steps(DatasetId::OxfordFlowers, 1250);
    check_paper_steps(DatasetId::OxfordPets, 450);
    check_paper_steps(DatasetId::StanfordCars, 2450);
    check_paper_steps(DatasetId::Sun397, 2475);
    check_paper_steps(DatasetId::Ucf101, 1250);
    check_paper_steps(DatasetId::FgvcAircraft, 1250);
}

#[test]
fn few_shot_is_the_grid_of_the_paper() {
    let suite = suite("few-shot");
    let trials = plan(&suite, &Selection::default()).unwrap();
    assert_eq!(trials.len(), 1 + 3 * 11 * 5 * 3);
    assert_eq!((suite.model, suite.data), (None, None));
    assert_eq!(suite.targets, Targets::Source);
    let trial = |key: &str| trials.iter().find(|trial| trial.key() == key).unwrap();
    let max_prompt = |key: &str| match &trial(key).training {
        Training::Grpo(settings) => settings.max_prompt_tokens,
        _ => panic!(),
    };
    assert_eq!(max_prompt("cls-rl.stanford_cars.4shot.seed1"), 2048);
    assert_eq!(max_prompt("cls-rl.dtd.16shot.seed3"), 1024);
    assert_eq!(trial("cls-rl.dtd.4shot.seed1").evaluation.targets, [DatasetId::Dtd]);
    assert_eq!(trial("zero-shot").evaluation.targets, DatasetId::ALL);
    assert_eq!(trial("zero-shot").cells().len(), 22);
}

#[test]
fn families_is_the_few_shot_grid_at_four_shots_for_any_model() {
    let suite = suite("families");
    let trials = plan(&suite, &Selection::default()).unwrap();
    assert_eq!(trials.len(), 1 + 3 * 4 * 3);
    assert_eq!((&suite.model, &suite.data), (&None, &None));
    assert!(trials.iter().all(|trial| [0, 4].contains(&trial.shots)));
    // What the template says is left to the model, and is Qwen2-VL's until one is known.
    assert_eq!(suite.protocol.prompts.system, None);
    let system = |trial: &Trial| trial.protocol.prompts.system.clone();
    assert!(trials.iter().all(|trial| system(trial).as_deref() == Some(QWEN2_VL_SYSTEM)));
}

#[test]
fn smoke_is_one_zero_shot_and_three_methods_on_eleven_datasets() {
    let suite = suite("smoke");
    let trials = plan(&suite, &Selection::default()).unwrap();
    assert_eq!(trials.len(), 34);
    assert_eq!(trials.iter().map(|trial| trial.cells().len()).sum::<usize>(), 22 + 33 * 11);
    assert_eq!(suite.data, Some(DataSource::Drawn { seed: 1 }));
    assert_eq!(suite.execution.precision, Precision::Auto);
    let steps = |method| match suite.training(method, DatasetId::Dtd) {
        Some(Training::Sft(settings)) => settings.duration.total_steps(32),
        Some(Training::Grpo(settings)) => settings.duration.total_steps(32),
        _ => 0,
    };
    assert_eq!(MethodId::ALL.map(steps), [0, 20, 16, 16, 0, 0]);
}

#[test]
fn smoke_val_is_smoke_on_the_validation_split() {
    let (smoke, mut val) = (suite("smoke"), suite("smoke-val"));
    for dataset in DatasetId::ALL {
        assert_eq!(*val.evaluation.split.of(dataset), EvalSplit::Val);
    }
    assert!(!val.datasets.contains(&DatasetId::ImageNet), "its validation images are for testing");
    assert_eq!(val.datasets.len(), DatasetId::ALL.len() - 1);
    val.evaluation.split = smoke.evaluation.split.clone();
    val.datasets.clone_from(&smoke.datasets);
    val.name.clone_from(&smoke.name);
    val.description.clone_from(&smoke.description);
    assert_eq!(val, smoke);
}

#[test]
fn smoke_seeds_is_smoke_with_three_seeds() {
    let (smoke, mut seeds) = (suite("smoke"), suite("smoke-seeds"));
    assert_eq!(seeds.seeds, [1, 2, 3]);
    seeds.seeds.clone_from(&smoke.seeds);
    seeds.name.clone_from(&smoke.name);
    seeds.description.clone_from(&smoke.description);
    assert_eq!(seeds, smoke);
}

#[test]
fn real_mini_evaluates_cars_on_the_validation_list() {
    let suite = suite("real-mini");
    let trials = plan(&suite, &Selection::default()).unwrap();
    assert_eq!(trials.len(), 1 + 3 * 2);
    for trial in &trials {
        assert_eq!(trial.evaluation.split_of(DatasetId::StanfordCars), EvalSplit::Val);
        assert_eq!(trial.evaluation.split_of(DatasetId::Dtd), EvalSplit::Test);
    }
}

#[test]
fn precision_follows_the_device_where_it_is_auto() {
    assert_eq!(Precision::Auto.on("cpu"), "f32");
    assert_eq!(Precision::Auto.on("cuda"), "bf16");
    assert_eq!(Precision::F32.on("cuda"), "f32");
    assert_eq!(Precision::Bf16.on("cpu"), "bf16");
}

/// Optimizer steps of CLS-RL on a dataset at 4 shots with seed 1.
fn steps(suite_name: &str, dataset: DatasetId) -> usize {
    let trials = plan(&suite(suite_name), &Selection::default()).unwrap();
    let of = |t: &&Trial| t.method == MethodId::ClsRl && t.train_on == Some(dataset);
    let trial = trials.iter().filter(of).find(|t| t.shots == 4 && t.seed == 1).unwrap();
    let Training::Grpo(settings) = &trial.training else { panic!() };
    settings.duration.total_steps(trial.full_training_set())
}

#[test]
fn transfer_and_efficiency_take_the_steps_of_few_shot() {
    for dataset in DatasetId::ALL {
        assert_eq!(steps("transfer", dataset), steps("few-shot", dataset), "{dataset}");
    }
    assert_eq!(steps("efficiency", DatasetId::ImageNet), 2500);
    for (dataset, expected) in [(DatasetId::ImageNet, 2500), (DatasetId::OxfordPets, 450)] {
        assert_eq!(steps("open-set", dataset), expected, "{dataset}");
    }
}

#[test]
fn base_to_new_trains_on_the_base_classes_of_the_paper() {
    let trials = plan(&suite("base-to-new"), &Selection::default()).unwrap();
    assert_eq!(trials.len(), 1 + 3 * 11 * 3);
    let sizes = [500, 50, 18, 98, 51, 50, 50, 198, 23, 5, 50].map(|n_base| 4 * n_base);
    for (dataset, expected) in DatasetId::ALL.into_iter().zip(sizes) {
        let trial = trials.iter().find(|trial| trial.train_on == Some(dataset)).unwrap();
        assert_eq!(trial.full_training_set(), expected, "{dataset}");
        assert_eq!(trial.form, Form::Base);
    }
    // 23 × 4 images, 8 to a micro-batch of 8 GPUs, 2 accumulated: 6 steps an epoch, 50 epochs.
    assert_eq!(steps("base-to-new", DatasetId::Dtd), 300);
    let cells: Vec<String> = trials[0].cells().iter().take(4).map(CellKey::to_string).collect();
    let expected =
        ["imagenet.base.thinking", "imagenet.base.direct", "imagenet.new.thinking"].as_slice();
    assert_eq!(cells[..3], *expected);
    assert_eq!(trials[0].full_evaluation(), 2 * 133_696);
}

#[test]
fn open_set_asks_about_the_five_datasets_of_the_paper() {
    let trials = plan(&suite("open-set"), &Selection::default()).unwrap();
    assert_eq!(trials.len(), 1 + 2 * 5 * 3);
    assert_eq!(trials[0].evaluation.targets.len(), 5);
    assert!(trials.iter().all(|trial| trial.evaluation.forms == [Form::OpenSet]));
}

#[test]
fn another_protocol_gives_the_results_another_name() {
    let text = suite_text("few-shot");
    let read = |protocol| {
        Suite::parse_under(&text, "few-shot.toml", &|name| Ok(protocol_text(name)), protocol)
    };
    assert_eq!(read(None).unwrap().name, "few-shot");
    assert_eq!(read(Some("paper")).unwrap().name, "few-shot");
    let matched = read(Some("matched")).unwrap();
    assert_eq!(
        (matched.name.as_str(), matched.protocol.name.as_str()),
        ("few-shot.matched", "matched")
    );
    let sft = matched.training(MethodId::Sft, DatasetId::Dtd);
    let Some(Training::Sft(sft)) = sft else { panic!() };
    let rl = matched.training(MethodId::ClsRl, DatasetId::Dtd);
    let Some(Training::Grpo(rl)) = rl else { panic!() };
    assert_eq!(sft.duration, rl.duration, "as many steps on as many images");
}
