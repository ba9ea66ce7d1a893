//! How much there is to do: optimizer steps and images, of what is there or, without data, of the real datasets.

use clsrl_data::prompts::{evaluated_images, training_images};
use clsrl_runner::{Task, TrialStatus};
use clsrl_spec::{CellKey, Training, Trial};

use crate::{inputs::Inputs, progress::Work};

/// What is left of a trial.
pub fn work_of(task: &Task, inputs: &Inputs) -> Work {
    let trial = task.trial.clone();
    let n_steps = match task.trained {
        Some(_) => 0,
        None => n_steps(&trial, n_training_images(&trial, Some(inputs))),
    };
    let cells = task.cells.iter().map(|&cell| (cell, n_images(&trial, cell, inputs))).collect();
    Work { trial, n_steps, cells }
}

/// What is left of a trial, if anything is.
pub fn work_of_status(status: &TrialStatus, inputs: &Inputs) -> Option<Work> {
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

/// Training images of a trial.
pub fn n_training_images(trial: &Trial, inputs: Option<&Inputs>) -> usize {
    let known = inputs.and_then(|inputs| {
        let source = inputs.datasets.get(&trial.train_on?)?;
        // A cache that cannot be read was reported when the inputs were bound.
        training_images(trial, source, inputs.few_shot_dir.as_deref()).ok()
    });
    known.map_or_else(|| trial.full_training_set(), |images| images.len())
}

/// Optimizer steps of a trial over so many images.
pub fn n_steps(trial: &Trial, n_training_images: usize) -> usize {
    let duration = match &trial.training {
        Training::None => return 0,
        Training::Sft(settings) => &settings.duration,
        Training::Grpo(settings) => &settings.duration,
    };
    duration.total_steps(n_training_images)
}

/// Images that a cell evaluates.
pub fn n_images(trial: &Trial, cell: CellKey, inputs: &Inputs) -> usize {
    let target = inputs.datasets.get(&cell.target);
    target.map_or(0, |target| evaluated_images(trial, cell, target).len())
}

/// Images that all cells of a trial evaluate together.
pub fn n_evaluation_images(trial: &Trial, inputs: Option<&Inputs>) -> usize {
    match inputs {
        None => trial.full_evaluation(),
        Some(inputs) => trial.cells().into_iter().map(|cell| n_images(trial, cell, inputs)).sum(),
    }
}
