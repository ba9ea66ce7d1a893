//! What is finished of a suite, as the report's library takes it; and why the rest is not.

use clsrl_report::{Provenance, TrialResults};
use clsrl_runner::{NOT_RUN, State, Store, TrialStatus};
use clsrl_spec::{
    Binding, CellKey, CellRecord, Prediction, SCORER_VERSION, Trial, cell_identity,
    training_identity,
};

/// How many reasons are reported for which cells are missing.
const MAX_REASONS: usize = 10;

/// What is there of a trial; none without its fine-tune.
pub fn trial_results(status: &TrialStatus, binding: &Binding) -> Option<TrialResults> {
    let State::Done(training) = &status.training else { return None };
    let trial = &status.trial;
    let done = |(cell, state): &(_, State<CellRecord>)| match state {
        State::Done(done) => Some((cell_identity(trial, *cell, binding).id(), done.record.clone())),
        State::Stale(_) | State::Missing(_) => None,
    };
    Some(TrialResults {
        trial: trial.clone(),
        training_id: training_identity(trial, binding).id(),
        training: training.record.clone(),
        cells: status.cells.iter().filter_map(done).collect(),
        provenance: provenance(status, binding),
    })
}

/// What a trial's results were made from; marks those whose records have no seal.
pub fn provenance(status: &TrialStatus, binding: &Binding) -> Provenance {
    let mut provenance = Provenance::of(&status.trial, binding, SCORER_VERSION);
    let is_trained_sealed = match &status.training {
        State::Done(training) => training.is_sealed,
        State::Stale(_) | State::Missing(_) => false,
    };
    for (cell, state) in &status.cells {
        if let (State::Done(done), Some(of_cell)) = (state, provenance.cells.get_mut(cell)) {
            of_cell.is_sealed = is_trained_sealed && done.is_sealed;
        }
    }
    provenance
}

/// The predictions that a finished cell's record was held to.
pub fn read_predictions(
    store: &Store,
    statuses: &[TrialStatus],
    (trial, cell): (&Trial, CellKey),
) -> Result<Vec<Prediction>, String> {
    let of_trial = statuses.iter().filter(|status| status.trial == *trial);
    let mut cells = of_trial.flat_map(|status| &status.cells).filter(|(key, _)| *key == cell);
    match cells.next() {
        Some((_, State::Done(verified))) => store.read_predictions(trial, verified),
        _ => Err("it is not done".to_owned()),
    }
}

/// Why cells of these states are not done, a line for each reason but for those that were not run yet.
pub fn why_missing(
    statuses: &[TrialStatus],
    is_asked: &dyn Fn(&State<CellRecord>) -> bool,
) -> String {
    let mut reasons: Vec<String> = Vec::new();
    let states = statuses.iter().flat_map(|status| &status.cells).map(|(_, state)| state);
    for state in states.filter(|state| is_asked(state)) {
        let why = state.reasons().join("; ");
        if !why.is_empty() && !why.ends_with(NOT_RUN) && !reasons.contains(&why) {
            reasons.push(why);
        }
    }
    let n_more = reasons.len().saturating_sub(MAX_REASONS);
    let mut message: String =
        reasons.iter().take(MAX_REASONS).map(|reason| format!("\n  {reason}")).collect();
    if 0 < n_more {
        message += &format!("\n  ({n_more} more reasons; `clsrl-bench plan` tells all)");
    }
    message
}
