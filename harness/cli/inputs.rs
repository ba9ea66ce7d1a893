//! What a suite is run with: the start model, the datasets, and the digests that name them.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow};
use clsrl_data::{
    BoundDataset, ModelFiles,
    datasets::{Dataset, Example},
    image::Processor,
    lock::recorded_links,
    prompts::{PromptDigests, evaluated_images, training_images, used_images},
};
use clsrl_runner::{Store, keep_earlier};
use clsrl_spec::{Binding, CellKey, DataSource, DatasetId, Seed, Suite, Trial};

use crate::{
    broken::check_images,
    cache::{cache_dir, sidecars_dir},
    device::Device,
    exit::{Exit, describe},
    hub,
    locked::{self, Locked},
    model::{find_model, repetition_penalty, system_of},
    options::{Check, InputOptions},
    progress::Detail,
    project::Project,
    request::Request,
};

/// What a suite is run with.
pub struct Inputs {
    /// The start model's directory.
    pub model_dir: PathBuf,
    /// The SHA-256 of its files by name.
    pub model_files: BTreeMap<String, String>,
    /// The folder that holds the datasets' folders.
    pub data_dir: PathBuf,
    /// The datasets that the selected trials read.
    pub datasets: BTreeMap<DatasetId, Dataset>,
    /// The datasets that differ from the lock, or that nobody has locked.
    pub unlocked: BTreeSet<DatasetId>,
    /// What was found of each dataset, to which workers hold what they read.
    pub bound: BTreeMap<DatasetId, BoundDataset>,
    /// A folder of CoOp's few-shot caches.
    pub few_shot_dir: Option<PathBuf>,
    /// The device, as it was asked for.
    pub device: Device,
    /// What the results depend on.
    pub binding: Binding,
}

impl Inputs {
    /// Finds model and data, draws what the suite wants drawn, and names both by their digests. Trials get the system
    /// message of the model's chat template where their protocol leaves it to the template.
    pub fn bind(
        request: &mut Request,
        options: &InputOptions,
        check: Check,
        detail: Detail,
    ) -> anyhow::Result<Self> {
        let model_dir = model_dir(&request.project, &request.suite, options.model.as_deref())?;
        request.fill_system(system_of(&model_dir));
        let data_dir = data_dir(&request.suite, options.data.dir.as_deref(), detail)?;
        let datasets = open_datasets(&request.trials, &data_dir, options.data.sidecars.as_deref())?;
        let device_kind = options.device.kind().to_owned();
        let execution = request.suite.execution;
        let few_shot_dir = match &options.few_shot_caches {
            Some(dir) => Some(canonical_dir(dir, "folder of few-shot caches")?),
            None => None,
        };
        let used = used_images(&request.trials, &datasets, few_shot_dir.as_deref())?;
        let of_data = (&datasets, &used);
        let locked = locked::compare(&request.project, of_data, &options.data, check, detail)?;
        let few_shot = few_shot_dir.as_deref();
        let shown = PromptDigests::of(&request.trials, &datasets, few_shot, &locked.bound)?;
        let data_digest = |(&id, dataset): (&DatasetId, &Dataset)| {
            (id, dataset.digest(locked.images.get(&id).map(String::as_str)))
        };
        let training_lists =
            datasets.iter().map(|(&id, dataset)| (id, dataset.training_lists_digest()));
        let model_files = ModelFiles::hash(&model_dir)
            .with_context(|| format!("model `{}` cannot be used", model_dir.display()))?;
        hub::expect_locked(
            &request.project,
            &model_dir,
            &model_files,
            options.data.allow_unlocked,
            detail,
        )?;
        if check != Check::Lists {
            let sidecars = sidecars_dir(options.data.sidecars.as_deref())?;
            let how = (&processor(&model_dir, &request.suite)?, &request.suite.protocol);
            check_images(&datasets, &used, &locked.bound, how, (&sidecars, detail))?;
        }
        let binding = Binding {
            base_weights: model_files.digest(),
            data: datasets.iter().map(data_digest).collect(),
            training_lists: training_lists.collect(),
            training_data: shown.training_data,
            unlocked: locked.unlocked.clone(),
            earlier: BTreeSet::new(),
            picks: shown.picks,
            prompts: shown.prompts,
            repetition_penalty: repetition_penalty(&model_dir),
            precision: execution.precision.on(&device_kind).to_owned(),
            device_kind,
            threads: options.threads.unwrap_or(execution.threads),
            deterministic: options.deterministic,
            recompute: options.gradient_checkpointing,
        };
        let (device, Locked { unlocked, bound, .. }) = (options.device.clone(), locked);
        let model_files = model_files.digests;
        Ok(Inputs {
            model_dir,
            model_files,
            data_dir,
            datasets,
            unlocked,
            bound,
            few_shot_dir,
            device,
            binding,
        })
    }

