//! Runs with workers that are shell scripts: they print events and end as they are told.

use std::{fs, path::Path};

use clsrl_spec::{Binding, Trial};

use super::*;
use crate::{
    made::{binding, cell_record, predictions, training_record, trials},
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
        let runner =
            Runner { store: &self.store, keep_checkpoints: false, stop, on_event: &mut |_| {} };
        runner.run_in_workers(tasks, &command, 2, job).unwrap()
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
        ("exit 5", FailureKind::Told),
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
        Runner { store: &grid.store, keep_checkpoints: false, stop: &stop, on_event }
            .run_in_workers(&tasks[..1], &command, 1, &|_| String::new())
            .unwrap()
    };
    let alone = run(&mut |_| {});
    assert_eq!(alone.failures.len(), 1, "the run was told nothing: {alone:?}");
    let together = run(&mut |event| {
        if let RunEvent::Started(_) = event {
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
        stop: &stop,
        on_event: &mut |event| {
            if let RunEvent::Trial(_, TrialEvent::CellDone(..)) = event {
                stop.store(true, Ordering::Relaxed);
            }
        },
    };
    let job = |task: &Task| grid.all_events(task, "w");
    let summary = runner.run_in_workers(&tasks[..1], &command, 1, &job).unwrap();
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
    let runner =
        Runner { store: &grid.store, keep_checkpoints: false, stop: &stop, on_event: &mut |_| {} };
    let failed = runner.run_in_process(&tasks[..1], &mut |_, send| {
        send(TrialEvent::TrainingDone(Box::new(training_record("w"))))
            .map_err(|error| Failed::told(error.to_string()))
    });
    assert!(matches!(failed, Err(RunError::Store(_))), "{failed:?}");
}
