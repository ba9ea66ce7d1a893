//! Both formats of protocol files: what says a setting once means what said it in every section.
//!
//! `format-1` holds the project's protocols as they were in format 1. They are read as before, and equal those of
//! today in every value, so that no identity moved.

use std::fs;

use crate::given::{protocol_text, suite_text, suites_dir};
use clsrl_spec::{DatasetId, MethodId, ProtocolFile, QWEN2_VL_SYSTEM, Suite, Training};

const PROTOCOLS: [&str; 3] = ["matched", "paper", "tiny"];

fn format_1(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/suites/format-1");
    fs::read_to_string(format!("{folder}/{name}.toml")).unwrap()
}

/// A protocol as it is for Qwen2-VL: in format 1 its template's system message was written out.
fn read(text: &str, name: &str) -> ProtocolFile {
    let mut file =
        ProtocolFile::parse(text, "p.toml", name).unwrap_or_else(|errors| panic!("{errors}"));
    file.protocol = file.protocol.with_template_system(QWEN2_VL_SYSTEM);
    file
}

#[test]
fn the_projects_protocols_have_the_values_that_they_had_in_format_1() {
    for name in PROTOCOLS {
        assert_eq!(read(&protocol_text(name), name), read(&format_1(name), name), "{name}");
    }
}

#[test]
fn every_suite_is_the_same_under_protocols_of_format_1() {
    let mut n_suites = 0;
    for entry in fs::read_dir(suites_dir()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let text = suite_text(path.file_stem().unwrap().to_str().unwrap());
        let now = Suite::parse(&text, "s", &|name| Ok(protocol_text(name))).unwrap();
        let before = Suite::parse(&text, "s", &|name| Ok(format_1(name))).unwrap();
        let [now, before] = [now, before].map(|suite| {
            let protocol = suite.protocol.with_template_system(QWEN2_VL_SYSTEM);
            Suite { protocol, ..suite }
        });
        assert_eq!(now, before, "{}", path.display());
        n_suites += 1;
    }
    assert!(10 <= n_suites, "{n_suites}");
}

/// Replaces the first `old` of the tiny protocol by `new`; expects messages, each at the line of its marker.
fn check(old: &str, new: &str, expected: &[(&str, &str)]) {
    let tiny = protocol_text("tiny");
    assert!(tiny.contains(old), "the protocol has no {old:?}");
    let text = tiny.replacen(old, new, 1);
    let line = |marker: &str| {
        let position = text.lines().position(|line| line.starts_with(marker));
        1 + position.unwrap_or_else(|| panic!("no line starts with {marker:?}"))
    };
    let expected: Vec<_> = expected.iter().map(|(at, text)| (line(at), text.to_string())).collect();
    let errors = ProtocolFile::parse(&text, "p", "tiny").expect_err("the protocol was accepted").0;
    let found: Vec<_> = errors.into_iter().map(|error| (error.line, error.message)).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_mistake_in_what_methods_share_is_reported_once() {
    let typo = "unknown key `temprature`, did you mean `temperature`?";
    check("temperature", "temprature", &[("temprature", typo)]);
    let range = "`top_p` must be above 0 and at most 1, found 2";
    check("top_p = 1.0", "top_p = 2", &[("top_p", range)]);
    check("[grpo]", "[grpo]\nfoo = 1", &[("foo", "unknown key `foo` in `grpo`")]);
    check(
        "beta = 0.04\n",
        "",
        &[
            ("[cls-rl]", "missing `beta` in `cls-rl`"),
            ("[no-thinking-cls-rl]", "missing `beta` in `no-thinking-cls-rl`"),
        ],
    );
}

#[test]
fn a_method_says_its_rewards_itself() {
    let unknown = "unknown key `rewards` in `grpo`";
    check("[grpo]", "[grpo]\nrewards = [\"format\"]", &[("rewards", unknown)]);
    let missing = "missing `rewards` in `no-thinking-cls-rl`";
    check("rewards = [\"equality\"]\n", "", &[("[no-thinking-cls-rl]", missing)]);
}

#[test]
fn a_method_may_differ_from_what_methods_share() {
    let text = protocol_text("tiny").replacen("[cls-rl]", "[cls-rl]\nbeta = 0.5", 1);
    let file = read(&text, "tiny");
    let beta = |method| match file.training(method, DatasetId::Dtd) {
        Some(Training::Grpo(settings)) => settings.beta,
        other => panic!("{other:?}"),
    };
    assert_eq!((beta(MethodId::ClsRl), beta(MethodId::NoThinkingClsRl)), (0.5, 0.04));
}

#[test]
fn shared_settings_are_of_format_2() {
    let needed = "`grpo` needs `version = 2` at the top of the file, found none";
    let text = protocol_text("tiny").replacen("version = 2\n", "", 1);
    let errors = ProtocolFile::parse(&text, "p", "tiny").unwrap_err();
    assert!(errors.to_string().contains(needed), "{errors}");
    assert!(errors.to_string().contains("missing `train` in `prompts`"), "{errors}");
    let unknown = "protocol format 3 is unknown, expected 1 to 2";
    check("version = 2", "version = 3", &[("version", unknown)]);
}

#[test]
fn what_no_method_has_cannot_be_shared() {
    let tiny = protocol_text("tiny");
    let text = &tiny[..tiny.find("[cls-rl]").unwrap()];
    let errors = ProtocolFile::parse(text, "p", "tiny").unwrap_err().0;
    let messages: Vec<_> = errors.into_iter().map(|error| error.message).collect();
    assert_eq!(messages, ["`grpo` is what RL methods share, and none of them has a section"]);
}

#[test]
fn a_table_of_prompts_says_only_what_differs() {
    let text = protocol_text("tiny").replacen(
        "[choices]",
        "[prompts.base]\ndirect = \" Which?\"\n\n[choices]",
        1,
    );
    let (before, prompts) = (
        read(&protocol_text("tiny"), "tiny").protocol.prompts,
        read(&text, "tiny").protocol.prompts,
    );
    assert_eq!(prompts.base.direct, " Which?");
    assert_eq!(prompts.base.thinking, before.base.thinking);
    assert_eq!((&prompts.train, &prompts.new), (&before.train, &before.new));
}

#[test]
fn a_mistake_in_prompts_is_reported_once() {
    check(
        "direct = \"\\n",
        "direckt = \"\\n",
        &[("direckt", "unknown key `direckt`, did you mean `direct`?")],
    );
    let text = "[prompts.base]\nthinking = 1\nfoo = 2\n\n[choices]";
    check(
        "[choices]",
        text,
        &[
            ("thinking = 1", "`thinking` must be a string, found an integer"),
            ("foo", "unknown key `foo` in `base`"),
        ],
    );
    let start = "thinking = \"\\n Please";
    check(start, &format!("#{start}"), &[("[prompts]", "missing `thinking` in `prompts`")]);
}
