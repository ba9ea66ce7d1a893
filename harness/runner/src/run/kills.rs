//! Runs that are killed at random, frozen, and run twice at a time: nothing is lost, doubled or other than in a run
//! that nobody disturbs.
//!
//! This very test program is the coordinator, in processes of its own; workers are shells. No lock is taken, as on a
//! file system whose locks say yes to everybody. `CLSRL_KILLS=1000` disturbs a thousand times.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use clsrl_spec::{Stream, Trial};
use serde_json::Value;

use super::*;
use crate::{
    Claims, Holder,
    made::{NEVER, binding, cell_record, predictions, trained_trial, training_record, trials},
    tasks, trial_statuses,
};

/// Set for the processes that coordinate: the folder of the results.
const COORDINATES: &str = "CLSRL_TEST_COORDINATES";

/// Set for them where they share the trials by claims: the number of their task.
const TASK: &str = "CLSRL_TEST_TASK";

/// How long a claim lasts of which nothing is heard.
const LIFETIME: Duration = Duration::from_millis(300);

/// How often to disturb.
const KILLS: &str = "CLSRL_KILLS";

/// The longest time that a coordinator has before it is disturbed, in milliseconds.
const MAX_PAUSE: usize = 120;

fn grid() -> Vec<Trial> {
    let of_seed = |seed| Trial { seed, ..trained_trial() };
    trials().into_iter().take(1).chain((1..=4).map(of_seed)).collect()
}

/// Runs what is left, in this process; the workers do as real ones do, and take no time.
fn coordinate(dir: &Path) {
    let (store, trials) = (Store::new(dir, "smoke"), grid());
    let statuses = trial_statuses(&store, &trials, &binding()).unwrap();
    let left = tasks(&store, &statuses, &binding());
    let is_done = |trial: &&Trial| left.iter().all(|task| task.trial != **trial);
    store.sweep(trials.iter().filter(is_done)).unwrap();
    let command = WorkerCommand {
        program: "sh".into(),
        args: vec!["-c".to_owned(), "read -r line; eval \"$line\"".to_owned()],
        env: Vec::new(),
        differs: 7,
    };
    let slot = |n: usize| Slot { name: n.to_string(), device: n.to_string(), env: Vec::new() };
    let stop = AtomicBool::new(false);
    let claims = env::var(TASK).ok().map(|task| claims(&store, task.parse().unwrap()));
    let is_own = |trial: &Trial| {
        let task = claims.as_ref().map_or(0, |claims| claims.holder().task);
        trial.seed as usize % 2 == task
    };
    let has_time = |_: &Task| true;
    if let Some(claims) = &claims {
        trials.iter().filter(is_done).for_each(|trial| claims.clear(trial).unwrap());
    }
    let shared = |claims| Sharing { claims, is_own: &is_own, has_time: &has_time };
    let sharing = claims.as_ref().map(shared);
    let runner = Runner {
        store: &store,
        keep_checkpoints: false,
        sharing,
        stop: &stop,
        pause: &NEVER,
        on_event: &mut |_| {},
    };
    // Trials whose worker is killed twice are left for the next run.
    runner.run_in_workers(&left, &command, &[slot(0), slot(1)], &job).unwrap();
}

fn claims(store: &Store, task: usize) -> Claims {
    let plan = "plan".to_owned();
    let holder = Holder { plan, task, job: String::new(), host: String::new() };
    Claims::open(store, holder, LIFETIME).unwrap()
}

/// A shell line that keeps weights and prints all events of a task.
fn job(task: &Task) -> String {
    let weights = format!("weights of {}", task.key());
    let mut events = Vec::new();
    if task.trained.is_none() {
        events.push(TrialEvent::TrainingDone(Box::new(training_record(&weights))));
    }
    for &cell in &task.cells {
        let mut record = Box::new(cell_record(&task.trial, cell));
        record.outcome.weights_digest = Some(weights.clone());
        events.push(TrialEvent::CellDone(record, predictions()));
    }
    let lines: Vec<String> =
        events.iter().map(|event| serde_json::to_string(event).unwrap()).collect();
    let checkpoint = task.checkpoint_dir.display();
    let says = lines.iter().map(|line| format!("echo '{line}'"));
    let keeps = "mkdir -p \"$c\"; echo w > \"$c/model.safetensors\"";
    format!("c='{checkpoint}'; {keeps}; {}", says.collect::<Vec<_>>().join("; "))
}

fn start(dir: &Path, task: Option<usize>) -> Child {
    let name = "run::kills::whatever_is_killed_nothing_is_lost_or_doubled";
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", name, "--nocapture"]).env(COORDINATES, dir);
    command.envs(task.map(|task| (TASK, task.to_string())));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

fn signal(name: &str, processes: &[u32]) {
    // One that has ended already is none to be signalled.
    let numbers = processes.iter().map(u32::to_string);
    let _ = Command::new("kill").arg(name).args(numbers).stderr(Stdio::null()).status();
}

fn workers_of(coordinator: &Child) -> Vec<u32> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{}/task", coordinator.id())) else {
        return Vec::new();
    };
    let children = |task: fs::DirEntry| {
        let listed = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        listed.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<u32>>()
    };
    tasks.flatten().flat_map(children).collect()
}

