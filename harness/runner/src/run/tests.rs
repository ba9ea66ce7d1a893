//! Runs with workers that are shell scripts: they print events and end as the test says.

use std::{fs, path::Path};

use clsrl_spec::{Binding, TrainingRecord, Trial};

use super::*;
use crate::{
    made::{NEVER, binding, cell_record, predictions, training_record, trials},
    tasks, trial_statuses,
};

struct Grid {
    dir: tempfile::TempDir,
    store: Store,
    trials: Vec<Trial>,
}

fn grid() -> Grid {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::new(dir.path(), "smoke");
    Grid { store, dir, trials: trials() }
}

impl Grid {
    fn tasks(&self, binding: &Binding) -> Vec<Task> {
        let statuses = trial_statuses(&self.store, &self.trials, binding).unwrap();
        tasks(&self.store, &statuses, binding)
    }

    /// Runs workers that execute the shell text that `job` gives, on one line.
    fn run(&self, tasks: &[Task], stop: &AtomicBool, job: &dyn Fn(&Task) -> String) -> Summary {
        let command = WorkerCommand {
            program: "sh".into(),
            args: vec!["-c".to_owned(), "read -r line; eval \"$line\"".to_owned()],
            env: Vec::new(),
            differs: 7,
        };
        let runner = Runner {
            store: &self.store,
            keep_checkpoints: false,
            sharing: None,
            stop,
            pause: &NEVER,
            on_event: &mut |_| {},
        };
        runner.run_in_workers(tasks, &command, &slots(2), job).unwrap()
    }

    /// A shell line that prints all events of a task, with the given weights.
    fn all_events(&self, task: &Task, digest: &str) -> String {
        let path = self.dir.path().join(format!("{}.events", task.key()));
        let mut events = String::from("a line of a library\n");
        let mut push = |event: &TrialEvent| {
            events.push_str(&(serde_json::to_string(event).unwrap() + "\n"));
        };
        push(&TrialEvent::Loading);
        if task.trained.is_none() {
            push(&TrialEvent::TrainingDone(Box::new(training_record(digest))));
        }
        for &cell in &task.cells {
            let mut record = Box::new(cell_record(&task.trial, cell));
            let weights = task.trained.as_ref().map(|record| &*record.outcome.weights_digest);
            record.outcome.weights_digest = Some(weights.unwrap_or(digest).to_owned());
            push(&TrialEvent::CellDone(record, predictions()));
        }
        fs::write(&path, events).unwrap();
        format!("cat '{}'", path.display())
    }
}

/// Slots of as many devices.
fn slots(n: usize) -> Vec<Slot> {
    let slot = |n: usize| Slot {
        name: format!("slot {n}"),
        device: format!("device {n}"),
        env: vec![("SLOT".to_owned(), n.to_string())],
    };
    (0..n).map(slot).collect()
}

fn go() -> AtomicBool {
    AtomicBool::new(false)
}

#[test]
fn what_is_done_is_not_done_again() {
    let grid = grid();
    let tasks = grid.tasks(&binding());
    assert_eq!(tasks.len(), 2);
    let summary = grid.run(&tasks, &go(), &|task| grid.all_events(task, "w"));
    assert_eq!(summary, Summary { n_finished: 2, ..Summary::default() });
    assert!(grid.tasks(&binding()).is_empty());
    let other = Binding { base_weights: "other".to_owned(), ..binding() };
    assert_eq!(grid.tasks(&other).len(), 2);
}

#[test]
fn a_crash_fails_its_own_trial_only() {
    let grid = grid();
    let tasks = grid.tasks(&binding());
    let summary = grid.run(&tasks, &go(), &|task| match task.trial.train_on {
        None => "echo first >&2; echo 'out of memory' >&2; kill -9 $$".to_owned(),
        Some(_) => grid.all_events(task, "w"),
    });
    assert_eq!(summary.n_finished, 1);
    let [failure] = summary.failures.as_slice() else { panic!("{summary:?}") };
    assert_eq!(failure.trial, "zero-shot");
    assert_eq!(failure.tail, ["first", "out of memory"]);
    assert!(failure.reason.contains("signal: 9"), "{}", failure.reason);
    assert!(failure.reason.contains("too little memory"), "{}", failure.reason);
    assert_eq!(failure.kind, FailureKind::Killed);
}

