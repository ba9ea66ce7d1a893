//! The mistakes of suite files, each with its exact message.
//!
//! Each case is the smoke suite with one text replaced. The lines are found by what stands there, so
//! that a comment more in the suite does not break a case.

use crate::given::{parse, protocol_text, suite_text};
use clsrl_spec::{DatasetId, MethodId, Selection, Suite, SuiteErrors, Training, plan};

/// Replaces the first `old` of the smoke suite, or else of its protocol, by `new`; expects messages, each
/// at the line of that file where its marker first stands.
fn check(old: &str, new: &str, expected: &[(&str, &str)]) {
    let (smoke, tiny) = (suite_text("smoke"), protocol_text("tiny"));
    let of_suite = smoke.contains(old);
    let text = if of_suite { &smoke } else { &tiny };
    assert!(text.contains(old), "neither the smoke suite nor its protocol has {old:?}");
    let text = text.replacen(old, new, 1);
    let line = |marker: &str| {
        1 + text.lines().position(|line| line.starts_with(marker)).unwrap_or_else(|| {
            panic!("no line starts with {marker:?}");
        })
    };
    let expected: Vec<_> = expected.iter().map(|(at, text)| (line(at), text.to_string())).collect();
    let read = match of_suite {
        true => parse(&text),
        false => Suite::parse(&smoke, "suites/mine.toml", &|_| Ok(text.clone())),
    };
    assert_eq!(errors(read), expected);
}

fn errors(read: Result<Suite, SuiteErrors>) -> Vec<(usize, String)> {
    let errors = read.expect_err("the suite was accepted").0;
    errors.into_iter().map(|error| (error.line, error.message)).collect()
}

#[test]
fn a_misspelt_key_is_told_once_with_what_was_meant() {
    check("shots = ", "shot = ", &[("shot = ", "unknown key `shot`, did you mean `shots`?")]);
    check("[sft]", "[stf]", &[("[stf]", "unknown key `stf`, did you mean `sft`?")]);
    check(
        "generations",
        "generation",
        &[("generation ", "unknown key `generation`, did you mean `generations`?")],
    );
}

#[test]
fn an_unknown_key_far_from_all_is_told_with_its_place() {
    check("batch = 48", "batch = 48\nfoo = 1", &[("foo", "unknown key `foo` in `evaluation`")]);
    check("version = 2", "version = 2\nqqq = 2", &[("qqq", "unknown key `qqq`")]);
    check("[sft]", "[zzzz]\n[sft]", &[("[zzzz]", "unknown key `zzzz`")]);
    check("[rl]", "[rl]\nfoo = 1", &[("foo", "unknown key `foo` in `rl`")]);
}

#[test]
fn a_missing_key_is_told_at_its_section() {
    check("batch = 48\n", "", &[("[evaluation]", "missing `batch` in `evaluation`")]);
    check("seeds = [1]\n", "", &[("#", "missing `seeds`")]);
    check(
        "[execution]",
        "[other]",
        &[("#", "missing `execution`"), ("[other]", "unknown key `other`")],
    );
}

#[test]
fn a_wrong_type_is_told_with_what_was_found() {
    let message = "`shots` must be a list, found an integer";
    check("shots = [4] ", "shots = 4 ", &[("shots", message)]);
    let message = "`shots` must be an integer, found a string";
    check("shots = [4] ", "shots = [\"four\"] ", &[("shots", message)]);
    let message = "`learning_rate` must be a number, found a string";
    check("learning_rate = 3e-4", "learning_rate = \"3e-4\"", &[("learning_rate", message)]);
    let message = "`name` must be a string, found a boolean";
    check("name = \"smoke\"", "name = true", &[("name", message)]);
    let message = "`batch` must be an integer, found a float";
    check("batch = 48", "batch = 48.0", &[("batch", message)]);
    let message = "`datasets` must be \"all\" or a list of datasets, found a string";
    check("datasets = \"all\"", "datasets = \"every\"", &[("datasets", message)]);
    let message = "`data` must be a table, found a date";
    check("data = { drawn_seed = 1 }", "data = 2020-01-01", &[("data", message)]);
}