/// Lets a coordinator work for a while that chance names, or to its end.
fn pause(coordinator: &mut Child, chance: &mut Stream) {
    let until = Instant::now() + Duration::from_millis(chance.below(MAX_PAUSE) as u64);
    while Instant::now() < until && coordinator.try_wait().unwrap().is_none() {
        thread::yield_now();
    }
}

/// Lets a coordinator end, and expects that nothing went wrong.
fn end(coordinator: Child, what: &str) {
    let output = coordinator.wait_with_output().unwrap();
    assert!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Disturbs one coordinator, or two at a time, in a way that chance names; says which.
fn disturb(dir: &Path, task: Option<usize>, chance: &mut Stream) -> &'static str {
    let other = task.map(|task| 1 - task);
    let mut one = start(dir, task);
    pause(&mut one, chance);
    let kill = |mut coordinator: Child| {
        coordinator.kill().unwrap();
        coordinator.wait().unwrap();
    };
    match chance.below(6) {
        0 => {
            kill(one);
            "the coordinator was killed"
        }
        1 => {
            signal("-9", &workers_of(&one));
            end(one, "its workers were killed");
            "workers were killed"
        }
        2 => {
            let workers = workers_of(&one);
            kill(one);
            signal("-9", &workers);
            "coordinator and workers were killed"
        }
        3 => {
            let mut two = start(dir, other);
            pause(&mut two, chance);
            kill(one);
            end(two, "another was killed beside it");
            "one of two was killed"
        }
        4 => {
            // All that ran on a machine is gone at once; the other machine's goes on.
            let mut two = start(dir, other);
            pause(&mut two, chance);
            let node = [&[one.id()][..], &workers_of(&one)].concat();
            signal("-9", &node);
            one.wait().unwrap();
            end(two, "another node was lost");
            "one of two nodes was lost"
        }
        _ => {
            // Frozen for as long as another one needs for everything: it wakes up and goes on.
            signal("-STOP", &[one.id()]);
            end(start(dir, other), "another was frozen beside it");
            signal("-CONT", &[one.id()]);
            end(one, "it was frozen");
            "one was frozen"
        }
    }
}

/// The records and predictions that are there, by their paths.
fn published(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for trial in grid() {
        let Ok(entries) = fs::read_dir(dir.join("smoke").join(trial.key())) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            let name = path.file_name().unwrap().to_str().unwrap();
            if !name.starts_with('.') && path.is_file() {
                let bytes = fs::read(&path).unwrap();
                found.insert(path.strip_prefix(dir).unwrap().to_owned(), bytes);
            }
        }
    }
    found
}

/// The reproducible half of a record, or the bytes of predictions.
fn outcome(path: &Path, bytes: &[u8]) -> Vec<u8> {
    if path.extension().is_some_and(|extension| extension == "jsonl") {
        return bytes.to_owned();
    }
    let file: Value = serde_json::from_slice(bytes).unwrap();
    serde_json::to_vec(&[&file["identity"], &file["record"]["outcome"]]).unwrap()
}

fn outcomes(published: BTreeMap<PathBuf, Vec<u8>>) -> BTreeMap<PathBuf, Vec<u8>> {
    published.into_iter().map(|(path, bytes)| (path.clone(), outcome(&path, &bytes))).collect()
}

#[test]
fn whatever_is_killed_nothing_is_lost_or_doubled() {
    if let Ok(dir) = env::var(COORDINATES) {
        return coordinate(Path::new(&dir));
    }
    let undisturbed = tempfile::tempdir().unwrap();
    coordinate(undisturbed.path());
    let expected = outcomes(published(undisturbed.path()));
    let n_cells: usize = grid().iter().map(|trial| trial.cells().len()).sum();
    assert_eq!(expected.len(), grid().len() + 2 * n_cells);

    let n_kills = env::var(KILLS).ok().and_then(|n| n.parse().ok()).unwrap_or(25);
    let mut chance = Stream::new(1, &["kills"]);
    let mut n_of = BTreeMap::<&str, usize>::new();
    let (mut n_done, mut n_grids) = (0, 0);
    while n_done < n_kills {
        let dir = tempfile::tempdir().unwrap();
        let mut before: BTreeMap<PathBuf, Vec<u8>> = BTreeMap::new();
        // With claims or without; each grid is disturbed a few times, then finished.
        let task = [None, Some(0), Some(1)][chance.below(3)];
        for _ in 0..1 + chance.below(6) {
            let what = disturb(dir.path(), task, &mut chance);
            let now = published(dir.path());
            for (path, bytes) in &before {
                assert_eq!(now.get(path), Some(bytes), "{}: {what}", path.display());
            }
            before = now;
            *n_of.entry(what).or_default() += 1;
            n_done += 1;
        }
        end(start(dir.path(), task), "the last run");
        // Who leaves what another is at work on leaves it to that other's next run.
        if let Some(task) = task {
            end(start(dir.path(), Some(1 - task)), "the last run of the other task");
        }
        let after = published(dir.path());
        for (path, bytes) in &before {
            assert_eq!(after.get(path), Some(bytes), "{}", path.display());
        }
        assert_eq!(outcomes(after), expected, "after {n_done} kills, task {task:?}");
        assert_eq!(Store::new(dir.path(), "smoke").claims_there(), []);
        n_grids += 1;
    }
    println!("{n_done} times in {n_grids} grids: {n_of:?}");
}
