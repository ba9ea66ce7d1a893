//! `plan`: the trials and cells of a suite, and what is done, stale or missing of them.

use std::fmt::Write;

use clsrl_data::shown::{evaluated_pictures, training_pictures};
use clsrl_runner::{State, Store, TrialStatus, trial_statuses};
use clsrl_spec::{CellKey, CellRecord, Training, Trial, cell_identity, training_identity};
use serde::Serialize;

use crate::{
    args::PlanArgs,
    bench::{Bench, Places},
    exit::Exit,
    inputs::Inputs,
    output::{blanks, print},
    progress::Detail,
};

/// Prints the plan.
pub fn plan(args: &PlanArgs, detail: Detail) -> anyhow::Result<Exit> {
    let bench = Bench::load(&args.suite, &args.selection)?;
    let places = Places::new(&bench.project, args.out.as_deref());
    let store = Store::new(&places.results, &bench.suite.name);
    let bound = Inputs::bind_if_there(&bench, &args.inputs, detail)?
        .map(|inputs| inputs.keeping_earlier(&store, &bench.trials));
    let bound = match bound {
        Ok(inputs) => Ok(inputs?),
        Err(lacking) => Err(lacking),
    };
    let statuses = match &bound {
        Ok(inputs) => trial_statuses(&store, &bench.trials, &inputs.binding)?,
        Err(lacking) => bench.trials.iter().map(|trial| unbound(trial, lacking)).collect(),
    };
    let plan = Plan::new(&bench, bound.as_ref().ok(), &statuses);
    print(&if args.json { json(&plan)? } else { text(&plan) })?;
    if let Err(lacking) = bound {
        detail.say(&format!("nothing is compared with results: {lacking}"));
    }
    Ok(Exit::Ok)
}

#[derive(Serialize)]
struct Plan<'a> {
    suite: &'a str,
    trials: Vec<PlannedTrial>,
    counts: Counts,
}

#[derive(Serialize)]
struct PlannedTrial {
    key: String,
    /// The fine-tune's id; none without model and data.
    id: Option<String>,
    /// Optimizer steps; without data, for full classes. The same goes for the pictures.
    steps: usize,
    training_images: usize,
    evaluation_images: usize,
    training: Progress,
    cells: Vec<PlannedCell>,
}

#[derive(Serialize)]
struct PlannedCell {
    cell: String,
    id: Option<String>,
    progress: Progress,
}

#[derive(Serialize, PartialEq, Clone)]
struct Progress {
    state: &'static str,
    reasons: Vec<String>,
}

#[derive(Serialize, Default)]
struct Counts {
    trials: usize,
    cells: usize,
    done: usize,
    stale: usize,
    missing: usize,
    /// Optimizer steps of all trials.
    steps: usize,
    /// Optimizer steps of the trials that are not done.
    steps_left: usize,
    /// Pictures that all cells evaluate together.
    evaluation_images: usize,
}

impl<'a> Plan<'a> {
    fn new(bench: &'a Bench, inputs: Option<&Inputs>, statuses: &[TrialStatus]) -> Self {
        let trials: Vec<PlannedTrial> =
            statuses.iter().map(|status| PlannedTrial::new(status, inputs)).collect();
        let mut counts = Counts { trials: trials.len(), ..Counts::default() };
        for (status, trial) in statuses.iter().zip(&trials) {
            counts.steps = counts.steps.saturating_add(trial.steps);
            counts.evaluation_images += trial.evaluation_images;
            let is_done = status.cells.iter().all(|(_, state)| state.is_done());
            let left = if is_done { 0 } else { trial.steps };
            counts.steps_left = counts.steps_left.saturating_add(left);
            for (_, state) in &status.cells {
                counts.cells += 1;
                match state {
                    State::Done(_) => counts.done += 1,
                    State::Stale(_) => counts.stale += 1,
                    State::Missing(_) => counts.missing += 1,
                }
            }
        }
        Plan { suite: &bench.suite.name, trials, counts }
    }
}

