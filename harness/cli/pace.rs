//! How long a step and an image take: measured where they were, else estimated from what was.
//!
//! An evaluated image costs a prefill and a token for every token of its answer. Where images under several
//! prompts were timed, a line through them tells both, and with them what a training step costs before the first
//! one was timed: a training example is three prefills (forward, and backward twice as much), a GRPO prompt is a
//! prefill, its completions token by token, and three or four passes over all of it, one of them for the KL term.

use std::{collections::BTreeMap, time::Duration};

use clsrl_runner::{State, TrialStatus};
use clsrl_spec::{
    CellKey, CellRecord, DatasetId, MethodId, PromptStyle, Training, TrainingRecord, Trial,
};

/// Of what kind the answers of a cell are.
type Kind = (PromptStyle, DatasetId, MethodId);

/// A prefill in tokens of an answer, where nothing tells it: what the tiny model needs on a CPU.
const PREFILL_TOKENS: f64 = 20.0;

/// Tokens of a completion per token of a prefill, in time: four where they were measured, on a CPU.
const TOKEN_COST: f64 = 4.0;

/// What was timed so far.
#[derive(Debug, Clone, Default)]
pub struct Pace {
    images: BTreeMap<(PromptStyle, DatasetId, MethodId), Images>,
    /// By method and the dataset that is trained on.
    steps: BTreeMap<(MethodId, Option<DatasetId>), Sum>,
    /// How the methods train whose steps were timed.
    trainings: BTreeMap<MethodId, Training>,
    loads: Sum,
}

/// Timed images of a kind.
#[derive(Debug, Clone, Copy, Default)]
struct Images {
    time: Sum,
    /// Of their answers; counted apart, since it is known later.
    tokens: Sum,
}

/// A sum over so many things.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    n: f64,
    total: f64,
}

/// What a prefill and a token cost.
#[derive(Debug, Clone, Copy)]
struct Costs {
    prefill: f64,
    token: f64,
}

impl Pace {
    /// What finished trials and cells tell.
    pub fn of(statuses: &[TrialStatus]) -> Self {
        let mut pace = Pace::default();
        for status in statuses {
            for (_, state) in &status.cells {
                if let State::Done(done) = state {
                    pace.learn_cell(&done.record);
                }
            }
        }
        for status in statuses {
            if let State::Done(done) = &status.training {
                pace.learn_training(&status.trial, &done.record);
            }
        }
        pace
    }

    fn learn_cell(&mut self, record: &CellRecord) {
        let outcome = &record.outcome;
        let time = Duration::try_from_secs_f64(record.run.evaluate_seconds).unwrap_or_default();
        self.learn_images(outcome.method, outcome.cell, outcome.n, time);
        self.learn_tokens(record);
    }

    fn learn_training(&mut self, trial: &Trial, record: &TrainingRecord) {
        let seconds = &record.run.seconds;
        self.learn_load(Duration::try_from_secs_f64(seconds.load).unwrap_or_default());
        let time = Duration::try_from_secs_f64(seconds.rollout + seconds.update);
        self.learn_steps(trial, record.outcome.steps.len(), time.unwrap_or_default());
    }

    /// Counts images that were evaluated in this time.
    pub fn learn_images(&mut self, method: MethodId, cell: CellKey, n: usize, time: Duration) {
        let images = self.images.entry((cell.prompt, cell.target, method)).or_default();
        images.time.add(n as f64, time.as_secs_f64());
    }

    /// Counts the tokens of a cell's answers.
    pub fn learn_tokens(&mut self, record: &CellRecord) {
        let outcome = &record.outcome;
        let (n, key) =
            (outcome.n as f64, (outcome.cell.prompt, outcome.cell.target, outcome.method));
        self.images.entry(key).or_default().tokens.add(n, n * outcome.mean_tokens);
    }

    /// Counts optimizer steps that took this time.
    pub fn learn_steps(&mut self, trial: &Trial, n: usize, time: Duration) {
        let steps = self.steps.entry((trial.method, trial.train_on)).or_default();
        steps.add(n as f64, time.as_secs_f64());
        self.trainings.entry(trial.method).or_insert_with(|| trial.training.clone());
    }

    /// Counts the time that a trial needed before its first step or image.
    pub fn learn_load(&mut self, time: Duration) {
        self.loads.add(1.0, time.as_secs_f64());
    }

    /// Seconds before the first step or image of a trial.
    pub fn load_seconds(&self) -> f64 {
        self.loads.mean().unwrap_or(0.0)
    }

    /// Seconds of an optimizer step; none before anything was timed.
    pub fn step_seconds(&self, trial: &Trial) -> Option<f64> {
        if let Some(seconds) = self.steps.get(&(trial.method, trial.train_on)).and_then(Sum::mean) {
            return Some(seconds);
        }
        let (costs, are_seconds) = self.costs(trial.train_on);
        let units = self.step_units(&trial.training, costs);
        match self.seconds_per_unit(|method| method == trial.method) {
            Some(ratio) => Some(units * ratio),
            None if are_seconds => Some(units),
            None => Some(units * self.seconds_per_unit(|_| true)?),
        }
    }