#[test]
fn a_worker_says_by_its_code_that_its_inputs_are_others() {
    let grid = grid();
    let tasks = grid.tasks(&binding());
    for (ending, kind) in [
        ("exit 7", FailureKind::Differs),
        ("exit 5", FailureKind::Reported),
        ("kill -15 $$", FailureKind::Signalled),
    ] {
        let summary = grid.run(&tasks[..1], &go(), &|_| ending.to_owned());
        assert_eq!(summary.failures[0].kind, kind, "{ending}");
    }
}

#[test]
fn a_training_that_is_done_again_replaces_its_record() {
    let grid = grid();
    let tasks = grid.tasks(&binding());
    let checkpoint = tasks[1].checkpoint_dir.display().to_string();
    grid.run(&tasks[1..], &go(), &|task| {
        let training = grid.all_events(task, "w");
        format!("mkdir -p '{checkpoint}'; {training} | head -n 3; exit 1")
    });
    let left = grid.tasks(&binding());
    assert!(left[1].trained.is_some());
    let mut again = left[1].clone();
    again.trained = None;
    let summary = grid.run(&left[1..], &go(), &|_| grid.all_events(&again, "other"));
    assert_eq!(summary.n_finished, 1, "{summary:?}");
    let statuses = trial_statuses(&grid.store, &grid.trials, &binding()).unwrap();
    let crate::State::Done(done) = &statuses[1].training else { panic!("it is done") };
    assert_eq!(done.record.outcome.weights_digest, "other");
}

#[test]
fn a_signal_to_the_whole_group_fails_no_trial() {
    let grid = grid();
    let tasks = grid.tasks(&binding());
    // TERM alone: who starts the tests in the background or under nohup ignores INT and HUP, and so do their children.
    let stop = go();
    let command = WorkerCommand {
        program: "sh".into(),
        args: vec!["-c".to_owned(), "kill -TERM $$".to_owned()],
        env: Vec::new(),
        differs: 7,
    };
    let run = |on_event: &mut dyn FnMut(RunEvent<'_>)| {
        Runner {
            store: &grid.store,
            keep_checkpoints: false,
            sharing: None,
            stop: &stop,
            pause: &NEVER,
            on_event,
        }
        .run_in_workers(&tasks[..1], &command, &slots(1), &|_| String::new())
        .unwrap()
    };
    let alone = run(&mut |_| {});
    assert_eq!(alone.failures.len(), 1, "the run heard nothing: {alone:?}");
    let together = run(&mut |event| {
        if let RunEvent::Started(..) = event {
            stop.store(true, Ordering::Relaxed);
        }
    });
    assert_eq!(together, Summary { stopped: true, ..Summary::default() });
}

#[test]
fn a_worker_that_ends_early_has_failed() {
    let grid = grid();
    let tasks = grid.tasks(&binding());
    let summary = grid.run(&tasks[..1], &go(), &|_| "true".to_owned());
    assert!(summary.failures[0].reason.starts_with("it ended without the cells dtd."));
}

#[test]
fn a_stopped_run_kills_its_workers_and_keeps_finished_cells() {
    let grid = grid();
    let tasks = grid.tasks(&binding());
    let stop = go();
    let command = WorkerCommand {
        program: "sh".into(),
        args: vec!["-c".to_owned(), "read -r line; eval \"$line\"; cat; exec sleep 600".to_owned()],
        env: Vec::new(),
        differs: 7,
    };
    let runner = Runner {
        store: &grid.store,
        keep_checkpoints: false,
        sharing: None,
        stop: &stop,
        pause: &NEVER,
        on_event: &mut |event| {
            if let RunEvent::Trial(_, TrialEvent::CellDone(..)) = event {
                stop.store(true, Ordering::Relaxed);
            }
        },
    };
    let job = |task: &Task| grid.all_events(task, "w");
    let summary = runner.run_in_workers(&tasks[..1], &command, &slots(1), &job).unwrap();
    assert_eq!(summary, Summary { stopped: true, ..Summary::default() });
    let left = grid.tasks(&binding());
    assert_eq!(left[0].cells.len(), tasks[0].cells.len() - 1);
    assert!(left[0].trained.is_some(), "zero-shot has no weights to lose");
}