impl PlannedTrial {
    fn new(status: &TrialStatus, inputs: Option<&Inputs>) -> Self {
        let trial = &status.trial;
        let cell = |(cell, state): &(CellKey, State<CellRecord>)| PlannedCell {
            cell: cell.to_string(),
            id: inputs.map(|inputs| cell_identity(trial, *cell, &inputs.binding).id()),
            progress: Progress::new(state),
        };
        PlannedTrial {
            key: trial.key(),
            id: inputs.map(|inputs| training_identity(trial, &inputs.binding).id()),
            steps: n_steps(trial, inputs),
            training_images: n_training_images(trial, inputs),
            evaluation_images: n_evaluation_images(trial, inputs),
            training: Progress::new(&status.training),
            cells: status.cells.iter().map(cell).collect(),
        }
    }
}

impl Progress {
    fn new<R>(state: &State<R>) -> Self {
        Progress { state: state.word(), reasons: state.reasons() }
    }
}

fn n_steps(trial: &Trial, inputs: Option<&Inputs>) -> usize {
    let duration = match &trial.training {
        Training::None => return 0,
        Training::Sft(settings) => &settings.duration,
        Training::Grpo(settings) => &settings.duration,
    };
    duration.total_steps(n_training_images(trial, inputs))
}

fn n_training_images(trial: &Trial, inputs: Option<&Inputs>) -> usize {
    let known = inputs.and_then(|inputs| {
        let source = inputs.datasets.get(&trial.train_on?)?;
        // A cache that cannot be read was told when the inputs were bound.
        training_pictures(trial, source, inputs.few_shot_dir.as_deref()).ok()
    });
    known.map_or_else(|| trial.full_training_set(), |pictures| pictures.len())
}

fn n_evaluation_images(trial: &Trial, inputs: Option<&Inputs>) -> usize {
    let Some(inputs) = inputs else { return trial.full_evaluation() };
    let evaluated = |cell: CellKey| {
        let target = inputs.datasets.get(&cell.target)?;
        Some(evaluated_pictures(trial, cell, target).len())
    };
    trial.cells().into_iter().filter_map(evaluated).sum()
}

fn unbound(trial: &Trial, lacking: &str) -> TrialStatus {
    let missing = || lacking.to_owned();
    TrialStatus {
        trial: trial.clone(),
        training: State::Missing(missing()),
        cells: trial.cells().into_iter().map(|cell| (cell, State::Missing(missing()))).collect(),
        foreign_checkpoint: false,
    }
}

fn json(plan: &Plan) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(plan)? + "\n")
}

fn text(plan: &Plan) -> String {
    let width = plan.trials.iter().map(|trial| trial.key.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    let mut line = |line: String| writeln!(text, "{line}").expect("a string takes every text");
    for trial in &plan.trials {
        let PlannedTrial { key, steps, training_images, evaluation_images, .. } = trial;
        line(format!(
            "{key}{}  {steps:>5} steps on {training_images:>5} pictures, \
             {evaluation_images:>7} evaluated",
            blanks(key, width)
        ));
        for (progress, cells) in grouped(&trial.cells) {
            let reasons = match progress.reasons.as_slice() {
                [] => String::new(),
                reasons => format!("  ({})", reasons.join("; ")),
            };
            line(format!("  {:<7}  {}{reasons}", progress.state, cells.join(" ")));
        }
    }
    let Counts { trials, cells, done, stale, missing, steps, steps_left, evaluation_images } =
        plan.counts;
    line(format!(
        "{trials} trials, {cells} cells: {done} done, {stale} stale, {missing} missing\n\
         {steps} optimizer steps, {steps_left} of them left; {evaluation_images} pictures to evaluate"
    ));
    text
}

/// Cells with the same state for the same reasons, together.
fn grouped(cells: &[PlannedCell]) -> Vec<(&Progress, Vec<&str>)> {
    let mut groups: Vec<(&Progress, Vec<&str>)> = Vec::new();
    for PlannedCell { cell, progress, .. } in cells {
        match groups.iter_mut().find(|(of_group, _)| *of_group == progress) {
            Some((_, cells)) => cells.push(cell),
            None => groups.push((progress, vec![cell])),
        }
    }
    groups
}