    /// Seconds of an evaluated image; none before anything was timed.
    pub fn image_seconds(&self, method: MethodId, cell: CellKey) -> Option<f64> {
        let narrower: [&dyn Fn(&Kind) -> bool; 3] = [
            &|key| *key == (cell.prompt, cell.target, method),
            &|key| (key.0, key.2) == (cell.prompt, method),
            &|key| key.0 == cell.prompt,
        ];
        let measured = narrower.into_iter().find_map(|is_meant| self.time_of(is_meant).mean());
        let estimated = || {
            let (costs, are_seconds) = self.costs(None);
            let units = costs.prefill + costs.token * self.tokens(cell.prompt);
            Some(if are_seconds { units } else { units * self.seconds_per_unit(|_| true)? })
        };
        measured.or_else(estimated)
    }

    /// Seconds of the timed steps of some methods, over what they are estimated at now.
    fn seconds_per_unit(&self, is_meant: impl Fn(MethodId) -> bool) -> Option<f64> {
        let (mut seconds, mut units) = (0.0, 0.0);
        for (&(method, source), steps) in &self.steps {
            let Some(training) = self.trainings.get(&method).filter(|_| is_meant(method)) else {
                continue;
            };
            seconds += steps.total;
            units += steps.n * self.step_units(training, self.costs(source).0);
        }
        (0.0 < units).then(|| seconds / units)
    }

    /// What a step is estimated at, in the unit of the costs.
    fn step_units(&self, training: &Training, costs: Costs) -> f64 {
        let Costs { prefill, token } = costs;
        match training {
            Training::None => 0.0,
            Training::Sft(settings) => 3.0 * prefill * settings.duration.prompts_per_step as f64,
            Training::Grpo(settings) => {
                let n_tokens = settings.generations as f64 * self.tokens(settings.prompt);
                let n_passes = if settings.has_kl_term() { 4.0 } else { 3.0 };
                let rollout = prefill + token * n_tokens;
                let update = n_passes * (prefill + token / TOKEN_COST * n_tokens);
                (rollout + update) * settings.duration.prompts_per_step as f64
            }
        }
    }

    /// The line through timed images, of a dataset's own prompts if there are some, and whether it is in seconds.
    fn costs(&self, dataset: Option<DatasetId>) -> (Costs, bool) {
        let of = |is_meant: &dyn Fn(&DatasetId) -> bool| {
            let mut points: BTreeMap<PromptStyle, Images> = BTreeMap::new();
            for ((prompt, target, _), images) in &self.images {
                if is_meant(target) && 0.0 < images.time.n && 0.0 < images.tokens.n {
                    let point = points.entry(*prompt).or_default();
                    point.time.add(images.time.n, images.time.total);
                    point.tokens.add(images.tokens.n, images.tokens.total);
                }
            }
            line(&points.into_values().collect::<Vec<_>>())
        };
        let own = dataset.and_then(|dataset| of(&|target| *target == dataset));
        match own.or_else(|| of(&|_| true)) {
            Some(costs) => (costs, true),
            None => (Costs { prefill: PREFILL_TOKENS, token: 1.0 }, false),
        }
    }

    /// Tokens of an answer: measured, else as many as the others have, else a prefill's worth.
    fn tokens(&self, prompt: PromptStyle) -> f64 {
        let of = |is_meant: &dyn Fn(PromptStyle) -> bool| {
            let mut sum = Sum::default();
            let meant = self.images.iter().filter(|((prompt, ..), _)| is_meant(*prompt));
            meant.for_each(|(_, images)| sum.add(images.tokens.n, images.tokens.total));
            sum.mean()
        };
        of(&|found| found == prompt).or_else(|| of(&|_| true)).unwrap_or(PREFILL_TOKENS)
    }

    fn time_of(&self, is_meant: &dyn Fn(&(PromptStyle, DatasetId, MethodId)) -> bool) -> Sum {
        let mut sum = Sum::default();
        let meant = self.images.iter().filter(|(key, _)| is_meant(key));
        meant.for_each(|(_, images)| sum.add(images.time.n, images.time.total));
        sum
    }
}

impl Sum {
    fn add(&mut self, n: f64, total: f64) {
        self.n += n;
        self.total += total;
    }

    fn mean(&self) -> Option<f64> {
        (0.0 < self.n).then(|| self.total / self.n)
    }
}

/// Seconds of a prefill and of a token, by the prompts with the shortest and with the longest answers.
fn line(points: &[Images]) -> Option<Costs> {
    let mut points: Vec<(f64, f64)> = points
        .iter()
        .filter_map(|images| Some((images.tokens.mean()?, images.time.mean()?)))
        .collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (&(short, fast), &(long, slow)) = (points.first()?, points.last()?);
    let slope = (slow - fast) / (long - short);
    let ratio = fast / (short + PREFILL_TOKENS);
    // Of one length, or where longer answers are no slower, nothing but the usual ratio is left.
    match short + 1.0 < long && 0.0 < slope && slope * short < 0.9 * fast {
        true => Some(Costs { prefill: fast - slope * short, token: slope }),
        false => Some(Costs { prefill: ratio * PREFILL_TOKENS, token: ratio }),
    }
}