    /// Lets fine-tunes of earlier programs keep their identities where nothing that they name has changed.
    pub fn keeping_earlier(self, store: &Store, trials: &[Trial]) -> anyhow::Result<Self> {
        let binding = keep_earlier(store, trials, &self.binding)?;
        Ok(Inputs { binding, ..self })
    }

    /// What a worker is given of the datasets that it reads: the trial's own, and those of the cells.
    pub fn bound_for(&self, trial: &Trial, cells: &[CellKey]) -> BTreeMap<DatasetId, BoundDataset> {
        let mut examples: BTreeMap<DatasetId, Vec<&Example>> = BTreeMap::new();
        if let Some(source) = trial.train_on {
            let few_shot_dir = self.few_shot_dir.as_deref();
            let images = training_images(trial, &self.datasets[&source], few_shot_dir);
            // A cache that cannot be read any more is reported by the worker, which reads it as well.
            examples.entry(source).or_default().extend(images.unwrap_or_default());
        }
        for &cell in cells {
            let images = evaluated_images(trial, cell, &self.datasets[&cell.target]);
            examples.entry(cell.target).or_default().extend(images);
        }
        let bound = |(id, examples): (DatasetId, Vec<&Example>)| {
            let of_trial = self.bound.get(&id)?.with_images_of(&self.datasets[&id], examples);
            Some((id, of_trial))
        };
        examples.into_iter().filter_map(bound).collect()
    }

    /// Binds only if that needs no flag that was not given; otherwise says what is lacking. What the suite wants
    /// drawn is drawn: without it nothing is known of its sizes.
    pub fn bind_if_there(
        request: &mut Request,
        options: &InputOptions,
        detail: Detail,
    ) -> anyhow::Result<Result<Self, String>> {
        let model = request.suite.model.as_ref().map(|model| request.project.path(model));
        if let Some(given) = &options.model {
            model_dir(&request.project, &request.suite, Some(given))?;
        }
        match (&options.model, model) {
            (None, None) => return Ok(Err("no model is given".to_owned())),
            (None, Some(dir)) if !dir.is_dir() => {
                return Ok(Err(format!("there is no model `{}`", dir.display())));
            }
            _ => {}
        }
        if options.data.dir.is_none() && request.suite.data.is_none() {
            return Ok(Err("no data is given".to_owned()));
        }
        Inputs::bind(request, options, Check::Lists, detail).map(Ok)
    }
}

/// The processor that a suite's images go through.
fn processor(model_dir: &Path, suite: &Suite) -> anyhow::Result<Processor> {
    let image = &suite.protocol.image;
    let processor = Processor::from_dir(model_dir)
        .with_context(|| format!("model `{}` cannot be used", model_dir.display()))?;
    Ok(processor.with_pixels(image.min_pixels, image.max_pixels))
}

/// The model that was given, else the suite's.
pub fn model_dir(
    project: &Project,
    suite: &Suite,
    given: Option<&Path>,
) -> anyhow::Result<PathBuf> {
    let dir = match (given, &suite.model) {
        (Some(given), _) => hub::dir_of(given)?,
        (None, Some(relative)) => project.path(relative),
        (None, None) => return Err(lacks(suite, "model", "model")),
    };
    find_model(&dir)
}

