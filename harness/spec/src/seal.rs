//! Seals: which trial and cell a record is, and a digest over everything that it says.
//!
//! A seal finds damage and mix-ups, of a digit as of a whole file. It is no signature: whoever changes a
//! record on purpose can seal it anew, and is then held to the stored answers.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{CellKey, Identity, Trial, identity::canonical_json, lock::Digest};

/// What a record is sealed with, since version 6 of the format. Digests are SHA-256, hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seal {
    /// The trial's key: method, dataset, form, shots and seed of training.
    pub trial: String,
    /// The cell: target, form and prompt; none for the record of a fine-tune.
    pub cell: Option<CellKey>,
    /// Over the identity, as canonical JSON.
    pub identity: String,
    /// Over the record's reproducible half, as canonical JSON.
    pub outcome: String,
    /// Over the other half, as canonical JSON.
    pub run: String,
    /// Over the bytes of the predictions file; none for the record of a fine-tune.
    pub predictions: Option<String>,
}

impl Seal {
    /// Seals what stands in a record: its halves are the JSON of `outcome` and `run`.
    pub fn new(
        (trial, cell): (&Trial, Option<CellKey>),
        identity: &Identity,
        record: &Value,
        predictions: Option<String>,
    ) -> Self {
        Seal { cell, predictions, ..Seal::of_fine_tune(trial.key(), identity, record) }
    }

    /// Seals the record of a fine-tune of the trial with this key.
    pub fn of_fine_tune(trial: String, identity: &Identity, record: &Value) -> Self {
        Seal {
            trial,
            cell: None,
            identity: sealed_digest(identity.json()),
            outcome: sealed_digest(&record["outcome"]),
            run: sealed_digest(&record["run"]),
            predictions: None,
        }
    }

    /// Holds what was found to this seal; an error names the first difference.
    pub fn check(&self, found: &Seal) -> Result<(), String> {
        let names = |seal: &Seal| match seal.cell {
            None => format!("`{}`", seal.trial),
            Some(cell) => format!("cell `{cell}` of `{}`", seal.trial),
        };
        if (&self.trial, self.cell) != (&found.trial, found.cell) {
            return Err(format!("it is the record of {}, not of {}", names(self), names(found)));
        }
        let parts = [
            ("identity", &self.identity, &found.identity),
            ("outcome", &self.outcome, &found.outcome),
            ("run", &self.run, &found.run),
        ];
        match parts.into_iter().find(|(_, sealed, found)| sealed != found) {
            None => Ok(()),
            Some((part, ..)) => Err(format!("its `{part}` is not what its seal has")),
        }
    }
}

/// SHA-256 of a value as canonical JSON, hexadecimal.
pub fn sealed_digest(value: &Value) -> String {
    Digest::of(canonical_json(value)).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn seal() -> Seal {
        Seal {
            trial: "sft.dtd.4shot.seed1".to_owned(),
            cell: None,
            identity: "i".to_owned(),
            outcome: "o".to_owned(),
            run: "r".to_owned(),
            predictions: None,
        }
    }

    #[test]
    fn a_digest_depends_on_the_value_and_not_on_the_order_of_its_keys() {
        let of = |text: &str| sealed_digest(&serde_json::from_str(text).unwrap());
        assert_eq!(of(r#"{"a": 1.50, "b": [null]}"#), of("{\"b\":[null],\n\"a\":1.5}"));
        assert_ne!(of(r#"{"a": 1}"#), of(r#"{"a": 1.0}"#));
        let sums = [0.1 + 0.2, 1e-300, f64::MAX, f64::MIN_POSITIVE / 3.0, -0.0];
        let written = json!(sums);
        assert_eq!(sealed_digest(&written), of(&written.to_string()), "floats survive the file");
    }

    #[test]
    fn a_record_of_another_cell_or_with_another_digit_is_told() {
        let check = |found: Seal, expected: &str| {
            assert_eq!(seal().check(&found).unwrap_err(), expected);
        };
        assert_eq!(seal().check(&seal()), Ok(()));
        let other = Seal { trial: "cls-rl.dtd.4shot.seed1".to_owned(), ..seal() };
        let message = "it is the record of `sft.dtd.4shot.seed1`, not of `cls-rl.dtd.4shot.seed1`";
        check(other, message);
        check(Seal { run: "x".to_owned(), ..seal() }, "its `run` is not what its seal has");
        check(Seal { outcome: "x".to_owned(), ..seal() }, "its `outcome` is not what its seal has");
    }
}
