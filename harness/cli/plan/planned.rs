//! What a run would do, and what is left of it.

use std::time::Duration;

use clsrl_runner::{State, TrialStatus};
use clsrl_spec::{CellKey, CellRecord, cell_identity, training_identity};
use serde::Serialize;

use super::hours::{Hours, TrialLeft};
use crate::{
    inputs::Inputs,
    memory::Memory,
    pace::Pace,
    progress::Left,
    request::Request,
    work::{n_evaluation_images, n_steps, n_training_images, work_of_status},
};

/// Everything that a suite would run.
#[derive(Serialize)]
pub struct Plan<'a> {
    pub suite: &'a str,
    /// The fields that were set, with their values.
    pub set: Vec<String>,
    pub trials: Vec<PlannedTrial>,
    pub counts: Counts,
    /// How long what is left takes, by what is done of the same kind; none where nothing is.
    pub seconds_left: Option<f64>,
    /// What is left in hours; none if nothing is.
    pub hours: Option<Hours>,
    /// What a fine-tune takes of a GPU before activations; none without a model, or where any card holds it.
    pub memory: Option<Memory>,
}

/// A trial and what is left of it.
#[derive(Serialize)]
pub struct PlannedTrial {
    pub key: String,
    /// The fine-tune's id; none without model and data.
    pub id: Option<String>,
    /// Optimizer steps; without data, for full classes. The same goes for the images.
    pub steps: usize,
    pub training_images: usize,
    pub evaluation_images: usize,
    /// Images of the cells that are not done.
    pub evaluation_images_left: usize,
    /// How long what is left takes by itself.
    pub seconds_left: Option<f64>,
    pub training: Progress,
    pub cells: Vec<PlannedCell>,
}

/// A cell and whether it is done.
#[derive(Serialize)]
pub struct PlannedCell {
    pub cell: String,
    pub id: Option<String>,
    pub progress: Progress,
}

impl PlannedCell {
    pub fn is_done(&self) -> bool {
        self.progress.state == "done"
    }
}

/// Whether something is done, and why not.
#[derive(Serialize, PartialEq, Clone)]
pub struct Progress {
    pub state: &'static str,
    pub reasons: Vec<String>,
}

/// Sums over all trials.
#[derive(Serialize, Default)]
pub struct Counts {
    pub trials: usize,
    pub cells: usize,
    pub done: usize,
    pub stale: usize,
    pub missing: usize,
    /// Optimizer steps of all trials.
    pub steps: usize,
    /// Optimizer steps of the trials that are not done.
    pub steps_left: usize,
    /// Images that all cells evaluate together.
    pub evaluation_images: usize,
    /// Images of the cells that are not done.
    pub evaluation_images_left: usize,
}

impl<'a> Plan<'a> {
    pub fn new(
        request: &'a Request,
        inputs: Option<&Inputs>,
        statuses: &[TrialStatus],
        memory: Option<Memory>,
    ) -> Self {
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
        let works = inputs
            .map(|inputs| statuses.iter().filter_map(move |status| work_of_status(status, inputs)));
        let left =
            Left::new(works.into_iter().flatten().collect(), request.suite.execution.jobs, pace);
        // Of nothing that is known it would be no time at all.
        let seconds_left =
            left.time(Duration::ZERO).filter(|_| inputs.is_some()).map(|left| left.as_secs_f64());
        let left = trials.iter().zip(&request.trials).filter_map(|(planned, trial)| {
            let n_cells = planned.cells.iter().filter(|cell| !cell.is_done()).count();
            (0 < n_cells).then_some(TrialLeft {
                trial,
                n_cells,
                n_images: planned.evaluation_images_left,
                n_steps: planned.steps,
                seconds: planned.seconds_left,
            })
        });
        let hours = Hours::of(&left.collect::<Vec<_>>());
        Plan {
            suite: &request.suite.name,
            set: request.suite.set.iter().map(ToString::to_string).collect(),
            trials,
            counts,
            seconds_left,
            hours,
            memory,
        }
    }
}

impl PlannedTrial {
    pub fn new(status: &TrialStatus, inputs: Option<&Inputs>, pace: &Pace) -> Self {
        let trial = &status.trial;
        let training_images = n_training_images(trial, inputs);
        let evaluation_images = n_evaluation_images(trial, inputs);
        let left = inputs.and_then(|inputs| work_of_status(status, inputs));
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
