//! The results of a suite's last run, as they are found without model and data.

mod results;

use std::path::Path;

use anyhow::anyhow;
use clsrl_runner::{LastRun, State, Store, TrialStatus, stored_binding};
use clsrl_spec::{Binding, CellRecord, DataSource, Selection, Suite};

pub use self::results::{provenance, read_predictions, trial_results, why_missing};
use crate::{
    exit::Exit,
    hub,
    options::{InputOptions, SuiteOptions},
    progress::Detail,
    request::Request,
};

/// The name of a model or of data that nobody remembers.
const UNKNOWN: &str = "unknown";

/// The results of the last run, or of the part that was selected.
pub struct StoredRun {
    /// The suite and the part of it.
    pub request: Request,
    /// The results folder.
    pub store: Store,
    /// What the results were made with, as far as they tell.
    pub binding: Binding,
}

impl StoredRun {
    /// Finds the results; an error where there are none.
    pub fn find(options: &SuiteOptions) -> anyhow::Result<Self> {
        let request = last_request(options)?;
        let store = request.store();
        match stored_binding(&store, &request.trials)? {
            Some(binding) => Ok(StoredRun { request, store, binding }),
            None => Err(nothing(&request, &store, "there are no results")),
        }
    }

    /// Whether all cells are done, with a note if some are not; an error if none is.
    pub fn is_complete(&self, statuses: &[TrialStatus], detail: Detail) -> anyhow::Result<bool> {
        let states: Vec<&State<CellRecord>> =
            statuses.iter().flat_map(|status| &status.cells).map(|(_, state)| state).collect();
        let n_done = states.iter().filter(|state| state.is_done()).count();
        if n_done == 0 {
            let stale = states.iter().find(|state| matches!(state, State::Stale(_)));
            let reasons = stale.or(states.first()).map_or(Vec::new(), |state| state.reasons());
            let why = format!("there is no result that fits ({})", reasons.join("; "));
            return Err(nothing(&self.request, &self.store, &why));
        }
        if n_done < states.len() {
            detail.say(&format!(
                "incomplete: {} of {} cells are missing{}\nhint: `{}` makes them",
                states.len() - n_done,
                states.len(),
                why_missing(statuses, &|_| true),
                self.request.command,
            ));
        }
        Ok(n_done == states.len())
    }
}

/// The request; where nothing is selected, the part that the last run asked for.
pub fn last_request(options: &SuiteOptions) -> anyhow::Result<Request> {
    Request::load_with(options, |store| {
        let selection = &options.selection;
        Ok(match store.read_last_run()? {
            Some(last_run) if *selection == Selection::default() => selection_of(last_run),
            _ => selection.clone(),
        })
    })
}

fn nothing(request: &Request, store: &Store, why: &str) -> anyhow::Error {
    let dir = store.dir().display();
    Exit::Incomplete.because(anyhow!("{why} in `{dir}`\nhint: `{}` makes them", request.command))
}

/// What a run asks for, to be kept for `report`. Model and data are named without the folders around them, which
/// are this machine's own.
pub fn describe_run(request: &Request, inputs: &InputOptions) -> LastRun {
    let Selection { methods, datasets, shots, seeds, limit } = request.selection.clone();
    let of_suite = InputNames::of_suite(&request.suite);
    LastRun {
        model: inputs.model.as_deref().map_or(of_suite.model, given_name),
        data: inputs.data.dir.as_deref().map_or(of_suite.data, folder_name),
        methods: methods.unwrap_or_default(),
        datasets: datasets.unwrap_or_default(),
        shots: shots.unwrap_or_default(),
        seeds: seeds.unwrap_or_default(),
        limit,
    }
}

fn selection_of(last_run: LastRun) -> Selection {
    fn axis<T>(wanted: Vec<T>) -> Option<Vec<T>> {
        Some(wanted).filter(|wanted| !wanted.is_empty())
    }
    let LastRun { methods, datasets, shots, seeds, limit, .. } = last_run;
    Selection {
        methods: axis(methods),
        datasets: axis(datasets),
        shots: axis(shots),
        seeds: axis(seeds),
        limit,
    }
}

/// The model and the data of a run, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputNames {
    /// The start model.
    pub model: String,
    /// Where the images came from.
    pub data: String,
}

impl InputNames {
    /// Those of the last run.
    pub fn read(store: &Store) -> anyhow::Result<Self> {
        Ok(match store.read_last_run()? {
            Some(LastRun { model, data, .. }) => InputNames { model, data },
            None => InputNames { model: UNKNOWN.to_owned(), data: UNKNOWN.to_owned() },
        })
    }

    /// Those that a suite names itself.
    pub fn of_suite(suite: &Suite) -> Self {
        InputNames {
            model: suite.model.clone().unwrap_or_else(|| UNKNOWN.to_owned()),
            data: match suite.data {
                Some(DataSource::Drawn { seed }) => format!("drawn by the program, seed {seed}"),
                None => UNKNOWN.to_owned(),
            },
        }
    }

    /// Whether the images are those that the program draws for a suite.
    pub fn is_drawn(&self, suite: &Suite) -> bool {
        suite.data.is_some() && self.data == InputNames::of_suite(suite).data
    }
}

/// The last part of a folder's path.
fn folder_name(dir: &Path) -> String {
    match dir.canonicalize().ok().as_deref().and_then(Path::file_name) {
        Some(name) => name.to_string_lossy().into_owned(),
        None => dir.display().to_string(),
    }
}

/// The name of a model as it was given: of a folder, or of one that was fetched.
fn given_name(given: &Path) -> String {
    model_name(&hub::dir_of(given).unwrap_or_else(|_| given.to_owned()))
}

/// The name of a model's folder; in Hugging Face's cache, `models--ORG--NAME/snapshots/COMMIT`, the
/// model's name.
fn model_name(dir: &Path) -> String {
    let whole = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    let cached = whole.parent().filter(|parent| parent.ends_with("snapshots")).and_then(|parent| {
        let folder = parent.parent()?.file_name()?.to_str()?;
        Some(folder.strip_prefix("models--")?.rsplit("--").next()?.to_owned())
    });
    cached.unwrap_or_else(|| folder_name(dir))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_model_is_named_by_its_folder_and_in_a_cache_by_the_model() {
        let dir = tempfile::tempdir().unwrap();
        for (path, expected) in [
            ("Qwen2-VL-2B-Instruct", "Qwen2-VL-2B-Instruct"),
            ("models--Qwen--Qwen2-VL-2B-Instruct/snapshots/895c3a49", "Qwen2-VL-2B-Instruct"),
            ("mine/snapshots/last", "last"),
        ] {
            let path = dir.path().join(path);
            fs::create_dir_all(&path).unwrap();
            assert_eq!(model_name(&path), expected);
        }
    }
}
