//! Completions and man pages, as their readers take them.

use std::{
    fs,
    process::{Command, Stdio},
};

use crate::program::{call, expect_ok, temporary, text};

/// Whether a program starts here; what is not there is reported.
fn is_there(program: &str) -> bool {
    let mut command = Command::new(program);
    let started = command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if started.is_err() {
        eprintln!("skipped: `{program}` does not start");
    }
    started.is_ok()
}

#[test]
fn bash_completes_verbs_and_flags() {
    if !is_there("bash") {
        return;
    }
    let dir = temporary();
    let script = dir.path().join("completions");
    fs::write(&script, expect_ok(&["completions", "bash"])).unwrap();
    let complete = |words: &str, at: usize| {
        // As bash itself asks: the function that is registered, with program, word and the word before.
        let ask = format!(
            "source {}; function=$(complete -p clsrl-bench | sed 's/.* -F \\([^ ]*\\) .*/\\1/'); \
             COMP_WORDS=({words}); COMP_CWORD={at}; \
             $function clsrl-bench \"${{COMP_WORDS[{at}]}}\" \"${{COMP_WORDS[{at} - 1]}}\"; \
             printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            script.display()
        );
        let ended = Command::new("bash").args(["--norc", "-c", &ask]).output().unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        String::from_utf8(ended.stdout).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(complete("clsrl-bench resc", 1), ["rescore"]);
    assert_eq!(complete("clsrl-bench run --few", 2), ["--few-shot-caches"]);
    assert_eq!(complete("clsrl-bench datasets ver", 2), ["verify"]);
    assert_eq!(complete("clsrl-bench tri", 1), [""], "what is hidden from people is not completed");
}

#[test]
fn every_shell_has_completions_and_another_is_wrong_usage() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = expect_ok(&["completions", shell]);
        assert!(script.contains("rescore") && !script.contains("of-run"), "{shell}");
    }
    assert_eq!(call(&["completions", "cmd"]).code, Some(2));
}

#[test]
fn there_is_a_man_page_of_the_program_and_of_every_verb() {
    let page = expect_ok(&["man"]);
    assert!(page.contains(".TH clsrl-bench 1"), "{page}");
    let dir = temporary();
    expect_ok(&["man", "--to", text(dir.path())]);
    for name in ["clsrl-bench", "clsrl-bench-run", "clsrl-bench-datasets-verify"] {
        let path = dir.path().join(format!("{name}.1"));
        let page = fs::read_to_string(&path).unwrap();
        assert!(page.contains(&format!(".TH {name} 1")), "{name}: {page}");
        // Whoever reads man pages takes every line of it.
        if is_there("groff") {
            let groff = ["-man", "-Tutf8", "-wall", "-z"];
            let ended = Command::new("groff").args(groff).arg(&path).output().unwrap();
            assert!(
                ended.status.success() && ended.stderr.is_empty(),
                "{}",
                String::from_utf8_lossy(&ended.stderr)
            );
        }
    }
    assert!(!dir.path().join("clsrl-bench-trial.1").exists(), "it is no verb for people");
}
