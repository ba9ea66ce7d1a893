//! What is used is what was checked: start weights that are replaced, checkpoints that are damaged, and numbers that
//! are none.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command},
    sync::OnceLock,
};

use serde_json::Value;

use crate::{
    interrupt::run_until,
    program::{
        Ended, assert_same_results, call, copy, end, expect_ok, finished, model, program, root,
        run_args, temporary, text,
    },
};

const SFT: &str = "smoke/sft.dtd.4shot.seed1";
const LORA: &str = "smoke.lora4/sft.dtd.4shot.seed1";
const WEIGHTS: &str = "model.safetensors";

/// Makes something of a safetensors file's values, all of them or those of one tensor.
fn edit_values(path: &Path, tensor: Option<&str>, change: impl Fn(f32) -> f32) {
    let mut bytes = fs::read(path).unwrap();
    let start = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: Value = serde_json::from_slice(&bytes[8..start]).unwrap();
    let range = match tensor {
        None => start..bytes.len(),
        Some(name) => {
            let at = |n: usize| start + header[name]["data_offsets"][n].as_u64().unwrap() as usize;
            at(0)..at(1)
        }
    };
    for value in bytes[range].chunks_exact_mut(4) {
        let number = f32::from_le_bytes((&*value).try_into().unwrap());
        value.copy_from_slice(&change(number).to_le_bytes());
    }
    fs::write(path, bytes).unwrap();
}

/// Another file of the same name, as somebody might put it there.
fn other_file(name: &str, path: &Path) {
    if name == WEIGHTS {
        return edit_values(path, None, |value| value * 0.9);
    }
    let json = fs::read_to_string(path).unwrap();
    // The same settings in other bytes.
    fs::write(path, format!("{json}\n")).unwrap();
}

/// Runs the small selection, lets something happen to the model's folder after the first trial, and expects the rest to
/// end with 7 and to leave no record.
fn check_replaced(name: &str, happen: &dyn Fn(&Path)) {
    let dir = temporary();
    let (model_dir, out) = (dir.path().join("model"), dir.path().join("out"));
    copy(&model(), &model_dir);
    let args = run_args(text(&out), &["--jobs", "1", "--model", text(&model_dir)]);
    let (child, stderr) = run_until(&args, "1/3 zero-shot done");
    happen(&model_dir.join(name));
    let (code, message) = rest(child, stderr);
    assert_eq!(code, Some(7), "{message}");
    let expected =
        format!("{}` is not what it was when it was checked", model_dir.join(name).display());
    assert!(message.contains(&expected), "{message}");
    assert!(!out.join("smoke/sft.eurosat.4shot.seed1/training.json").exists(), "{message}");
    fs::copy(model().join(name), model_dir.join(name)).unwrap();
    if name != WEIGHTS {
        return;
    }
    expect_ok(&args);
    for trial in ["zero-shot", "sft.dtd.4shot.seed1", "sft.eurosat.4shot.seed1"] {
        let of = |results: &Path| results.join("smoke").join(trial);
        assert_same_results(&of(finished()), &of(&out));
    }
}

fn rest(mut child: Child, mut stderr: impl std::io::Read) -> (Option<i32>, String) {
    let mut message = String::new();
    stderr.read_to_string(&mut message).unwrap();
    (child.wait().unwrap().code(), message)
}

#[test]
fn start_weights_that_are_replaced_during_a_run_end_it_with_7() {
    check_replaced(WEIGHTS, &|path| other_file(WEIGHTS, path));
}

#[test]
fn start_weights_that_are_cut_or_gone_during_a_run_end_it_with_7() {
    check_replaced(WEIGHTS, &|path| {
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_len(100_000).unwrap();
    });
    check_replaced(WEIGHTS, &|path| fs::remove_file(path).unwrap());
}

