//! Every number of the command line at its bounds and beyond.

use clap::{CommandFactory, Parser};

use super::Cli;

/// What is no whole number within any bounds.
const NEVER: [&str; 8] = [
    "-1",
    "18446744073709551615",
    "18446744073709551616",
    "9223372036854775807",
    "1.5",
    "nan",
    "",
    "1e3",
];

fn is_taken(verb: &str, flag: &str, value: &str) -> bool {
    let given = format!("--{flag}={value}");
    let args = ["clsrl-bench"].into_iter().chain(verb.split(' ')).chain([given.as_str()]);
    match Cli::try_parse_from(args) {
        Ok(_) => true,
        Err(message) => {
            assert_eq!(message.exit_code(), 2);
            assert!(message.to_string().contains("expected"), "{given}: {message}");
            false
        }
    }
}

/// Holds a flag to its bounds.
fn check(verb: &str, flag: &str, least: usize, most: usize) {
    for value in [least, least + 1, most] {
        assert!(is_taken(verb, flag, &value.to_string()), "{flag} {value}");
    }
    let below = least.checked_sub(1).map(|n| n.to_string());
    let beyond = (most + 1).to_string();
    for value in NEVER.into_iter().chain(below.as_deref()).chain([beyond.as_str()]) {
        assert!(!is_taken(verb, flag, value), "{flag} {value}");
    }
}

#[test]
fn every_whole_number_has_bounds() {
    let run = "run --suite smoke";
    check(run, "lora", 1, 8192);
    check(run, "limit", 1, 10_000_000);
    check(run, "shots", 1, 10_000_000);
    check(run, "threads", 1, 1024);
    check(run, "jobs", 1, 1024);
    check("run --plan a", "task", 0, 10_000);
    let submit = "slurm submit --suite smoke --time 60";
    check(submit, "array-limit", 1, 10_000);
    check(submit, "array-max", 1, 10_000_000);
    check(submit, "cpus-per-task", 1, 1024);
    check(submit, "gpus-per-task", 0, 64);
    check(submit, "max-restarts", 0, 1024);
    check(submit, "signal-before", 1, 65_535);
    check(submit, "tasks", 1, 10_000);
    check("plan --suite smoke --to a", "tasks", 1, 10_000);
    check("inspect prompt --suite smoke --dataset dtd", "index", 0, 10_000_000);
    check("inspect image --dataset dtd --to a.png", "index", 0, 10_000_000);
    check("inspect sample --dataset dtd --seed 1", "shots", 1, 10_000_000);
    let pretrain = "tiny pretrain --to a --seed 1";
    check(&format!("{pretrain} --threads 1"), "steps", 1, 1_000_000);
    check(&format!("{pretrain} --threads 1 --steps 1"), "batch", 1, 65_536);
    check(&format!("{pretrain} --steps 1"), "threads", 1, 1024);
    check("doctor", "image-size", 1, 8192);
    check("doctor", "threads", 1, 1024);
    let grpo = "bench grpo --random-2b";
    check(grpo, "layers", 1, 1024);
    check(grpo, "vision-layers", 1, 1024);
    check(grpo, "image-size", 1, 8192);
    check(grpo, "prompt-tokens", 1, 1 << 20);
    check(grpo, "completion-tokens", 1, 1 << 20);
    check(grpo, "warmup", 0, 1_000_000);
    check(grpo, "steps", 1, 1_000_000);
    check(grpo, "num-generations", 1, 4096);
    check(grpo, "accum", 1, 65_536);
    check(grpo, "micro-batch", 1, 65_536);
    check("bench eval --random-2b", "batch", 1, 65_536);
    check("bench input --pictures a", "steps", 1, 1_000_000);
}

#[test]
fn every_other_number_has_bounds() {
    for (verb, flag, good) in [
        ("bench grpo --random-2b", "lr", ["0", "1e-6", "1e30"]),
        ("bench grpo --random-2b", "beta", ["0", "0.04", "1e30"]),
        ("bench sft --random-2b", "lr", ["0", "1e-6", "1e30"]),
        ("bench eval --random-2b", "spread", ["0", "0.5", "0.999"]),
        ("gate --suite smoke --baseline a", "alpha", ["0.01", "0.5", "0.99"]),
        ("gate --suite smoke --baseline a", "max-drop", ["0", "1", "99"]),
    ] {
        for value in good {
            assert!(is_taken(verb, flag, value), "{flag} {value}");
        }
        for value in ["-1", "nan", "inf", "-inf", "NaN", "1e31", "1e400", "x"] {
            assert!(!is_taken(verb, flag, value), "{flag} {value}");
        }
    }
    for seed in ["0", "18446744073709551615"] {
        assert!(
            Cli::try_parse_from(["clsrl-bench", "tiny", "draw", "--to", "a", "--seed", seed])
                .is_ok()
        );
    }
}

/// A number that somebody adds needs bounds, and a line above.
#[test]
fn no_number_is_forgotten() {
    let numbers = [
        "accum",
        "alpha",
        "array-limit",
        "array-max",
        "batch",
        "beta",
        "completion-tokens",
        "cpus-per-task",
        "gpus-per-task",
        "image-size",
        "index",
        "jobs",
        "layers",
        "limit",
        "lora",
        "lr",
        "max-drop",
        "max-restarts",
        "micro-batch",
        "num-generations",
        "prompt-tokens",
        "seed",
        "seeds",
        "shots",
        "signal-before",
        "spread",
        "steps",
        "task",
        "tasks",
        "threads",
        "vision-layers",
        "warmup",
    ];
    let mut found = std::collections::BTreeSet::new();
    let mut commands = vec![Cli::command()];
    while let Some(command) = commands.pop() {
        for arg in command.get_arguments() {
            let kind = format!("{:?}", arg.get_value_parser().type_id());
            let is_number =
                ["usize", "u64", "f64", "Level", "MaxDrop"].iter().any(|n| kind.contains(n));
            if is_number && arg.get_long().is_some() && arg.get_action().takes_values() {
                found.insert(arg.get_long().unwrap_or_default().to_owned());
            }
        }
        commands.extend(command.get_subcommands().cloned());
    }
    assert_eq!(found, numbers.iter().map(|name| (*name).to_owned()).collect());
}

/// The help of a verb and of all below it.
fn helps(command: &mut clap::Command, path: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for text in [command.render_help(), command.render_long_help()] {
        found.push((path.to_owned(), text.to_string()));
    }
    let names: Vec<String> =
        command.get_subcommands().map(|verb| verb.get_name().to_owned()).collect();
    for name in names {
        let verb = command.find_subcommand_mut(&name).unwrap();
        found.extend(helps(verb, &format!("{path} {name}")));
    }
    found
}

#[test]
fn help_fits_80_columns_and_breaks_no_word() {
    let mut command = Cli::command();
    command.build();
    let helps = helps(&mut command, "clsrl-bench");
    assert!(20 < helps.len());
    for (path, text) in helps {
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{path}: {line:?}");
        }
    }
}
