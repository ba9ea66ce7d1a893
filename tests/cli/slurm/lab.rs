//! A grid of the tiny model on a real Slurm, with everything that goes wrong on one: a node that is lost while its jobs
//! go on, a task that is frozen past its claim, the time limit, a requeue by hand.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant, SystemTime},
};

use serde_json::Value;

use super::nodes::Nodes;
use crate::program::{Ended, assert_same_results, end, program, temporary, text};

/// Some trials that take a while together.
const GRID: [&str; 8] = [
    "--suite",
    "smoke",
    "--methods",
    "zero-shot,sft,no-thinking-cls-rl",
    "--datasets",
    "dtd,eurosat,food101,oxford_pets,ucf101",
    "--limit",
    "8",
];

fn call(nodes: &Nodes, out: &Path, verb: &[&str], more: &[&str]) -> Ended {
    let mut command = program(&[verb, &GRID, &["--out", text(out)], more].concat());
    end(command.env("SLURM_CONF", nodes.path("slurm.conf")))
}

/// Every record and its predictions that are there, and which files these are.
fn published(out: &Path) -> BTreeMap<PathBuf, (u64, SystemTime)> {
    let mut found = BTreeMap::new();
    let Ok(trials) = fs::read_dir(out.join("smoke")) else { return found };
    for trial in
        trials.flatten().filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'))
    {
        let Ok(files) = fs::read_dir(trial.path()) else { continue };
        for file in files.flatten() {
            let is_record = file.path().extension().is_some_and(|found| found == "json");
            if let (true, Ok(known)) = (is_record, file.metadata()) {
                found.insert(file.path(), (known.ino(), known.modified().unwrap()));
            }
        }
    }
    found
}

/// Watches that what was published once stays what it is.
struct Watch<'a> {
    out: &'a Path,
    seen: BTreeMap<PathBuf, (u64, SystemTime)>,
}

impl Watch<'_> {
    fn look(&mut self) -> usize {
        let now = published(self.out);
        for (path, file) in &self.seen {
            assert_eq!(now.get(path), Some(file), "{} was published again", path.display());
        }
        self.seen = now;
        self.seen.len()
    }
}

/// Tells what the jobs printed if the test fails.
struct ToldOnFailure<'a> {
    out: &'a Path,
}

impl Drop for ToldOnFailure<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("{}", logs(self.out));
        }
    }
}

/// What all jobs of the first submission printed.
fn logs(out: &Path) -> String {
    let Ok(entries) = fs::read_dir(out.join("smoke/.slurm/1/log")) else { return String::new() };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let log = |path: &PathBuf| {
        format!("==> {}\n{}", path.display(), fs::read_to_string(path).unwrap_or_default())
    };
    paths.iter().map(log).collect()
}

/// The trials that a task has claims on.
fn claimed_by(out: &Path, task: usize) -> Vec<String> {
    let Ok(claims) = fs::read_dir(out.join("smoke/.claims")) else { return Vec::new() };
    let is_its = |path: &PathBuf| {
        let text = fs::read(path).unwrap_or_default();
        let claim: Value = serde_json::from_slice(&text).unwrap_or_default();
        claim["holder"]["task"].as_u64() == Some(task as u64)
    };
    let names = claims.flatten().map(|claim| claim.path()).filter(is_its);
    names.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect()
}

/// The process of an element's program on a node, by what it was started with.
fn program_of(out: &Path, task: &str) -> Option<u32> {
    let plan = out.join("smoke/.slurm/1/plan.json");
    let wanted = ["run", "--plan", text(&plan), "--task", task];
    let ids = fs::read_dir("/proc").unwrap().flatten();
    let mut ids = ids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.find(|id| {
        let line = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        let words: Vec<&[u8]> = line.split(|&byte| byte == 0).collect();
        words.len() == 7
            && words[1..6].iter().zip(wanted).all(|(word, wanted)| *word == wanted.as_bytes())
    })
}

/// Whether a frozen process has SIGUSR1 to answer when it wakes up, the tenth bit of what its process was sent; or was
/// woken up with it, and has ended.
fn is_told_to_pause(process: u32) -> bool {
    let Ok(status) = fs::read_to_string(format!("/proc/{process}/status")) else { return true };
    let pending = status.lines().find_map(|line| line.strip_prefix("ShdPnd:")).unwrap();
    u64::from_str_radix(pending.trim(), 16).unwrap() & 1 << 9 != 0
}

fn signal(process: u32, name: &str) {
    let sent = Command::new("kill").args([name, &process.to_string()]).status().unwrap();
    assert!(sent.success());
}