#[test]
fn settings_that_are_replaced_during_a_run_end_it_with_7() {
    for name in ["config.json", "generation_config.json", "preprocessor_config.json"] {
        check_replaced(name, &|path| other_file(name, path));
    }
    for name in ["tokenizer.json", "tokenizer_config.json"] {
        check_replaced(name, &|path| other_file(name, path));
    }
}

/// Arguments that fine-tune on one dataset and keep the checkpoint.
fn keeping<'a>(out: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    let suite =
        ["run", "--suite", "smoke", "--methods", "sft", "--datasets", "dtd", "--limit", "2"];
    [&suite[..], &["--keep-checkpoints", "--out", text(out)], more].concat()
}

/// A run that kept its checkpoint, made once; not to be changed.
fn kept(name: &str, more: &[&str]) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if dir.exists() {
        fs::remove_dir_all(&dir).unwrap();
    }
    expect_ok(&keeping(&dir, more));
    dir
}

fn kept_whole() -> &'static Path {
    static KEPT: OnceLock<PathBuf> = OnceLock::new();
    KEPT.get_or_init(|| kept("kept", &[]))
}

fn kept_lora() -> &'static Path {
    static KEPT: OnceLock<PathBuf> = OnceLock::new();
    KEPT.get_or_init(|| kept("kept-lora", &["--lora", "4"]))
}

/// Lets something happen to a kept checkpoint, loses a cell, and expects the next run to make the same results and the
/// same checkpoint again; whether it had to train for that.
#[track_caller]
fn check_damaged(kept: &Path, more: &[&str], trains: bool, happen: &dyn Fn(&Path)) {
    let dir = temporary();
    copy(kept, dir.path());
    let trial = if more.is_empty() { SFT } else { LORA };
    let checkpoint = dir.path().join(trial).join("checkpoint");
    happen(&checkpoint);
    fs::remove_file(dir.path().join(trial).join("dtd.direct.json")).unwrap();
    let Ended { code, stderr, .. } = call(&keeping(dir.path(), more));
    assert_eq!(code, Some(0), "{stderr}");
    let trains_again = stderr.contains("sft.dtd.4shot.seed1 trains again: ");
    assert_eq!(trains_again, trains, "{stderr}");
    assert_same_results(kept, dir.path());
    for name in [WEIGHTS, "adapter/adapter_model.safetensors"] {
        let whole = kept.join(trial).join("checkpoint").join(name);
        assert_eq!(fs::read(checkpoint.join(name)).ok(), fs::read(whole).ok(), "{name}");
    }
}

