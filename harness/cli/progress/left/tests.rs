//! Runs that are played back with a clock of their own.

use std::{collections::BTreeMap, time::Duration};

use clsrl_spec::{
    CellKey, CellOutcome, CellRecord, CellRun, DatasetId, Form, MethodId, Place, PromptStyle,
    Selection, StepRecord, StepSeconds, Suite, Training, Trial, TrialEvent,
};

use super::{Left, Work};
use crate::pace::Pace;

/// Seconds of a step, and of an image under the method's prompts, as the smoke suite takes on a CPU.
#[derive(Clone, Copy)]
struct Truth {
    load: f64,
    step: f64,
    thinking: f64,
    direct: f64,
}

/// What a smoke run on two idle cores took: seconds of rollout and update per step.
fn truth(method: MethodId) -> Truth {
    let step = match method {
        MethodId::ZeroShot => 0.0,
        MethodId::Sft => 17.7 / 220.0,
        MethodId::ClsRl => (22.5 + 51.1) / 176.0,
        _ => (8.2 + 22.7) / 176.0,
    };
    Truth { load: 0.05, step, thinking: 1.0 / 301.3, direct: 1.0 / 560.0 }
}

/// How much longer than the mean a dataset's prompts take, in the same example.
fn factor(dataset: Option<DatasetId>) -> f64 {
    match dataset {
        Some(DatasetId::StanfordCars) => 1.5,
        Some(DatasetId::FgvcAircraft) => 1.25,
        _ => 0.93,
    }
}

fn tokens(prompt: PromptStyle) -> f64 {
    if prompt == PromptStyle::Thinking { 21.2 } else { 3.7 }
}

/// The smoke suite's trials with 48 images for every cell.
fn works() -> Vec<Work> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("suites");
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    let protocols = |name: &str| Ok(read(&format!("protocols/{name}.toml")));
    let suite = Suite::parse_under(&read("smoke.toml"), "smoke", &protocols, None).unwrap();
    let all = Selection { methods: None, datasets: None, shots: None, seeds: None, limit: None };
    let trials = clsrl_spec::plan(&suite, &all).unwrap();
    trials.into_iter().map(work).collect()
}

fn work(trial: Trial) -> Work {
    let n_steps = match &trial.training {
        Training::None => 0,
        Training::Sft(settings) => settings.duration.total_steps(32),
        Training::Grpo(settings) => settings.duration.total_steps(32),
    };
    let cells = trial.cells().into_iter().map(|cell| (cell, 48)).collect();
    Work { trial, n_steps, cells }
}

fn cell_done(trial: &Trial, cell: CellKey) -> TrialEvent {
    let outcome = CellOutcome {
        method: trial.method,
        train_on: trial.train_on,
        shots: trial.shots,
        seed: trial.seed,
        cell,
        synthetic: true,
        locked: true,
        standard_lists: true,
        n: 48,
        n_split: 48,
        mean_choices: 8.0,
        n_correct_published: 0,
        n_correct_strict: 0,
        n_truncated: 0,
        n_untagged: 0,
        mean_tokens: tokens(cell.prompt),
        weights_digest: None,
    };
    let place = Place {
        commit: String::new(),
        version: String::new(),
        libtorch: String::new(),
        device: "cpu".to_owned(),
        threads: 1,
        processor: String::new(),
        float32_products: None,
        bfloat16_sums: None,
        gpu: None,
    };
    let run = CellRun {
        times: None,
        evaluate_seconds: 0.0,
        images_per_second: 0.0,
        tokens_per_second: 0.0,
        peak_memory_bytes: 0,
        place,
        fitted: None,
        resumed_at: Vec::new(),
    };
    TrialEvent::CellDone(Box::new(CellRecord { outcome, run }), Vec::new())
}

/// The events of a trial with the seconds since it began.
fn events(work: &Work) -> Vec<(f64, TrialEvent)> {
    let (trial, truth) = (&work.trial, truth(work.trial.method));
    let mut now = truth.load;
    let mut events = vec![(0.0, TrialEvent::Loading)];
    for step in 1..=work.n_steps {
        now += truth.step * factor(trial.train_on);
        let (of, seconds) = (work.n_steps, StepSeconds::default());
        let step =
            StepRecord { step, loss: 0.0, grad_norm: 0.0, learning_rate: 0.0, rollout: None };
        events.push((now, TrialEvent::Trained { step, seconds, of }));
    }
    for &(cell, n) in &work.cells {
        let image =
            if cell.prompt == PromptStyle::Thinking { truth.thinking } else { truth.direct };
        now += image * factor(Some(cell.target)) * n as f64;
        events.push((now, TrialEvent::Evaluated { cell, done: n, of: n }));
        events.push((now, cell_done(trial, cell)));
    }
    events
}

