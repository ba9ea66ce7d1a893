//! Which trial and cell a record names: beside its seal, and of old records the one thing that tells.

use clsrl_spec::{CellKey, CellOutcome, CellRecord, Identity, Trial};
use serde_json::{Value, json};

use super::record_file::RecordFile;

/// Holds a training's record to the trial that it stands for, by what its identity names.
pub(super) fn check_training_names(trial: &Trial, identity: &Identity) -> Result<(), String> {
    let (whole, source) = (identity.json(), &identity.json()["train_on"]);
    let is_own = match trial.train_on {
        None => source.is_null(),
        Some(dataset) => [
            ("dataset", json!(dataset)),
            ("form", json!(trial.form)),
            ("shots", json!(trial.shots)),
            ("seed", json!(trial.seed)),
        ]
        .iter()
        .all(|(name, own)| is_named(&source[name], own)),
    };
    match is_own && is_named(&whole["method"], &json!(trial.method)) {
        true => Ok(()),
        false => Err(format!("it holds the record of another trial than `{}`", trial.key())),
    }
}

/// Holds a cell's record to the cell that it stands for, by what its outcome and its identity name.
pub(super) fn check_cell_names(
    (trial, cell): (&Trial, CellKey),
    RecordFile { identity, record, .. }: &RecordFile<CellRecord>,
) -> Result<(), String> {
    let CellOutcome { method, train_on, shots, seed, cell: found, .. } = record.outcome;
    let own = (trial.method, trial.train_on, trial.shots, trial.seed, cell);
    let whole = identity.json();
    let is_own = (method, train_on, shots, seed, found) == own
        && is_named(&whole["target"], &json!(cell.target))
        && is_named(&whole["form"], &json!(cell.form))
        && is_named(&whole["prompt"]["style"], &json!(cell.prompt));
    match is_own {
        true => Ok(()),
        false => {
            Err(format!("it holds the record of another cell than `{cell}` of `{}`", trial.key()))
        }
    }
}

/// Whether an identity names this; an identity of an older program may not have the name at all.
fn is_named(found: &Value, own: &Value) -> bool {
    found.is_null() || found == own
}