fn flip_a_bit(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let at = bytes.len() - 5;
    bytes[at] ^= 0x40;
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_sound_checkpoint_is_not_trained_again() {
    check_damaged(kept_whole(), &[], false, &|_| ());
    check_damaged(kept_lora(), &["--lora", "4"], false, &|_| ());
}

#[test]
fn a_damaged_checkpoint_is_made_again_by_the_same_command() {
    let check = |happen: &dyn Fn(&Path)| check_damaged(kept_whole(), &[], true, happen);
    check(&|checkpoint| flip_a_bit(&checkpoint.join(WEIGHTS)));
    check(&|checkpoint| {
        let file = fs::File::options().write(true).open(checkpoint.join(WEIGHTS)).unwrap();
        file.set_len(100_000).unwrap();
    });
    check(&|checkpoint| fs::remove_file(checkpoint.join(WEIGHTS)).unwrap());
    check(&|checkpoint| edit_values(&checkpoint.join(WEIGHTS), None, |_| f32::NAN));
    // Sound weights, and not those that the record is of.
    check(&|checkpoint| {
        fs::copy(model().join(WEIGHTS), checkpoint.join(WEIGHTS)).unwrap();
    });
    check(&|checkpoint| fs::write(checkpoint.join(WEIGHTS), "").unwrap());
}

#[test]
fn a_checkpoint_s_own_settings_change_no_number() {
    // What decides is the start model's config; the checkpoint's is for other programs.
    check_damaged(kept_whole(), &[], false, &|checkpoint| {
        let path = checkpoint.join("config.json");
        let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        config["rope_theta"] = 10.into();
        fs::write(path, config.to_string()).unwrap();
    });
}

#[test]
fn a_damaged_adapter_is_made_again_and_lost_weights_are_merged_again() {
    let adapter = "adapter/adapter_model.safetensors";
    let check = |trains, happen: &dyn Fn(&Path)| {
        check_damaged(kept_lora(), &["--lora", "4"], trains, happen);
    };
    check(true, &|checkpoint| flip_a_bit(&checkpoint.join(adapter)));
    check(true, &|checkpoint| fs::remove_file(checkpoint.join(adapter)).unwrap());
    // As after an end between the training's record and its merged weights.
    check(false, &|checkpoint| fs::remove_file(checkpoint.join(WEIGHTS)).unwrap());
    check(false, &|checkpoint| flip_a_bit(&checkpoint.join(WEIGHTS)));
    check(true, &|checkpoint| {
        flip_a_bit(&checkpoint.join(WEIGHTS));
        flip_a_bit(&checkpoint.join(adapter));
    });
}

/// A home whose protocol trains with other settings of SFT or of its optimizer.
fn home_with(dir: &Path, settings: &[(&str, &str)]) -> PathBuf {
    let home = dir.join("home");
    copy(&root().join("suites"), &home.join("suites"));
    copy(&model(), &home.join("harness/tiny/model"));
    fs::copy(root().join("datasets.lock"), home.join("datasets.lock")).unwrap();
    let path = home.join("suites/protocols/tiny.toml");
    let mut protocol: toml::Table = fs::read_to_string(&path).unwrap().parse().unwrap();
    for (key, value) in settings {
        let value: toml::Value =
            format!("v = {value}").parse::<toml::Table>().unwrap()["v"].clone();
        let section = ["sft", "optimizer"]
            .into_iter()
            .find(|name| protocol[*name].as_table().unwrap().contains_key(*key));
        let section = section.unwrap_or_else(|| panic!("there is no setting `{key}`"));
        protocol[section].as_table_mut().unwrap().insert((*key).to_owned(), value);
    }
    fs::write(path, protocol.to_string()).unwrap();
    home
}

fn one_step_at(dir: &Path, learning_rate: &str) -> PathBuf {
    let one_step = [("learning_rate", learning_rate), ("epochs", "1"), ("prompts_per_step", "32")];
    home_with(dir, &one_step)
}

#[test]
fn weights_that_overflow_when_they_are_used_have_no_answers() {
    let dir = temporary();
    let (home, out) = (one_step_at(dir.path(), "1e30"), dir.path().join("out"));
    let ended = end(program(&keeping(&out, &[])).env("CLSRL_HOME", &home));
    assert_eq!(ended.code, Some(5), "{}", ended.stderr);
    assert!(ended.stderr.contains("the logits of token 1 of the answer"), "{}", ended.stderr);
    assert!(!out.join(SFT).join("dtd.direct.json").exists());
}

#[test]
fn weights_that_are_no_numbers_after_the_last_step_are_neither_kept_nor_evaluated() {
    let dir = temporary();
    // One step, whose loss and gradients are sound; its decay overflows.
    let home = home_with(
        dir.path(),
        &[
            ("learning_rate", "1e30"),
            ("weight_decay", "1e30"),
            ("epochs", "1"),
            ("prompts_per_step", "32"),
        ],
    );
    let out = dir.path().join("out");
    for more in [&[][..], &["--lora", "4"], &["--in-process"]] {
        let ended = end(program(&keeping(&out, more)).env("CLSRL_HOME", &home));
        assert_eq!(ended.code, Some(5), "{}", ended.stderr);
        assert!(ended.stderr.contains("is not finite"), "{}", ended.stderr);
        for trial in [SFT, LORA] {
            assert!(!out.join(trial).join("training.json").exists());
            assert!(!out.join(trial).join("checkpoint").exists());
        }
    }
}

#[test]
fn a_start_model_whose_weights_are_no_numbers_is_none() {
    let dir = temporary();
    let (model_dir, out) = (dir.path().join("model"), dir.path().join("out"));
    copy(&model(), &model_dir);
    edit_values(&model_dir.join(WEIGHTS), Some("model.norm.weight"), |_| f32::INFINITY);
    let suite = ["run", "--suite", "smoke", "--datasets", "dtd", "--limit", "2"];
    let given = ["--model", text(&model_dir), "--out", text(&out)];
    for more in [&["--methods", "zero-shot"][..], &["--methods", "sft", "--in-process"]] {
        let ended = call(&[&suite[..], &given, more].concat());
        assert_eq!(ended.code, Some(7), "{}", ended.stderr);
        let message = "tensor `model.norm.weight`: expected finite values";
        assert!(ended.stderr.contains(message), "{}", ended.stderr);
    }
}

#[test]
fn a_model_whose_logits_overflow_has_no_answers() {
    let dir = temporary();
    let (model_dir, out) = (dir.path().join("model"), dir.path().join("out"));
    copy(&model(), &model_dir);
    // Every weight is a number.
    edit_values(&model_dir.join(WEIGHTS), Some("model.norm.weight"), |value| value.signum() * 3e38);
    let suite = ["run", "--suite", "smoke", "--datasets", "dtd", "--limit", "2"];
    let given = ["--model", text(&model_dir), "--out", text(&out)];
    for (methods, about) in [("zero-shot", "answer about `"), ("cls-rl", "completion about `")] {
        let ended = call(&[&suite[..], &given, &["--methods", methods]].concat());
        assert_eq!(ended.code, Some(5), "{}", ended.stderr);
        let message = format!("the logits of token 1 of the {about}");
        assert!(ended.stderr.contains(&message), "{}", ended.stderr);
    }
    let is_record = |path: &PathBuf| path.to_string_lossy().contains("direct");
    let left =
        fs::read_dir(out.join("smoke/zero-shot")).unwrap().map(|entry| entry.unwrap().path());
    assert_eq!(left.filter(is_record).collect::<Vec<_>>(), Vec::<PathBuf>::new());
}

/// The worker that a run has started, as Linux tells it; a run asks other programs as well.
fn worker_of(run: u32) -> Option<String> {
    let listed = fs::read_to_string(format!("/proc/{run}/task/{run}/children")).unwrap_or_default();
    let mut children = listed.split_whitespace().map(str::to_owned);
    children.find(|child| {
        let command = fs::read(format!("/proc/{child}/cmdline")).unwrap_or_default();
        command.ends_with(b"\0trial\0--of-run\0")
    })
}

#[test]
fn a_worker_that_the_system_kills_tells_of_memory_and_of_what_was_not_given() {
    for (more, message) in [
        (
            &[][..],
            "hint: --gradient-checkpointing keeps less for the backward pass; --lora RANK trains less",
        ),
        (&["--lora", "4", "--recompute"], "hint: another program may be using the memory"),
    ] {
        let dir = temporary();
        let args = [&keeping(dir.path(), more)[..], &["--jobs", "1"]].concat();
        let (mut child, stderr) = run_until(&args, "of them to run");
        let worker = loop {
            if let Some(worker) = worker_of(child.id()) {
                break worker;
            }
            assert_eq!(child.try_wait().unwrap(), None, "the run ended without a worker");
            std::thread::yield_now();
        };
        assert!(Command::new("kill").args(["-KILL", &worker]).status().unwrap().success());
        let (code, stderr) = rest(child, stderr);
        assert_eq!(code, Some(5), "{stderr}");
        assert!(stderr.contains("too little memory"), "{stderr}");
        assert!(stderr.lines().any(|line| line.starts_with(message)), "{stderr}");
    }
}
