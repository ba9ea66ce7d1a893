//! Fields that are given other values than the files': `cls-rl.generations=8`.

use crate::given::{protocol_text, suite_text};
use clsrl_spec::{
    BadSetting, Binding, DatasetId, EvalSplit, MethodId, Selection, Setting, Suite, SuiteErrors,
    Training, plan, training_identity,
};

fn settings(texts: &[&str]) -> Vec<Setting> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn read(set: &[&str]) -> Result<Suite, SuiteErrors> {
    let text = suite_text("smoke");
    let protocols = |name: &str| Ok(protocol_text(name));
    Suite::parse_set(&text, "smoke.toml", &protocols, None, &settings(set))
}

fn generations(suite: &Suite, method: MethodId, dataset: DatasetId) -> usize {
    match suite.training(method, dataset) {
        Some(Training::Grpo(settings)) => settings.generations,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_field_of_a_method_is_set_for_that_method_alone() {
    let (before, suite) = (read(&[]).unwrap(), read(&["cls-rl.generations=8"]).unwrap());
    assert_eq!(generations(&suite, MethodId::ClsRl, DatasetId::Dtd), 8);
    let other = MethodId::NoThinkingClsRl;
    let of = |suite| generations(suite, other, DatasetId::Dtd);
    assert_eq!(of(&suite), of(&before));
    assert_eq!(suite.name, "smoke.set-cls-rl-generations-8");
    assert_eq!(suite.protocol.name, "tiny with cls-rl.generations=8");
    assert_eq!(suite.set, settings(&["cls-rl.generations=8"]));
    assert_eq!((before.name.as_str(), before.protocol.name.as_str()), ("smoke", "tiny"));
}

#[test]
fn what_is_set_is_part_of_the_identity_of_what_reads_it() {
    let ids = |set: &[&str]| {
        let trials = plan(&read(set).unwrap(), &Selection::default()).unwrap();
        let binding = Binding::unknown();
        let id = |method| {
            let trial = trials.iter().find(|trial| trial.method == method).unwrap();
            training_identity(trial, &binding).id()
        };
        [MethodId::Sft, MethodId::ClsRl].map(id)
    };
    let ([sft, cls_rl], [same, other]) = (ids(&[]), ids(&["cls-rl.beta=0.5"]));
    assert_eq!(sft, same);
    assert_ne!(cls_rl, other);
}

#[test]
fn sections_of_the_suite_and_of_the_protocol_are_told_apart() {
    let suite = read(&[
        "evaluation.max_new_tokens=256",
        "evaluation.split=val",
        "shots=[1, 2]",
        "shots.rule=notebook",
        "shots.seed=5",
        "grpo.epochs={ default = 2, dtd = 3 }",
        "lora.rank=4",
        "lora.alpha=8",
    ])
    .unwrap();
    assert_eq!(suite.evaluation.max_new_tokens, 256);
    assert_eq!(*suite.evaluation.split.of(DatasetId::Dtd), EvalSplit::Val);
    assert_eq!(suite.shots, [1, 2]);
    assert_eq!(suite.protocol.lora.as_ref().map(|lora| lora.rank), Some(4));
    let epochs = |dataset| match suite.training(MethodId::ClsRl, dataset) {
        Some(Training::Grpo(settings)) => settings.duration.epochs,
        other => panic!("{other:?}"),
    };
    assert_eq!((epochs(DatasetId::Eurosat), epochs(DatasetId::Dtd)), (2.0, 3.0));
}

#[test]
fn mistakes_are_those_of_the_file() {
    let check = |setting: &str, expected: &str| {
        let errors = read(&[setting]).expect_err(setting).to_string();
        assert!(errors.contains(expected), "{setting}: {errors}");
    };
    check("cls-rl.generations=1", "`generations` must be 2 or more, found 1");
    check("cls-rl.generation=8", "unknown key `generation`, did you mean `generations`?");
    check("cls-rll.generations=8", "unknown key `cls-rll`");
    check("evaluation.max_new_tokens=many", "`max_new_tokens` must be an integer, found a string");
    check("evaluation.max_tokens=5", "unknown key `max_tokens`");
    check("methods=[\"cls\"]", "unknown method `cls`");
    check("scorer.strict=true", "`scorer`");
}

#[test]
fn a_setting_has_a_field_and_a_value_and_renames_no_file() {
    for text in ["", "a", "=8", "a=", "a..b=1", "a b=1", ".a=1"] {
        assert_eq!(text.parse::<Setting>(), Err(BadSetting::Form(text.to_owned())), "{text:?}");
    }
    for field in ["name", "version", "protocol"] {
        let fixed = Err(BadSetting::Fixed(field.to_owned()));
        assert_eq!(format!("{field}=x").parse::<Setting>(), fixed);
    }
}

#[test]
fn two_settings_never_share_a_name() {
    let name = |text: &str| text.parse::<Setting>().unwrap().part_of_name();
    let long = "x".repeat(300);
    let texts = [
        "a.b=1".to_owned(),
        "a.b=-1".to_owned(),
        "a.b=[1]".to_owned(),
        "a.b=\"1\"".to_owned(),
        format!("prompts.system={long}"),
        format!("prompts.system={long}x"),
    ];
    let names: std::collections::BTreeSet<String> = texts.iter().map(|text| name(text)).collect();
    assert_eq!(names.len(), texts.len(), "{names:?}");
    assert!(names.iter().all(|name| name.len() < 80 && !name.contains(['.', '/'])), "{names:?}");
}