#[test]
fn an_impossible_number_is_told_as_it_is_written() {
    let rate = "`learning_rate` must be from 1e-30 to 1e30, found ";
    for written in ["-1e-6", "0", "0.0", "1e-31", "1.1e30", "nan", "inf", "-inf"] {
        let new = format!("learning_rate = {written}");
        check("learning_rate = 3e-4", &new, &[("learning_rate", &format!("{rate}{written}"))]);
    }
    check(
        "beta1 = 0.9",
        "beta1 = 1",
        &[("beta1", "`beta1` must be 0 or more and below 1, found 1")],
    );
    check(
        "top_p = 1.0",
        "top_p = 0",
        &[("top_p", "`top_p` must be above 0 and at most 1, found 0")],
    );
    let message = "`generations` must be 2 or more, found 1";
    check("generations = 4", "generations = 1", &[("generations", message)]);
    check("batch = 48", "batch = 0", &[("batch", "`batch` must be 1 or more, found 0")]);
    let message = "`batch` must be 1 or more, found 99999999999999999999";
    check("batch = 48", "batch = 99999999999999999999", &[("batch", message)]);
    let message = "`batch` must be at most 65536, found 65537";
    check("batch = 48", "batch = 65537", &[("batch", message)]);
    let message = "`batch` must be at most 65536, found 9223372036854775807";
    check("batch = 48", "batch = 9223372036854775807", &[("batch", message)]);
    let message = "`threads` must be at most 1024, found 1025";
    check("threads = 1", "threads = 1025", &[("threads", message)]);
    let message = "`epochs` must be above 0 and at most 1000000, found 1e300";
    check("epochs = 10", "epochs = 1e300", &[("epochs", message)]);
    check("seeds = [1]", "seeds = [-1]", &[("seeds", "`seeds` must be 0 or more, found -1")]);
    check(
        "epochs = 10",
        "epochs = 0",
        &[("epochs", "`epochs` must be above 0 and at most 1000000, found 0")],
    );
    check(
        "batch = 48",
        "batch = 48\nlimit = 0",
        &[("limit", "`limit` must be 1 or more, found 0")],
    );
    let message = "`accumulation` must divide `prompts_per_step` (16), found 3";
    check("accumulation = 1", "accumulation = 3", &[("accumulation", message)]);
}

#[test]
fn an_unknown_name_is_told_with_what_was_meant_or_what_there_is() {
    let message = "unknown dataset `dtdd`, did you mean `dtd`?";
    check("datasets = \"all\"", "datasets = [\"dtdd\"]", &[("datasets", message)]);
    let message = "unknown dataset `mnist-digits`, expected one of imagenet, caltech101, \
                   oxford_pets, stanford_cars, oxford_flowers, food101, fgvc_aircraft, sun397, dtd, \
                   eurosat, ucf101";
    check("datasets = \"all\"", "datasets = [\"mnist-digits\"]", &[("datasets", message)]);
    let message = "unknown method `clsrl`, did you mean `cls-rl`?";
    check("\"cls-rl\", ", "\"clsrl\", ", &[("methods", message)]);
    let message = "unknown split `train`, expected one of test, val";
    check("split = \"test\"", "split = \"train\"", &[("split", message)]);
    let message = "unknown precision `f16`, did you mean `bf16`?";
    check("precision = \"auto\"", "precision = \"f16\"", &[("precision", message)]);
    let message = "`targets` must be \"all\", \"source\" or a list of datasets, found \"self\"";
    check("targets = \"all\"", "targets = \"self\"", &[("targets", message)]);
    let message = "cannot read protocol `papr`: there is no such file";
    check("protocol = \"tiny\"", "protocol = \"papr\"", &[("protocol", message)]);
}

#[test]
fn a_list_names_something_and_nothing_twice() {
    check("shots = [4] ", "shots = [] ", &[("shots", "`shots` must name at least one")]);
    check("shots = [4] ", "shots = [4, 4] ", &[("shots", "`shots` names 4 twice")]);
    let message = "`methods` names \"sft\" twice";
    check("\"sft\", ", "\"sft\", \"sft\", ", &[("methods", message)]);
}