/// The data folder that was given, else the suite's, which is drawn if it is not there yet.
pub fn data_dir(suite: &Suite, given: Option<&Path>, detail: Detail) -> anyhow::Result<PathBuf> {
    match (given, suite.data) {
        (Some(dir), _) => canonical_dir(dir, "data folder"),
        (None, Some(DataSource::Drawn { seed })) => {
            let dir = drawn_dir(seed)?;
            draw(&dir, seed, detail)?;
            Ok(dir)
        }
        (None, None) => Err(lacks(suite, "data", "data")),
    }
}

/// Opens one dataset, whose links are followed as far as `datasets lock` recorded them in the folder of sidecars.
pub fn open_dataset(
    id: DatasetId,
    data_dir: &Path,
    sidecars: Option<&Path>,
) -> anyhow::Result<Dataset> {
    // Without such a folder nothing is recorded.
    let sidecars = sidecars_dir(sidecars).unwrap_or_default();
    let links = recorded_links(&sidecars, id, data_dir);
    Dataset::open_with_links(id, data_dir, links)
        .with_context(|| format!("dataset `{id}` cannot be used"))
}

/// Draws the synthetic datasets of a seed, unless they are there.
pub fn draw(dir: &Path, seed: Seed, detail: Detail) -> anyhow::Result<()> {
    let bar = detail.count("drawing datasets", DatasetId::ALL.len());
    if let Some(parent) = dir.parent() {
        std::fs::create_dir_all(parent)
            .with_context(|| format!("cannot create `{}`", parent.display()))?;
    }
    let drawn = clsrl_tiny::write_drawn(dir, seed, &mut |_| bar.inc(1));
    bar.finish_and_clear();
    drawn.with_context(|| format!("cannot draw the datasets into `{}`", dir.display()))
}

/// An error for an input that neither the suite nor the user names.
fn lacks(suite: &Suite, what: &str, flag: &str) -> anyhow::Error {
    Exit::Usage.because(anyhow!(
        "suite `{}` names no {what}\nhint: give a folder with --{flag} DIR",
        suite.name
    ))
}

fn canonical_dir(dir: &Path, what: &str) -> anyhow::Result<PathBuf> {
    if dir.is_dir() {
        // Workers get the path as well, so it must not depend on the current folder.
        return dir.canonicalize().with_context(|| format!("cannot read `{}`", dir.display()));
    }
    Err(Exit::Usage.because(anyhow!("there is no {what} `{}`", dir.display())))
}

fn drawn_dir(seed: Seed) -> anyhow::Result<PathBuf> {
    let cache = cache_dir().context(
        "there is no folder for drawn datasets\n\
         hint: draw them with `clsrl-bench tiny draw --to DIR`, then give --data DIR",
    )?;
    Ok(cache.join(format!("drawn-v{}-seed{seed}", clsrl_tiny::write::FORMAT)))
}

fn open_datasets(
    trials: &[Trial],
    data_dir: &Path,
    sidecars: Option<&Path>,
) -> anyhow::Result<BTreeMap<DatasetId, Dataset>> {
    let ids: BTreeSet<DatasetId> = trials
        .iter()
        .flat_map(|trial| trial.train_on.into_iter().chain(trial.evaluation.targets.clone()))
        .collect();
    let mut datasets = BTreeMap::new();
    let mut errors = Vec::new();
    for id in ids {
        match open_dataset(id, data_dir, sidecars) {
            Ok(dataset) => drop(datasets.insert(id, dataset)),
            Err(error) => errors.push(error),
        }
    }
    let error = match errors.len() {
        0 => return Ok(datasets),
        1 => errors.remove(0),
        n => {
            let message: String = errors.iter().map(describe).collect();
            let message = message.trim_end().replace("error: ", "");
            anyhow!("{n} datasets of `{}` cannot be used\n{message}", data_dir.display())
        }
    };
    // As `datasets verify` has it: what cannot be read is not what the lock describes.
    Err(Exit::Differs.because(error))
}
