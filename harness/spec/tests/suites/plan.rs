//! The plan is a pure, ordered function of suite and selection.

use crate::given::{parse, suite, suite_text};
use clsrl_spec::{DatasetId, MethodId, PlanError, PromptStyle, Selection, Suite, Trial, plan};

/// A suite of two datasets, two numbers of shots and two seeds, out of table order.
fn small(targets: &str) -> Suite {
    let text = suite_text("smoke")
        .replacen("datasets = \"all\"", "datasets = [\"dtd\", \"caltech101\"]", 1)
        .replacen("targets = \"all\"", &format!("targets = {targets}"), 1)
        .replacen("shots = [4]", "shots = [16, 1]", 1)
        .replacen("seeds = [1]", "seeds = [2, 1]", 1)
        .replacen("[\"zero-shot\", \"sft\", \"cls-rl\"", "[\"sft\", \"cls-rl\", \"zero-shot\"", 1);
    parse(&text).unwrap()
}

fn keys(suite: &Suite, selection: &Selection) -> Vec<String> {
    plan(suite, selection).unwrap().iter().map(Trial::key).collect()
}

fn trial(suite: &Suite, key: &str) -> Trial {
    let trials = plan(suite, &Selection::default()).unwrap();
    trials.into_iter().find(|trial| trial.key() == key).unwrap()
}

#[test]
fn the_same_suite_gives_the_same_trials_in_the_same_order() {
    let (once, again) = (suite("few-shot"), suite("few-shot"));
    let selection = Selection::default();
    assert_eq!(plan(&once, &selection).unwrap(), plan(&again, &selection).unwrap());
}

#[test]
fn zero_shot_comes_first_and_the_rest_in_the_suite_s_order() {
    let keys = keys(&small("\"all\""), &Selection::default());
    assert_eq!(keys.len(), 1 + 3 * 2 * 2 * 2);
    assert_eq!(
        keys[..6],
        [
            "zero-shot",
            "sft.dtd.16shot.seed2",
            "sft.dtd.16shot.seed1",
            "sft.dtd.1shot.seed2",
            "sft.dtd.1shot.seed1",
            "sft.caltech101.16shot.seed2"
        ]
    );
    assert_eq!(keys[24], "no-thinking-cls-rl.caltech101.1shot.seed1");
}

#[test]
fn a_selection_keeps_the_suite_s_order_and_never_touches_zero_shot_s_axes() {
    let selection = Selection {
        methods: Some(vec![MethodId::ClsRl, MethodId::ZeroShot]),
        datasets: Some(vec![DatasetId::Caltech101, DatasetId::Dtd]),
        shots: Some(vec![1]),
        seeds: Some(vec![1, 2]),
        limit: None,
    };
    assert_eq!(
        keys(&small("\"all\""), &selection),
        [
            "zero-shot",
            "cls-rl.dtd.1shot.seed2",
            "cls-rl.dtd.1shot.seed1",
            "cls-rl.caltech101.1shot.seed2",
            "cls-rl.caltech101.1shot.seed1"
        ]
    );
}

#[test]
fn datasets_narrow_sources_and_targets() {
    let selection = Selection { datasets: Some(vec![DatasetId::Dtd]), ..Selection::default() };
    let trials = plan(&small("\"all\""), &selection).unwrap();
    assert_eq!(trials.len(), 1 + 3 * 2 * 2);
    for trial in trials {
        assert_eq!(trial.evaluation.targets, [DatasetId::Dtd]);
    }
}

#[test]
fn targets_are_all_the_source_or_a_list_in_table_order() {
    let key = "cls-rl.dtd.1shot.seed1";
    let targets = |how: &str, key: &str| trial(&small(how), key).evaluation.targets;
    assert_eq!(targets("\"all\"", key), [DatasetId::Caltech101, DatasetId::Dtd]);
    assert_eq!(targets("\"source\"", key), [DatasetId::Dtd]);
    assert_eq!(targets("\"source\"", "zero-shot"), [DatasetId::Caltech101, DatasetId::Dtd]);
    let list = "[\"ucf101\", \"imagenet\"]";
    assert_eq!(targets(list, key), [DatasetId::ImageNet, DatasetId::Ucf101]);
    assert_eq!(targets(list, "zero-shot"), [DatasetId::ImageNet, DatasetId::Ucf101]);
}

#[test]
fn each_method_is_evaluated_under_its_prompt() {
    let prompts = |key: &str| trial(&small("\"all\""), key).evaluation.prompts;
    assert_eq!(prompts("zero-shot"), [PromptStyle::Thinking, PromptStyle::Direct]);
    assert_eq!(prompts("sft.dtd.1shot.seed1"), [PromptStyle::Direct]);
    assert_eq!(prompts("cls-rl.dtd.1shot.seed1"), [PromptStyle::Thinking]);
    assert_eq!(prompts("no-thinking-cls-rl.dtd.1shot.seed1"), [PromptStyle::Direct]);
}

#[test]
fn the_user_s_limit_wins() {
    let limit = |suite: &str, limit| {
        let suite = parse(suite).unwrap();
        plan(&suite, &Selection { limit, ..Selection::default() }).unwrap()[0].evaluation.limit
    };
    let smoke = suite_text("smoke");
    let limited = smoke.replacen("batch = 48", "batch = 48\nlimit = 7", 1);
    assert_eq!(limit(&smoke, None), None);
    assert_eq!(limit(&smoke, Some(3)), Some(3));
    assert_eq!(limit(&limited, None), Some(7));
    assert_eq!(limit(&limited, Some(9)), Some(9));
}

#[test]
fn everything_that_the_suite_lacks_is_told() {
    let selection = Selection {
        datasets: Some(vec![DatasetId::Dtd, DatasetId::Ucf101]),
        shots: Some(vec![4]),
        ..Selection::default()
    };
    assert_eq!(
        plan(&small("\"all\""), &selection).unwrap_err().to_string(),
        "suite `smoke` has no shots `4` (it has 16, 1) and no dataset `ucf101` (it has dtd, caltech101)"
    );
}

#[test]
fn an_empty_selection_is_an_error_of_its_own() {
    let nothing = Err(PlanError::Nothing { suite: "smoke".to_owned() });
    let none = Selection { methods: Some(Vec::new()), ..Selection::default() };
    assert_eq!(plan(&small("\"all\""), &none), nothing);
    // A target that nothing is trained on, without the method that trains nothing.
    let target_only = Selection {
        methods: Some(vec![MethodId::Sft]),
        datasets: Some(vec![DatasetId::ImageNet]),
        ..Selection::default()
    };
    assert_eq!(plan(&small("[\"imagenet\"]"), &target_only), nothing);
}