#[test]
fn a_name_must_do_as_a_file_s_name_everywhere() {
    for name in ["", "A b", "../up", "-x", "ü"] {
        let message =
            format!("`name` must be lower-case letters, digits and hyphens, found {name:?}");
        check("name = \"smoke\"", &format!("name = {name:?}"), &[("name", &message)]);
    }
}

#[test]
fn exceptions_by_dataset_are_held_to_the_same_rules() {
    let with = |table: &str| format!("epochs = {table}");
    let message = "unknown dataset `sun`, expected one of imagenet, caltech101, oxford_pets, \
                   stanford_cars, oxford_flowers, food101, fgvc_aircraft, sun397, dtd, eurosat, \
                   ucf101";
    check("epochs = 10", &with("{ default = 1, sun = 2 }"), &[("epochs", message)]);
    check("epochs = 10", &with("{ dtd = 2 }"), &[("epochs", "missing `default` in `epochs`")]);
    let message = "`epochs` must be above 0 and at most 1000000, found -2";
    check("epochs = 10", &with("{ default = 1, dtd = -2 }"), &[("epochs", message)]);
}

#[test]
fn every_setting_of_a_method_may_differ_by_dataset() {
    let tiny = protocol_text("tiny").replacen(
        "generations = 4\nbeta = 0.04",
        "generations = { default = 4, dtd = 8 }\nbeta = { default = 0.04, dtd = 0 }",
        1,
    );
    let suite = Suite::parse(&suite_text("smoke"), "smoke.toml", &|_| Ok(tiny.clone())).unwrap();
    let settings = |dataset| match suite.training(MethodId::ClsRl, dataset) {
        Some(Training::Grpo(settings)) => (settings.generations, settings.beta),
        _ => panic!(),
    };
    assert_eq!(settings(DatasetId::Dtd), (8, 0.0));
    assert_eq!(settings(DatasetId::Eurosat), (4, 0.04));
}

#[test]
fn another_format_s_version_is_refused() {
    let message = "suite format 1 is unknown, expected 2";
    check("version = 2", "version = 1", &[("version", message)]);
}

#[test]
fn all_mistakes_are_told_at_once_in_the_order_of_lines() {
    let text = suite_text("smoke")
        .replacen("shots = [4]", "shot = [4]", 1)
        .replacen("threads = 1", "threads = -1", 1)
        .replacen("targets = \"all\"", "targets = [\"dtdd\"]", 1)
        .replacen("jobs = 2", "jobs = \"two\"", 1);
    let line = |marker: &str| 1 + text.lines().position(|l| l.starts_with(marker)).unwrap();
    let expected = format!(
        "suites/mine.toml has 4 errors\n  \
         line {}: unknown dataset `dtdd`, did you mean `dtd`?\n  \
         line {}: unknown key `shot`, did you mean `shots`?\n  \
         line {}: `threads` must be 1 or more, found -1\n  \
         line {}: `jobs` must be an integer, found a string",
        line("targets"),
        line("shot "),
        line("threads"),
        line("jobs"),
    );
    assert_eq!(parse(&text).unwrap_err().to_string(), expected);
}

#[test]
fn mistakes_of_a_protocol_are_told_under_its_own_name() {
    let broken = protocol_text("tiny")
        .replacen("rule = \"all\"", "rule = \"publishd\"", 1)
        .replacen("train = \"rgb56\"", "train = \"rgb7\"", 1)
        .replacen("max_pixels = 401408", "max_pixels = 1", 1)
        .replacen("label_mask", "labelmask", 1)
        .replacen("name = \"tiny\"", "name = \"teeny\"", 1);
    let text = suite_text("smoke").replacen("jobs = 2", "jobs = 0", 1);
    let errors = Suite::parse(&text, "mine.toml", &|_| Ok(broken.clone())).unwrap_err();
    let messages: Vec<(&str, &str)> =
        errors.0.iter().map(|error| (error.file.as_str(), error.message.as_str())).collect();
    let protocol = "suites/protocols/tiny.toml";
    assert_eq!(
        messages,
        [
            ("mine.toml", "`jobs` must be 1 or more, found 0"),
            (protocol, "`name` must be the file's, `tiny`, found `teeny`"),
            (protocol, "unknown list rule `publishd`, did you mean `published`?"),
            (
                protocol,
                "unknown image path `rgb7`, expected `direct` or `rgb`, `native` or `eval` \
                 followed by a side of 28 to 4096 pixels, as in `rgb384`"
            ),
            (protocol, "`max_pixels` must be `min_pixels` (3136) or more, found 1"),
            (protocol, "unknown key `labelmask`, did you mean `label_mask`?"),
        ]
    );
    assert!(errors.to_string().contains("found 0\nsuites/protocols/tiny.toml has 5 errors\n"));
}