/// Plays a run on so many places, with everything before `from` known to the pace from an earlier run; gives what
/// was shown as left at every event, with the time of it, and how long all took.
fn play(works: &[Work], n_jobs: usize, pace: Pace) -> (Vec<(f64, Option<f64>)>, f64) {
    let mut left = Left::new(works.to_vec(), n_jobs, pace);
    let mut shown = Vec::new();
    // By when it happens, then by trial: seconds are no key.
    let mut queue: BTreeMap<(u64, usize, usize), Option<TrialEvent>> = BTreeMap::new();
    let micros = |seconds: f64| (seconds * 1e6) as u64;
    let (mut waiting, mut now) = (0..works.len(), 0_u64);
    let mut free = n_jobs;
    loop {
        while 0 < free
            && let Some(idx) = waiting.next()
        {
            free -= 1;
            left.start(idx, Duration::from_micros(now));
            let events = events(&works[idx]);
            let end = now + micros(events.last().unwrap().0);
            let n_events = events.len();
            for (nth, (at, event)) in events.into_iter().enumerate() {
                queue.insert((now + micros(at), idx, nth), Some(event));
            }
            queue.insert((end, idx, n_events), None);
        }
        let Some(((at, idx, _), event)) = queue.pop_first() else { break };
        now = at;
        match event {
            Some(event) => left.advance(idx, &event, Duration::from_micros(now)),
            None => {
                left.end(idx);
                free += 1;
            }
        }
        shown.push((
            now as f64 / 1e6,
            left.time(Duration::from_micros(now)).map(|left| left.as_secs_f64()),
        ));
    }
    assert_eq!(left.done(), left.all());
    (shown, now as f64 / 1e6)
}

/// From `from` on, as a share of the run, the time left that is shown is right within a fifth, or within a hundredth of
/// the whole near the end.
fn check(works: &[Work], n_jobs: usize, pace: Pace, from: f64) {
    let (shown, total) = play(works, n_jobs, pace);
    for (now, left) in shown.into_iter().filter(|(now, _)| from * total <= *now) {
        let (left, truth) = (left.expect("something was timed"), total - now);
        let allowed = (0.2 * truth).max(0.01 * total);
        assert!(
            (left - truth).abs() <= allowed,
            "at {now:.1} of {total:.1} s: {left:.1} s left, {truth:.1} s are"
        );
    }
}

#[test]
fn the_time_left_is_right_from_the_first_fifth_on() {
    for n_jobs in [1, 2] {
        check(&works(), n_jobs, Pace::default(), 0.2);
    }
}

#[test]
fn the_time_left_is_right_from_the_first_fifth_on_whatever_is_selected() {
    let of = |methods: &[MethodId]| {
        let mut works = works();
        works.retain(|work| methods.contains(&work.trial.method));
        works
    };
    for methods in [
        &[MethodId::ZeroShot] as &[MethodId],
        &[MethodId::Sft],
        &[MethodId::ClsRl],
        &[MethodId::ZeroShot, MethodId::ClsRl],
        &[MethodId::ZeroShot, MethodId::Sft],
    ] {
        for n_jobs in [1, 2] {
            check(&of(methods), n_jobs, Pace::default(), 0.2);
        }
    }
}

#[test]
fn after_a_resume_it_is_right_from_the_first_fifth_on() {
    // What the records of the first half tell, as a run that goes on finds them.
    let works = works();
    for n_done in [1, 5, 12, 17, 30] {
        let mut pace = Pace::default();
        for work in &works[..n_done] {
            let (trial, truth) = (&work.trial, truth(work.trial.method));
            for &(cell, n) in &work.cells {
                let image = if cell.prompt == PromptStyle::Thinking {
                    truth.thinking
                } else {
                    truth.direct
                };
                let seconds = image * factor(Some(cell.target)) * n as f64;
                pace.learn_images(trial.method, cell, n, Duration::from_secs_f64(seconds));
                if let TrialEvent::CellDone(record, _) = cell_done(trial, cell) {
                    pace.learn_tokens(&record);
                }
            }
            let seconds = truth.step * factor(trial.train_on) * work.n_steps as f64;
            pace.learn_steps(trial, work.n_steps, Duration::from_secs_f64(seconds));
        }
        check(&works[n_done..], 2, pace, 0.2);
    }
}

#[test]
fn before_anything_was_timed_nothing_is_told() {
    let left = Left::new(works(), 2, Pace::default());
    assert_eq!(left.time(Duration::ZERO), None);
    assert_eq!(left.done().steps, 0);
    assert_eq!(left.all().images, 34 * 11 * 48 + 11 * 48);
    let cell = CellKey { target: DatasetId::Dtd, form: Form::FewShot, prompt: PromptStyle::Direct };
    assert_eq!(Pace::default().image_seconds(MethodId::Sft, cell), None);
}
