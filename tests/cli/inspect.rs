//! What the model will see.

use std::fs;

use serde_json::Value;

use crate::program::{call, expect_ok, model, shared, temporary, text};

#[test]
fn the_picks_of_a_seed_are_coops() {
    let expected = shared("data/fewshot/mini_expected.json");
    let (Ok(expected), data) = (fs::read_to_string(&expected), shared("data/coop")) else {
        eprintln!("skipped: there is no `{}`", expected.display());
        return;
    };
    let expected: Value = serde_json::from_str(&expected).unwrap();
    for (shots_and_seed, lists) in expected["dtd"].as_object().unwrap() {
        let (shots, seed) = shots_and_seed.split_once('-').unwrap();
        let after = |text: &str| text.split_once('_').unwrap().1.to_owned();
        let picks = expect_ok(&[
            "inspect",
            "sample",
            "--dataset",
            "dtd",
            "--data",
            text(&data),
            "--shots",
            &after(shots),
            "--seed",
            &after(seed),
            "--json",
        ]);
        let picks: Value = serde_json::from_str(&picks).unwrap();
        for list in ["train", "val"] {
            let found = picks[list].as_array().unwrap().iter().map(|pick| &pick["path"]);
            let expected = lists[list].as_array().unwrap();
            assert!(found.eq(expected.iter()), "{shots_and_seed} {list}: {}", picks[list]);
        }
    }
}

#[test]
fn a_pick_tells_its_position_in_the_split_file() {
    let data = shared("data/coop");
    let split = data.join("dtd/split_zhou_DescribableTextures.json");
    let Ok(split) = fs::read_to_string(&split) else {
        eprintln!("skipped: there is no `{}`", split.display());
        return;
    };
    let split: Value = serde_json::from_str(&split).unwrap();
    let picks = expect_ok(&[
        "inspect",
        "sample",
        "--dataset",
        "dtd",
        "--data",
        text(&data),
        "--shots",
        "4",
        "--seed",
        "1",
        "--json",
    ]);
    assert!(picks.starts_with(r#"{"train":[{"index":"#), "{picks}");
    let picks: Value = serde_json::from_str(&picks).unwrap();
    for list in ["train", "val"] {
        for pick in picks[list].as_array().unwrap() {
            let listed = &split[list][pick["index"].as_u64().unwrap() as usize];
            let found = (&pick["path"], &pick["label"], &pick["classname"]);
            assert_eq!(found, (&listed[0], &listed[1], &listed[2]));
        }
    }
}

#[test]
fn a_prompt_is_shown_with_its_length() {
    let prompt = |style: &str| -> Value {
        let shown = expect_ok(&[
            "inspect",
            "prompt",
            "--suite",
            "smoke",
            "--dataset",
            "eurosat",
            "--index",
            "3",
            "--prompt",
            style,
            "--model",
            text(&model()),
            "--json",
        ]);
        serde_json::from_str(&shown).unwrap()
    };
    let (thinking, direct) = (prompt("thinking"), prompt("direct"));
    let text = thinking["prompt"].as_str().unwrap();
    assert!(text.starts_with("<|im_start|>system\n"), "{text}");
    assert!(text.contains("centered satellite photo"), "{text}");
    assert!(text.contains(thinking["classname"].as_str().unwrap()), "{text}");
    assert!(direct["tokens"].as_u64() < thinking["tokens"].as_u64());
}

#[test]
fn an_image_is_written_as_the_model_sees_it() {
    let dir = temporary();
    let path = dir.path().join("seen.png");
    let printed = expect_ok(&[
        "inspect",
        "image",
        "--dataset",
        "dtd",
        "--order",
        "rgb56",
        "--to",
        text(&path),
        "--model",
        text(&model()),
    ]);
    assert_eq!(printed.trim_end(), text(&path));
    let png = fs::read(&path).unwrap();
    assert_eq!(&png[1..4], b"PNG");
    let side = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    assert_eq!((side(16), side(20)), (56, 56));
}

#[test]
fn a_position_beyond_the_list_is_wrong_usage() {
    let ended = call(&[
        "inspect",
        "prompt",
        "--suite",
        "smoke",
        "--dataset",
        "dtd",
        "--index",
        "100000",
        "--model",
        text(&model()),
    ]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("there is no image 100000"), "{}", ended.stderr);
}

#[test]
fn a_protocols_rule_picks_where_one_is_named() {
    let picks = |seed: &str, more: &[&str]| {
        let args =
            ["inspect", "sample", "--dataset", "dtd", "--shots", "2", "--seed", seed, "--json"];
        expect_ok(&[&args[..], more].concat())
    };
    assert_eq!(picks("1", &["--protocol", "matched"]), picks("1", &[]), "CoOp's rule");
    let paper = picks("1", &["--protocol", "paper"]);
    assert_ne!(paper, picks("1", &[]), "the notebook's rule");
    assert_eq!(paper, picks("2", &["--protocol", "paper"]), "its shuffle has a seed of its own");
}
