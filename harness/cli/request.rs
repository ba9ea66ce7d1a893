//! A suite as it was asked for: its trials, the selection, and where its results go.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clsrl_runner::{Shard, Store};
use clsrl_spec::{Selection, Suite, Trial};

use crate::{
    exit::Exit,
    options::{SuiteOptions, Variant},
    project::Project,
    suites::read_variant,
};

/// A suite and the part of it that was asked for.
pub struct Request {
    pub project: Project,
    /// How the suite was named.
    pub named: String,
    /// The suite, under the protocol that was asked for.
    pub suite: Suite,
    /// The part of it.
    pub selection: Selection,
    /// The trials of the selection; never empty.
    pub trials: Vec<Trial>,
    /// Where results and reports go.
    pub places: Places,
    /// The command that makes these results, without the inputs of this machine.
    pub command: String,
}

/// Where results and reports of a suite go.
pub struct Places {
    /// The folder of the suites' results folders and frames.
    pub results: PathBuf,
    /// The folder of the reports.
    pub reports: PathBuf,
}

impl Request {
    /// Reads the suite and plans the selection.
    pub fn load(options: &SuiteOptions) -> anyhow::Result<Self> {
        Request::load_with(options, |_| Ok(options.selection.clone()))
    }

    /// Reads the suite, and plans the selection that is made when its results folder is known.
    pub fn load_with(
        options: &SuiteOptions,
        select: impl FnOnce(&Store) -> anyhow::Result<Selection>,
    ) -> anyhow::Result<Self> {
        let SuiteOptions { suite: named, variant, out, .. } = options;
        let project = Project::find()?;
        let suite = read_variant(&project, named, variant)?;
        let places = Places::new(&project, out.as_deref());
        let selection = select(&Store::new(&places.results, &suite.name))?;
        let trials = clsrl_spec::plan(&suite, &selection)
            .map_err(|error| Exit::NothingSelected.because(error))?;
        let words = selection_words(&project, named, &selection, variant);
        let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
        let command = format!("clsrl-bench run {}", words.join(" "));
        Ok(Request { project, named: named.clone(), suite, selection, trials, places, command })
    }

    /// The part of it that a shard is for; all of it without one.
    pub fn keep_shard(mut self, shard: Option<Shard>) -> anyhow::Result<Self> {
        let Some(shard) = shard else { return Ok(self) };
        let n_trials = self.trials.len();
        self.trials = shard.select(&self.trials);
        if self.trials.is_empty() {
            return Err(Exit::NothingSelected.because(anyhow!(
                "shard {shard} has no trial: the plan has {n_trials} for all shards"
            )));
        }
        Ok(self)
    }

    /// Gives trials the system message of a model's chat template, where their protocol leaves it to the template.
    pub fn fill_system(&mut self, system: &str) {
        for trial in &mut self.trials {
            trial.protocol = self.suite.protocol.with_template_system(system);
        }
    }

    /// The suite's results folder.
    pub fn store(&self) -> Store {
        Store::new(&self.places.results, &self.suite.name)
    }
}

impl Places {
    /// The project's own folders, or one folder for everything.
    fn new(project: &Project, out: Option<&Path>) -> Self {
        match out {
            Some(dir) => Places { results: dir.to_owned(), reports: dir.to_owned() },
            None => Places {
                results: project.work_path("results"),
                reports: project.work_path("reports"),
            },
        }
    }
}

/// The words that name a suite and a part of it, for any verb that takes them.
pub fn selection_words(
    project: &Project,
    named: &str,
    selection: &Selection,
    variant: &Variant,
) -> Vec<String> {
    fn list<T: ToString>(flag: &str, wanted: &[T]) -> Vec<String> {
        if wanted.is_empty() {
            return Vec::new();
        }
        let wanted: Vec<String> = wanted.iter().map(T::to_string).collect();
        vec![format!("--{flag}"), wanted.join(",")]
    }
    let Selection { methods, datasets, shots, seeds, limit } = selection;
    // The same text whether the suite was named or its file given.
    let path = Path::new(named);
    let is_ours = path.parent().and_then(|dir| dir.canonicalize().ok())
        == project.suites_dir().canonicalize().ok();
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    let shown = stem.filter(|_| is_ours).unwrap_or(named);
    [
        list("suite", &[shown]),
        list("methods", methods.as_deref().unwrap_or_default()),
        list("datasets", datasets.as_deref().unwrap_or_default()),
        list("shots", shots.as_deref().unwrap_or_default()),
        list("seeds", seeds.as_deref().unwrap_or_default()),
        list("limit", limit.as_slice()),
        list("protocol", variant.protocol.as_slice()),
        list("lora", variant.lora.as_slice()),
        variant.set.iter().flat_map(|setting| ["--set".to_owned(), setting.to_string()]).collect(),
    ]
    .concat()
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || "-_.=,:/".contains(char);
    match word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}