#[test]
fn weights_that_come_out_differently_are_not_mixed_with_finished_cells() {
    let grid = grid();
    let mut wide = grid.trials[1].clone();
    wide.evaluation.targets.push(clsrl_spec::DatasetId::Eurosat);
    wide.evaluation.splits.insert(clsrl_spec::DatasetId::Eurosat, clsrl_spec::EvalSplit::Test);
    let grid = Grid { trials: vec![wide], ..grid };
    grid.run(&grid.tasks(&binding()), &go(), &|task| grid.all_events(task, "w"));
    let trial = &grid.trials[0];
    fs::remove_file(grid.store.cell_path(trial, trial.cells()[0])).unwrap();
    let tasks = grid.tasks(&binding());
    assert!(tasks[0].trained.is_none(), "the checkpoint is gone");
    let summary = grid.run(&tasks, &go(), &|task| grid.all_events(task, "other"));
    let reason = &summary.failures[0].reason;
    assert!(reason.contains("expected w, found other"), "{reason}");
}

#[test]
fn a_checkpoint_lets_the_next_run_skip_the_training() {
    let grid = grid();
    let tasks = grid.tasks(&binding());
    let task = &tasks[1];
    let checkpoint = task.checkpoint_dir.display();
    let summary = grid.run(&tasks[1..], &go(), &|task| {
        let training = grid.all_events(task, "w");
        format!("mkdir -p '{checkpoint}'; {training} | head -n 3; exit 1")
    });
    assert_eq!(summary.failures.len(), 1);
    let left = grid.tasks(&binding());
    let record = left[1].trained.as_ref().unwrap();
    assert_eq!(record.outcome.weights_digest, "w");
    grid.run(&left[1..], &go(), &|task| grid.all_events(task, "never written"));
    assert!(!Path::new(&task.checkpoint_dir).exists());
    assert_eq!(grid.tasks(&binding()).len(), 1);
}

#[test]
fn a_folder_that_cannot_be_written_ends_the_run() {
    let grid = grid();
    let tasks = grid.tasks(&binding());
    let in_the_way = grid.store.training_path(&tasks[0].trial);
    fs::create_dir_all(in_the_way.join("in the way")).unwrap();
    let stop = go();
    let runner = Runner {
        store: &grid.store,
        keep_checkpoints: false,
        sharing: None,
        stop: &stop,
        pause: &NEVER,
        on_event: &mut |_| {},
    };
    let failed = runner.run_in_process(&tasks[..1], &mut |_, send| {
        send(TrialEvent::TrainingDone(Box::new(training_record("w"))))
            .map_err(|error| Failed::because(error.to_string()))
    });
    assert!(matches!(failed, Err(RunError::Store(_))), "{failed:?}");
}

/// Runs all tasks on several slots; gives the summary, and the events as words.
fn run_observed(
    grid: &Grid,
    n_slots: usize,
    job: &dyn Fn(&Task) -> String,
) -> (Summary, Vec<String>) {
    let command = WorkerCommand {
        program: "sh".into(),
        args: vec!["-c".to_owned(), "read -r line; eval \"$line\"".to_owned()],
        env: Vec::new(),
        differs: 7,
    };
    let mut events = Vec::new();
    let stop = go();
    let runner = Runner {
        store: &grid.store,
        keep_checkpoints: false,
        sharing: None,
        stop: &stop,
        pause: &NEVER,
        on_event: &mut |event| match event {
            RunEvent::Started(idx, slot) => events.push(format!("{idx} on {slot}")),
            RunEvent::Retried(idx, _) => events.push(format!("{idx} again")),
            RunEvent::Closed(slot, _) => events.push(format!("{slot} closed")),
            RunEvent::Finished(idx) => events.push(format!("{idx} done")),
            RunEvent::Failed(idx, _) => events.push(format!("{idx} failed")),
            RunEvent::Known(idx, _) => events.push(format!("{idx} known")),
            RunEvent::Paused(idx) => events.push(format!("{idx} paused")),
            RunEvent::Trial(..) | RunEvent::Lost(_) => {}
        },
    };
    let tasks = grid.tasks(&binding());
    let summary = runner.run_in_workers(&tasks, &command, &slots(n_slots), job).unwrap();
    (summary, events)
}

