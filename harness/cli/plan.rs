//! `plan`: the trials and cells of a suite, and what is done, stale or missing of them.

mod table;

use std::time::Duration;

use clsrl_runner::{State, TrialStatus, trial_statuses};
use clsrl_spec::{CellKey, CellRecord, Trial, cell_identity, training_identity};
use serde::Serialize;

use crate::{
    exit::Exit,
    inputs::Inputs,
    options::{InputOptions, SuiteOptions},
    output::print,
    pace::Pace,
    progress::{Detail, Left, Work},
    request::Request,
    work::{n_evaluation_images, n_images, n_steps, n_training_images},
};

/// What `plan` is asked for.
#[derive(Debug)]
pub struct PlanOptions {
    /// What would run.
    pub suite: SuiteOptions,
    /// With what.
    pub inputs: InputOptions,
    /// Whether every trial is listed.
    pub list: bool,
    /// Whether to print JSON.
    pub json: bool,
}

/// Prints the plan.
pub fn plan(options: &PlanOptions, detail: Detail) -> anyhow::Result<Exit> {
    let request = Request::load(&options.suite)?;
    let store = request.store();
    let bound = Inputs::bind_if_there(&request, &options.inputs, detail)?
        .map(|inputs| inputs.keeping_earlier(&store, &request.trials));
    let bound = match bound {
        Ok(inputs) => Ok(inputs?),
        Err(lacking) => Err(lacking),
    };
    let statuses = match &bound {
        Ok(inputs) => trial_statuses(&store, &request.trials, &inputs.binding)?,
        Err(lacking) => request.trials.iter().map(|trial| unbound(trial, lacking)).collect(),
    };
    let plan = Plan::new(&request, bound.as_ref().ok(), &statuses);
    print(&match (options.json, options.list) {
        (true, _) => json(&plan)?,
        (false, true) => table::trials(&plan) + &table::totals(&plan),
        (false, false) => table::groups(&plan, &request.trials) + "\n" + &table::totals(&plan),
    })?;
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
    /// How long what is left takes, by what is done of the same kind; none where nothing is.
    seconds_left: Option<f64>,
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
    /// Pictures of the cells that are not done.
    evaluation_images_left: usize,
    /// How long what is left takes by itself.
    seconds_left: Option<f64>,
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
    /// Pictures of the cells that are not done.
    evaluation_images_left: usize,
}

impl<'a> Plan<'a> {
    fn new(request: &'a Request, inputs: Option<&Inputs>, statuses: &[TrialStatus]) -> Self {
        let pace = Pace::of(statuses);
        let planned = |status: &TrialStatus| PlannedTrial::new(status, inputs, &pace);
        let trials: Vec<PlannedTrial> = statuses.iter().map(planned).collect();
        let mut counts = Counts { trials: trials.len(), ..Counts::default() };
        for (status, trial) in statuses.iter().zip(&trials) {
            counts.steps = counts.steps.saturating_add(trial.steps);
            counts.evaluation_images += trial.evaluation_images;
            counts.evaluation_images_left += trial.evaluation_images_left;
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
        let works =
            inputs.map(|inputs| statuses.iter().filter_map(move |status| work(status, inputs)));
        let left =
            Left::new(works.into_iter().flatten().collect(), request.suite.execution.jobs, pace);
        // Of nothing that is known it would be no time at all.
        let seconds_left =
            left.time(Duration::ZERO).filter(|_| inputs.is_some()).map(|left| left.as_secs_f64());
        Plan { suite: &request.suite.name, trials, counts, seconds_left }
    }
}

impl PlannedTrial {
    fn new(status: &TrialStatus, inputs: Option<&Inputs>, pace: &Pace) -> Self {
        let trial = &status.trial;
        let training_images = n_training_images(trial, inputs);
        let evaluation_images = n_evaluation_images(trial, inputs);
        let left = inputs.and_then(|inputs| work(status, inputs));
        let cell = |(cell, state): &(CellKey, State<CellRecord>)| PlannedCell {
            cell: cell.to_string(),
            id: inputs.map(|inputs| cell_identity(trial, *cell, &inputs.binding).id()),
            progress: Progress::new(state),
        };
        PlannedTrial {
            key: trial.key(),
            id: inputs.map(|inputs| training_identity(trial, &inputs.binding).id()),
            steps: n_steps(trial, training_images),
            training_images,
            evaluation_images,
            evaluation_images_left: match inputs {
                Some(_) => left.iter().map(|work| work.n_images()).sum(),
                None => evaluation_images,
            },
            seconds_left: match (inputs, left) {
                (None, _) => None,
                (Some(_), None) => Some(0.0),
                (Some(_), Some(work)) => Left::new(vec![work], 1, pace.clone())
                    .time(Duration::ZERO)
                    .map(|left| left.as_secs_f64()),
            },
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

/// What is left of a trial, if anything is.
fn work(status: &TrialStatus, inputs: &Inputs) -> Option<Work> {
    let trial = &status.trial;
    let left = status.cells.iter().filter(|(_, state)| !state.is_done());
    let cells: Vec<(CellKey, usize)> =
        left.map(|&(cell, _)| (cell, n_images(trial, cell, inputs))).collect();
    if cells.is_empty() {
        return None;
    }
    let n_steps = n_steps(trial, n_training_images(trial, Some(inputs)));
    Some(Work { trial: trial.clone(), n_steps, cells })
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
