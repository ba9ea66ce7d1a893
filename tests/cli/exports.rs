//! What is written for other tools, read back by them.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::program::root;

/// The Python of `harness/scripts/exports-venv`, in `CLSRL_EXPORTS` or the cache; none where it was not made.
fn python() -> Option<PathBuf> {
    let named = std::env::var_os("CLSRL_EXPORTS").map(PathBuf::from);
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let in_cache = cache.or(home).map(|dir| dir.join("clsrl-bench/exports"));
    let python = named.clone().or(in_cache).unwrap_or_default().join("bin/python");
    assert!(named.is_none() || python.exists(), "{} is missing", python.display());
    if !python.exists() {
        eprintln!("skipped: harness/scripts/exports-venv makes the tools that read exports");
        return None;
    }
    Some(python)
}

/// Runs a script of `tests/python`; returns what it prints.
fn read_back(python: &Path, script: &str, args: &[&Path]) -> String {
    let output = Command::new(python)
        .arg(root().join("tests/python").join(script))
        .args(args)
        .env("HF_HUB_OFFLINE", "1")
        .output()
        .unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}: {message}");
    String::from_utf8(output.stdout).unwrap()
}

#[cfg(feature = "libtorch")]
mod tensorboard {
    use std::fs;

    use super::{python, read_back};
    use crate::program::{call, expect_ok, temporary, text};

    const ONE_DATASET: [&str; 8] = [
        "--suite",
        "smoke",
        "--methods",
        "zero-shot,sft,cls-rl",
        "--datasets",
        "dtd",
        "--limit",
        "2",
    ];

    #[test]
    fn tensorboard_reads_every_number_of_every_trial() {
        let Some(python) = python() else { return };
        let dir = temporary();
        let out = ["--out", text(dir.path())];
        let run = [&["run", "--tensorboard"], &ONE_DATASET[..], &out].concat();
        let ended = call(&run);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let events = dir.path().join("smoke.tensorboard");
        let line = format!("events:  {}", events.display());
        assert!(ended.stderr.lines().any(|found| found.trim() == line), "{}", ended.stderr);
        expect_ok(&[&["report", "--frames", "ndjson"], &ONE_DATASET[..], &out].concat());
        let told = read_back(&python, "read_events.py", &[&dir.path().join("smoke")]);
        assert!(told.starts_with("3 trials with "), "{told}");
        // Without its weights a cell needs its fine-tune again, whose events replace those of the first.
        fs::remove_file(dir.path().join("smoke/sft.dtd.4shot.seed1/dtd.direct.json")).unwrap();
        expect_ok(&run);
        for trial in ["sft.dtd.4shot.seed1", "cls-rl.dtd.4shot.seed1", "zero-shot"] {
            assert_eq!(fs::read_dir(events.join(trial)).unwrap().count(), 1, "{trial}");
        }
    }

    #[test]
    fn a_run_goes_on_where_no_event_can_be_written() {
        let dir = temporary();
        fs::write(dir.path().join("smoke.tensorboard"), "a file").unwrap();
        let args = ["--methods", "sft", "--datasets", "dtd", "--limit", "2", "--tensorboard"];
        let ended =
            call(&[&["run", "--suite", "smoke", "--out", text(dir.path())], &args[..]].concat());
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let warnings =
            ended.stderr.matches("warning: TensorBoard's event files end here: ").count();
        assert_eq!(warnings, 1, "{}", ended.stderr);
    }
}