/// Runs tasks of which each worker waits until it is asked to pause, says so, and ends; a pause is asked for when the
/// first has begun.
fn run_to_a_pause(grid: &Grid, n_slots: usize, word: &str) -> (Summary, Vec<String>) {
    let command = WorkerCommand {
        program: "sh".into(),
        args: vec!["-c".to_owned(), "read -r line; eval \"$line\"".to_owned()],
        env: Vec::new(),
        differs: 7,
    };
    let (pause, mut events) = (go(), Vec::new());
    let paused = serde_json::to_string(&TrialEvent::Paused).unwrap();
    let runner = Runner {
        store: &grid.store,
        keep_checkpoints: false,
        sharing: None,
        stop: &NEVER,
        pause: &pause,
        on_event: &mut |event| match event {
            RunEvent::Started(..) => pause.store(true, Ordering::Relaxed),
            RunEvent::Paused(idx) => events.push(format!("{idx} paused")),
            RunEvent::Finished(idx) => events.push(format!("{idx} done")),
            RunEvent::Failed(idx, _) => events.push(format!("{idx} failed")),
            _ => {}
        },
    };
    let job = |task: &Task| {
        let dir = task.state_dir.display();
        let keeps = format!("mkdir -p '{dir}'; echo t > '{dir}/step-3.safetensors'");
        let keeps = format!("{keeps}; echo d > '{dir}/step-3.json'");
        format!("read -r word; test \"$word\" = {word} || exit 1; {keeps}; echo '{paused}'")
    };
    let summary =
        runner.run_in_workers(&grid.tasks(&binding()), &command, &slots(n_slots), &job).unwrap();
    (summary, events)
}

#[test]
fn a_run_that_is_asked_to_pause_asks_its_workers_and_begins_nothing_more() {
    let grid = grid();
    let (summary, events) = run_to_a_pause(&grid, 1, crate::PAUSE);
    assert_eq!(summary, Summary { n_paused: 1, paused: true, ..Summary::default() });
    assert_eq!(events, ["0 paused"]);
    let trial = &grid.trials[0];
    let kept = grid.store.trial_dir(trial).join("state");
    let id = grid.tasks(&binding())[0].training_id();
    assert_eq!(fs::read_to_string(kept.join(&id).join("step-3.json")).unwrap(), "d\n");
    // The next run has it where its worker looks.
    let next = Store::new(grid.dir.path(), "smoke");
    let statuses = trial_statuses(&next, &grid.trials, &binding()).unwrap();
    let task = &tasks(&next, &statuses, &binding())[0];
    task.prepare(&next).unwrap();
    assert_eq!(fs::read_to_string(task.state_dir.join("step-3.safetensors")).unwrap(), "t\n");
    assert!(kept.join(&id).join("step-3.safetensors").exists(), "it is lost if that one is killed");
}

#[test]
fn a_worker_that_fails_instead_of_pausing_has_failed() {
    let grid = grid();
    let (summary, events) = run_to_a_pause(&grid, 1, "another-word");
    assert_eq!((summary.n_paused, summary.failures.len()), (0, 1));
    assert!(summary.paused, "the other trial was not begun");
    assert_eq!(events, ["0 failed"]);
}