#[test]
fn adapters_of_a_protocol_are_read_or_refused() {
    let read = |section: &str| {
        let text = format!("{}\n[lora]\n{section}\n", protocol_text("tiny"));
        Suite::parse(&suite_text("smoke"), "mine.toml", &|_| Ok(text.clone()))
    };
    let lora = read("rank = 8\nalpha = 16").unwrap().protocol.lora.unwrap();
    assert_eq!((lora.rank, lora.alpha), (8, 16.0));
    let errors = |section| read(section).unwrap_err().0.into_iter().map(|error| error.message);
    assert_eq!(
        errors("rank = 0\nalphas = 1").collect::<Vec<_>>(),
        ["`rank` must be 1 or more, found 0", "unknown key `alphas`, did you mean `alpha`?"]
    );
}

#[test]
fn a_system_message_is_a_text_or_that_of_the_models_template() {
    let read = |system: &str| {
        let own = "system = \"You are a helpful assistant.\"";
        let text = protocol_text("tiny").replace(own, &format!("system = {system}"));
        Suite::parse(&suite_text("smoke"), "mine.toml", &|_| Ok(text.clone()))
    };
    let suite = read("{ rule = \"template\" }").unwrap();
    assert_eq!((&suite.protocol.prompts.system, &suite.protocol.sft.system), (&None, &None));
    let of_qwen3_vl = suite.protocol.with_template_system("");
    assert_eq!(of_qwen3_vl.prompts.system.as_deref(), Some(""));
    let trials = plan(&suite, &Selection::default()).unwrap();
    assert_eq!(trials, plan(&parse(&suite_text("smoke")).unwrap(), &Selection::default()).unwrap());
    let given = read("\"Be brief.\"").unwrap().protocol.with_template_system("");
    assert_eq!(given.sft.system.as_deref(), Some("Be brief."));
    let message = |system| read(system).unwrap_err().0.remove(0).message;
    assert_eq!(
        message("{ rule = \"templates\" }"),
        "unknown system message rule `templates`, did you mean `template`?"
    );
    assert_eq!(message("1"), "`system` must be a string, found an integer");
}

#[test]
fn errors_of_syntax_have_their_line_too() {
    for (text, line) in [("version = 1\nname = \n", 2), ("a = 1\na = 2\n", 2), ("\n[x\n", 2)] {
        let messages = errors(parse(text));
        assert_eq!(messages[0].0, line, "{messages:?}");
        assert!(!messages[0].1.contains('\n'), "{messages:?}");
    }
}

#[test]
fn no_text_makes_the_reader_panic() {
    let smoke = suite_text("smoke");
    for end in (0..smoke.len()).step_by(7).filter(|&end| smoke.is_char_boundary(end)) {
        // Only the whole suite, or all of it but its last line end, is one.
        if let Ok(suite) = parse(&smoke[..end]) {
            assert_eq!(suite, parse(&smoke).unwrap(), "the first {end} bytes");
        }
    }
    for text in ["", "\u{feff}", "\r\n\r", "ü = 'ü'", "x = [[[[", "\0", "optimizer = 1\nsft = [1]"]
    {
        parse(text).unwrap_err();
    }
}

#[test]
fn a_method_without_settings_is_told_where_the_suite_names_it() {
    let message = "protocol `tiny` has no section `adaptive-thinking`";
    let new = "\"adaptive-thinking\", \"cls-rl\", ";
    check("\"cls-rl\", ", new, &[("methods", message)]);
}
