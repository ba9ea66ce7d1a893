//! The baseline's text: versioned JSON with a cell a line, so that a changed cell is a changed line, and a seal
//! over all of it.

use std::collections::BTreeSet;

use clsrl_spec::{CellKey, DatasetId, Form, MethodId, PromptStyle, Seed, sealed_digest};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Baseline, BaselineError, Digests, SavedCell, SavedKey, Timing,
    bits::{from_hex, to_hex},
};

/// The version of the format; a program reads no newer one. Before version 2 there was no seal.
const VERSION: u64 = 2;

#[derive(Deserialize)]
struct Version {
    version: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    #[serde(rename = "version")]
    _version: u64,
    suite: String,
    protocol: String,
    device_kind: String,
    precision: String,
    commit: String,
    digests: Digests,
    cells: Vec<Line>,
    wall_clock: Vec<Timing>,
    #[serde(default)]
    seal: Option<String>,
}

/// A cell's line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    trial: String,
    method: MethodId,
    source: Option<DatasetId>,
    shots: usize,
    seed: Seed,
    target: DatasetId,
    form: Form,
    prompt: PromptStyle,
    n: usize,
    published: String,
    strict: String,
    #[serde(rename = "pictures")] // what files have said from the first version on
    images: String,
    locked: bool,
}

impl Baseline {
    /// The text; the same baseline has the same bytes.
    pub fn write(&self) -> String {
        let named = |name: &str, value: &str| format!("  \"{name}\": {},\n", json(&value));
        let cells = self.cells.iter().map(|cell| json(&Line::of(cell))).collect();
        let history = self.history.iter().map(json).collect();
        let unsealed = [
            format!("{{\n  \"version\": {VERSION},\n"),
            named("suite", &self.suite),
            named("protocol", &self.protocol),
            named("device_kind", &self.device_kind),
            named("precision", &self.precision),
            named("commit", &self.commit),
            format!("  \"digests\": {},\n", indent(&self.digests)),
            format!("  \"cells\": {},\n", lines(cells)),
            format!("  \"wall_clock\": {}", lines(history)),
        ]
        .concat();
        let whole: Value = serde_json::from_str(&format!("{unsealed}}}")).expect("it is JSON");
        format!("{unsealed},\n  \"seal\": \"{}\"\n}}\n", sealed_digest(&whole))
    }

    /// Reads a baseline; `file` is its name in messages.
    pub fn read(text: &str, file: &str) -> Result<Self, BaselineError> {
        let damaged = |error: serde_json::Error| BaselineError::Damaged {
            file: file.to_owned(),
            reason: error.to_string(),
        };
        let Version { version } = serde_json::from_str(text).map_err(damaged)?;
        match version {
            1..=VERSION => {}
            0 => {
                let reason = format!("its version is 0, expected 1 to {VERSION}");
                return Err(BaselineError::Damaged { file: file.to_owned(), reason });
            }
            found => {
                return Err(BaselineError::Newer {
                    file: file.to_owned(),
                    found,
                    expected: VERSION,
                });
            }
        }
        let read: Read = serde_json::from_str(text).map_err(damaged)?;
        if let Err(reason) = check_seal(version, serde_json::from_str(text).map_err(damaged)?) {
            return Err(BaselineError::Damaged { file: file.to_owned(), reason });
        }
        let mut faults = Vec::new();
        let mut seen = BTreeSet::new();
        let mut cells = Vec::new();
        for line in read.cells {
            match line.check() {
                Ok(cell) if !seen.insert(cell.key) => {
                    faults.push(format!("cell {} is there more than once", shown(&cell)));
                }
                Ok(cell) => cells.push(cell),
                Err(fault) => faults.push(fault),
            }
        }
        let is_bad = |timing: &&Timing| !timing.seconds.is_finite() || timing.seconds < 0.0;
        let bad = read.wall_clock.iter().filter(is_bad);
        faults.extend(bad.map(|timing| {
            format!("a wall-clock is {} seconds, expected a number from 0", timing.seconds)
        }));
        if !faults.is_empty() {
            return Err(BaselineError::Contradictory { file: file.to_owned(), faults });
        }
        cells.sort_by_key(|cell| cell.key);
        let Read { suite, protocol, device_kind, precision, commit, digests, wall_clock, .. } =
            read;
        let (history, is_sealed) = (wall_clock, read.seal.is_some());
        Ok(Baseline {
            suite,
            protocol,
            device_kind,
            precision,
            commit,
            digests,
            cells,
            history,
            is_sealed,
        })
    }
}

/// Holds a text to its seal; that of the first version has none.
fn check_seal(version: u64, mut whole: Value) -> Result<(), String> {
    let seal = whole.as_object_mut().and_then(|whole| whole.remove("seal"));
    match (version, seal) {
        (1, None) => Ok(()),
        (1, Some(_)) => Err("it has a seal, which version 1 has not".to_owned()),
        (_, Some(seal)) if seal == sealed_digest(&whole) => Ok(()),
        (_, Some(_)) => Err("it is not what its seal has".to_owned()),
        (_, None) => Err("it has no seal".to_owned()),
    }
}

impl Line {
    fn of(cell: &SavedCell) -> Self {
        let SavedKey { method, source, shots, cell: asked, seed } = cell.key;
        Line {
            trial: cell.trial.clone(),
            method,
            source,
            shots,
            seed,
            target: asked.target,
            form: asked.form,
            prompt: asked.prompt,
            n: cell.n(),
            published: to_hex(&cell.published),
            strict: to_hex(&cell.strict),
            images: cell.images.clone(),
            locked: cell.locked,
        }
    }

    fn check(self) -> Result<SavedCell, String> {
        let Line { trial, method, source, shots, seed, target, form, prompt, n, .. } = self;
        let cell = CellKey { target, form, prompt };
        let bits = |name: &str, text: &str| {
            from_hex(text, n).map_err(|fault| format!("cell {trial} → {cell}: `{name}` {fault}"))
        };
        let published = bits("published", &self.published)?;
        let strict = bits("strict", &self.strict)?;
        let is_own = match source {
            None => trial == method.as_str(),
            Some(source) => {
                trial.starts_with(&format!("{method}.{source}."))
                    && trial.ends_with(&format!(".{shots}shot.seed{seed}"))
            }
        };
        if !is_own {
            return Err(format!(
                "cell {trial} → {cell} has the method, source, shots or seed of another trial"
            ));
        }
        let key = SavedKey { method, source, shots, cell, seed };
        Ok(SavedCell { key, trial, locked: self.locked, images: self.images, published, strict })
    }
}

fn shown(cell: &SavedCell) -> String {
    format!("{} → {}", cell.trial, cell.key.cell)
}

fn json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).expect("plain data with text keys, and no NaN in it")
}

/// Pretty JSON, two levels in.
fn indent<T: Serialize>(value: &T) -> String {
    let pretty = serde_json::to_string_pretty(value).expect("plain data with text keys");
    pretty.replace('\n', "\n  ")
}

fn lines(items: Vec<String>) -> String {
    match items.is_empty() {
        true => "[]".to_owned(),
        false => format!("[\n    {}\n  ]", items.join(",\n    ")),
    }
}