#[test]
fn a_trial_whose_worker_dies_is_tried_once_on_another_slot() {
    let grid = grid();
    let died_on_0 = |task: &Task| match task.trial.train_on {
        None => format!("[ $SLOT = 0 ] && kill -11 $$; {}", grid.all_events(task, "w")),
        Some(_) => grid.all_events(task, "w"),
    };
    let (summary, events) = run_observed(&grid, 2, &died_on_0);
    assert_eq!(summary, Summary { n_finished: 2, ..Summary::default() }, "{events:?}");
    assert!(events.contains(&"0 again".to_owned()) && events.contains(&"0 on 1".to_owned()));
    let statuses = trial_statuses(&grid.store, &grid.trials, &binding()).unwrap();
    assert!(statuses.iter().all(|s| s.cells.iter().all(|(_, cell)| cell.is_done())));
}

#[test]
fn what_a_worker_told_before_it_died_is_not_done_again() {
    let grid = grid();
    let asked = std::cell::RefCell::new(Vec::new());
    let job = |task: &Task| {
        asked.borrow_mut().push((task.trained.is_some(), task.cells.len()));
        let ends = if asked.borrow().len() == 1 { "| head -n 4; kill -11 $$" } else { "" };
        format!("{} {ends}", grid.all_events(task, "w"))
    };
    let one = Grid { trials: vec![grid.trials[0].clone()], ..self::grid() };
    let (summary, events) = run_observed(&one, 2, &job);
    assert_eq!(summary.n_finished, 1, "{events:?}");
    // A line of a library, loading, the fine-tune and the first cell came before.
    let n_cells = one.trials[0].cells().len();
    assert_eq!(*asked.borrow(), [(false, n_cells), (true, n_cells - 1)]);
}

#[test]
fn a_slot_that_fails_twice_running_is_closed_and_the_others_go_on() {
    let mut grid = grid();
    let seeds = 1..=6;
    let of_seed = |seed| Trial { seed, ..grid.trials[1].clone() };
    grid.trials = seeds.map(of_seed).collect();
    // Slot 1 waits until slot 0 is closed, so that the order of things is no matter of speed.
    let flag = grid.dir.path().join("closed").display().to_string();
    let job = |task: &Task| {
        format!(
            "if [ $SLOT = 0 ]; then [ -e '{flag}.1' ] && touch '{flag}'; touch '{flag}.1'; kill -9 $$; fi; \
             while [ ! -e '{flag}' ]; do :; done; {}",
            grid.all_events(task, "w")
        )
    };
    let (summary, events) = run_observed(&grid, 2, &job);
    assert_eq!((summary.n_finished, &summary.closed[..]), (6, &[0][..]), "{events:?}");
    assert_eq!(events.iter().filter(|message| message.ends_with("on 0")).count(), 2, "{events:?}");
    assert_eq!(events.iter().filter(|message| *message == "0 closed").count(), 1);
}

#[test]
fn without_a_slot_that_is_left_the_rest_is_not_begun() {
    let mut grid = grid();
    let of_seed = |seed| Trial { seed, ..grid.trials[1].clone() };
    grid.trials = (1..=5).map(of_seed).collect();
    let (summary, events) = run_observed(&grid, 1, &|_| "kill -6 $$".to_owned());
    assert_eq!((summary.failures.len(), summary.n_not_begun), (2, 3), "{events:?}");
    assert_eq!(summary.failures[0].kind, FailureKind::Crashed);
}

#[test]
fn a_gpu_that_fails_is_known_by_its_words_and_memory_is_not_its_fault() {
    let grid = grid();
    let tasks = grid.tasks(&binding());
    for (words, kind) in [
        ("CUDA error: an illegal memory access was encountered", FailureKind::Device),
        ("CUDA error: uncorrectable ECC error encountered", FailureKind::Device),
        ("CUDA error: out of memory", FailureKind::Reported),
        ("error: the suite is wrong", FailureKind::Reported),
    ] {
        let said = |_: &Task| format!("echo '{words}' >&2; exit 1");
        let summary = grid.run(&tasks[..1], &go(), &said);
        assert_eq!(summary.failures[0].kind, kind, "{words}");
    }
}