#[test]
fn a_grid_under_slurm_with_all_that_goes_wrong_is_one_undisturbed_run() {
    let Some(mut nodes) = Nodes::start() else { return };
    let began = Instant::now();
    let undisturbed = temporary();
    let run = [&["run"], &GRID[..], &["--out", text(undisturbed.path()), "--jobs", "2"]].concat();
    let run = end(&mut program(&run));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let n_records = published(undisturbed.path()).len();
    let alone = began.elapsed();

    let out = nodes.path("out");
    let submit = [
        "--devices",
        "cpu",
        "--gpus-per-task",
        "1",
        "--tasks",
        "6",
        "--time",
        "1",
        "--signal-before",
        "20",
        "--claim-lifetime",
        "0:06",
    ];
    let submitted = call(&nodes, &out, &["slurm", "submit"], &submit);
    assert_eq!(submitted.code, Some(0), "{}{}", submitted.stdout, submitted.stderr);
    // Six tasks in arrays of at most four. An element gets a number of its own when it starts, so the second array's is
    // not always the next.
    let said = &submitted.stdout;
    let jobs = said.split_once("6 tasks as array 1, array ").and_then(|(_, jobs)| {
        let (second, report) = jobs.lines().next()?.split_once(", the report as job ")?;
        Some((second.parse::<u32>().ok()?, report.trim().parse::<u32>().ok()?))
    });
    assert!(jobs.is_some_and(|(second, report)| 1 < second && second < report), "{said}");
    let mut watch = Watch { out: &out, seen: BTreeMap::new() };
    let _told = ToldOnFailure { out: &out };
    let patience = Duration::from_secs(90);
    nodes.wait_until("first record", patience, |_| 0 < watch.look());

    // A task is frozen, and another is requeued by hand, by array and element, while most of the grid is to be done.
    let is_running = |state: &str, id: &str| state == "RUNNING" && id.contains('_');
    let on_first = |nodes: &Nodes| {
        let mut queue = nodes.queue().into_iter();
        queue
            .find(|(id, state, node)| is_running(state, id) && id.starts_with("1_") && node == "n1")
    };
    nodes.wait_until("task on n1", patience, |nodes| on_first(nodes).is_some());
    let (element, ..) = on_first(&nodes).unwrap();
    let task = element.strip_prefix("1_").unwrap().to_owned();
    let number: usize = task.parse().unwrap();
    nodes.wait_until("claim of that task", patience, |_| !claimed_by(&out, number).is_empty());
    let frozen = program_of(&out, &task).expect("it has a claim");
    signal(frozen, "-STOP");
    let held = claimed_by(&out, number);
    assert!(!held.is_empty());
    let mut queue = nodes.queue().into_iter();
    let other = queue.find(|(id, state, _)| is_running(state, id) && *id != element);
    let (other, ..) = other.expect("four tasks run at a time");
    let requeued = nodes.call("scontrol", &["requeue", &other]);
    assert_eq!(requeued.code, Some(0), "{}", requeued.stderr);
    // A node is lost; its tasks go on beside those that take their place.
    nodes.kill_node(1);
    nodes.wait_until("node that is down", patience, |nodes| {
        watch.look();
        nodes.call("sinfo", &["-h", "-n", "n2", "-o", "%T"]).stdout.starts_with("down")
    });
    nodes.start_node(1);
    // Others take what the frozen task held; it wakes up when its time is over, by Slurm's word.
    nodes.wait_until("takeover of what was frozen", patience, |_| {
        watch.look();
        let held_still = claimed_by(&out, number);
        !held.iter().any(|trial| held_still.contains(trial))
    });
    nodes.wait_until("Slurm's word that time is over", patience, |_| {
        watch.look();
        is_told_to_pause(frozen)
    });
    let _ = Command::new("kill").args(["-CONT", &frozen.to_string()]).output();
    nodes.wait_until("empty queue", Duration::from_secs(150), |nodes| {
        watch.look();
        nodes.queue().is_empty()
    });

    let logs = logs(&out);
    let status = call(&nodes, &out, &["slurm", "status"], &[]);
    assert_eq!(watch.look(), n_records, "{}", status.stdout);
    assert_same_results(undisturbed.path(), &out);
    assert!(logs.contains("smoke.md"), "no report");
    assert!(logs.contains("out of time: its trials are given back"));
    eprintln!(
        "{n_records} records, alone in {:.0} s, under Slurm with faults in {:.0} s\n{}",
        alone.as_secs_f64(),
        (began.elapsed() - alone).as_secs_f64(),
        status.stdout,
    );
    if std::env::var_os("CLSRL_SLURM_LOGS").is_some() {
        eprintln!("{logs}");
    }
    let is_ours = |id: &u32| {
        let line = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains("plan.json")
    };
    let strays: Vec<u32> = nodes.strays().into_iter().filter(is_ours).collect();
    assert!(strays.is_empty(), "tasks are left: {strays:?}");
}