#[test]
fn two_attempts_at_once_publish_every_record_once() {
    let one = grid();
    let two = Grid {
        store: Store::new(one.dir.path(), "smoke"),
        dir: tempfile::tempdir().unwrap(),
        trials: one.trials.clone(),
    };
    let (first, second) = (one.tasks(&binding()), two.tasks(&binding()));
    let trial = &one.trials[1];
    let mut slower = training_record("w");
    slower.run.seconds.update += 100.0;
    let cells = trial.cells().into_iter().map(|cell| cell_record(trial, cell));
    let of = |training: TrainingRecord| {
        let training = TrialEvent::TrainingDone(Box::new(training));
        let cells = cells.clone().map(|cell| TrialEvent::CellDone(Box::new(cell), predictions()));
        [training].into_iter().chain(cells).collect::<Vec<_>>()
    };
    for (task, store) in [(&first[1], &one.store), (&second[1], &two.store)] {
        task.prepare(store).unwrap();
    }
    let path = one.store.training_path(trial);
    for (quicker, slower) in of(training_record("w")).iter().zip(&of(slower)) {
        let published = first[1].record(&one.store, quicker).unwrap();
        let before = fs::read(&path).unwrap();
        let again = second[1].record(&two.store, slower).unwrap();
        assert_eq!((published, again), (Some(Published::New), Some(Published::Known)));
        assert_eq!(fs::read(&path).unwrap(), before);
    }
    // One that comes late begins nothing that is done.
    let summary = two.run(&second, &go(), &|task| match task.trial.train_on {
        None => two.all_events(task, "w"),
        Some(_) => "exit 1".to_owned(),
    });
    assert_eq!(summary, Summary { n_finished: 2, ..Summary::default() });
}

#[test]
fn another_outcome_under_the_same_identity_is_an_error_that_names_both() {
    let one = grid();
    let two = Grid {
        store: Store::new(one.dir.path(), "smoke"),
        dir: tempfile::tempdir().unwrap(),
        trials: one.trials.clone(),
    };
    let (first, second) = (one.tasks(&binding()), two.tasks(&binding()));
    second[1].prepare(&two.store).unwrap();
    one.run(&first, &go(), &|task| one.all_events(task, "w"));
    let event = TrialEvent::TrainingDone(Box::new(training_record("other")));
    let reason = second[1].record(&two.store, &event).unwrap_err().to_string();
    assert!(reason.contains("training.json` first, with another outcome"), "{reason}");
    assert!(reason.contains(" there, ") && reason.contains(" here"), "{reason}");
    assert!(one.tasks(&binding()).is_empty(), "what is there stays");
    // From other inputs it is neither replaced nor mixed with what came meanwhile.
    let others = Binding { base_weights: "other".to_owned(), ..binding() };
    let grid = grid();
    let late = grid.tasks(&others);
    grid.run(&grid.tasks(&binding()), &go(), &|task| grid.all_events(task, "w"));
    let summary = grid.run(&late, &go(), &|task| grid.all_events(task, "w"));
    let reason = &summary.failures[0].reason;
    assert!(reason.contains("from other inputs") && reason.contains("base_weights"), "{reason}");
    assert!(grid.tasks(&binding()).is_empty());
}

#[test]
fn a_cell_is_not_published_beside_a_fine_tune_of_other_weights() {
    let grid = grid();
    let tasks = grid.tasks(&binding());
    let training = training_record("w");
    let event = TrialEvent::TrainingDone(Box::new(training));
    tasks[1].prepare(&grid.store).unwrap();
    tasks[1].record(&grid.store, &event).unwrap();
    let mut record = cell_record(&tasks[1].trial, tasks[1].cells[0]);
    record.outcome.weights_digest = Some("others".to_owned());
    let event = TrialEvent::CellDone(Box::new(record), predictions());
    let refused = tasks[1].record(&grid.store, &event).unwrap_err().to_string();
    assert!(refused.contains("is of weights w by now"), "{refused}");
    assert!(!grid.store.cell_path(&tasks[1].trial, tasks[1].cells[0]).exists());
}
