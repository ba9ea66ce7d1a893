//! One trial, top to bottom: load, fine-tune, keep the weights, evaluate.

mod fine_tune;

use std::{ops::ControlFlow, sync::atomic::AtomicBool};

use clsrl_data::{datasets::Dataset, prompts::PromptRecipe};
use clsrl_files::Folder;
use clsrl_libtorch::{catch_out_of_memory, set_deterministic, set_full_float32, set_num_threads};
use clsrl_spec::{
    CellKey, DatasetId, Place, Times, Training, TrainingOutcome, TrainingRecord, TrainingRun,
    TrialEvent, derive_seed,
};
use clsrl_vlm::{GenerationConfig, Model};

use self::fine_tune::Trained;
use crate::{
    EngineError, MemoryHint, TrialJob,
    checkpoint::Checkpoint,
    evaluate::Evaluator,
    inputs::Inputs,
    keeper::Pauses,
    machine::{describe_machine, peak_memory_bytes},
    recipes,
    timings::Started,
    watch::Sink,
    weights,
};

/// Runs what is left of a trial, to its end or, once `pause` is true, to where it can be gone on from: then its last
/// event says so. Sets libtorch's threads for the whole process.
pub fn run_trial(
    job: &TrialJob,
    pause: &AtomicBool,
    on_event: &mut Sink,
) -> Result<(), EngineError> {
    let pauses = Pauses { saving: &job.saving, asked: pause };
    let ended = catch_out_of_memory(|| run_whole(job, pauses, on_event));
    let ended = ended.unwrap_or_else(|refusal| Err(refusal.into()));
    match ended.map_err(|error| error.with_hint(MemoryHint::of(job)))? {
        ControlFlow::Break(()) => on_event(TrialEvent::Paused).map_err(EngineError::Sink),
        ControlFlow::Continue(()) => Ok(()),
    }
}

fn run_whole(
    job: &TrialJob,
    pauses: Pauses<'_>,
    on_event: &mut Sink,
) -> Result<ControlFlow<()>, EngineError> {
    set_num_threads(job.threads as i32);
    on_event(TrialEvent::Loading).map_err(EngineError::Sink)?;
    let started = Started::now();
    let device = job.device.find()?;
    set_full_float32()?;
    if job.deterministic {
        set_deterministic()?;
    }
    // All that decides is held to what the run's identity was bound with, in the bytes that are used.
    let start = Folder::checked(&job.model_dir, job.model_files.clone());
    let context = TrialContext {
        job,
        pauses,
        inputs: Inputs::from_folder(&start, &job.trial.protocol, job.image_cache.as_ref())?
            .held_to(&job.data),
        generation: GenerationConfig::from_folder(&start)?,
        place: describe_machine(job, device)?,
        checkpoint: Checkpoint { job, start: &start, device, precision: job.precision },
    };
    let tuned = match context.load_earlier_fine_tune(on_event)? {
        Some(left) => Some(left),
        None => context.train(started, on_event)?,
    };
    match tuned {
        Some((model, weights_digest)) => context.evaluate(&model, &weights_digest, on_event),
        None => Ok(ControlFlow::Break(())),
    }
}

/// What training and evaluation share.
struct TrialContext<'a> {
    job: &'a TrialJob,
    pauses: Pauses<'a>,
    inputs: Inputs,
    generation: GenerationConfig,
    place: Place,
    checkpoint: Checkpoint<'a>,
}

impl TrialContext<'_> {
    /// The weights of the fine-tune's record and their digest, if there is one and they are there.
    fn load_earlier_fine_tune(
        &self,
        on_event: &mut Sink,
    ) -> Result<Option<(Model, String)>, EngineError> {
        let Some(record) = &self.job.trained else { return Ok(None) };
        let expected = &record.outcome.weights_digest;
        let reason = if self.job.trial.training == Training::None {
            let model = self.start()?;
            match weights::digest(&model)? {
                digest if digest == *expected => return Ok(Some((model, digest))),
                digest => {
                    format!("its record is of weights {expected}, the start model's are {digest}")
                }
            }
        } else {
            match self.checkpoint.load(record)? {
                Ok(model) => return Ok(Some((self.prepare(model)?, expected.clone()))),
                Err(damage) => damage,
            }
        };
        on_event(TrialEvent::TrainsAgain { reason }).map_err(EngineError::Sink)?;
        self.checkpoint.remove()?;
        Ok(None)
    }

    fn start(&self) -> Result<Model, EngineError> {
        let Checkpoint { start, device, precision, .. } = self.checkpoint;
        self.prepare(Model::from_folder(start, device, precision)?)
    }

    fn prepare(&self, model: Model) -> Result<Model, EngineError> {
        self.generation.check_padding(&self.job.model_dir, model.config())?;
        Ok(model.with_gradient_checkpointing(self.job.recompute))
    }

    /// Fine-tunes, keeps what was learned, and tells its record before anything else can fail; gives the weights as they
    /// are evaluated, and their digest. None if it was to pause.
    fn train(
        &self,
        started: Started,
        on_event: &mut Sink,
    ) -> Result<Option<(Model, String)>, EngineError> {
        let mut model = self.start()?;
        if self.pauses.are_asked_for() {
            return Ok(None);
        }
        let mut trained = Trained::nothing(started);
        let mut adapter_digest = None;
        if self.job.trial.training != Training::None {
            if let Some(lora) = self.checkpoint.lora() {
                model = model.with_adapters(lora, derive_seed(self.job.trial.seed, &["lora"]));
            }
            trained = match self.fine_tune(&mut model, started, on_event)? {
                Some(trained) => trained,
                None => return Ok(None),
            };
            if model.has_adapters() {
                adapter_digest = Some(weights::digest_of(&model.trained_parameters())?);
            }
        }
        // A step's loss is of the weights before it: those after the last one are looked at here, before they are kept.
        let weights_digest = weights::digest(&model)?;
        if self.job.trial.training != Training::None {
            self.checkpoint.keep(&model)?;
        }
        let Trained { train_paths, progress } = trained;
        let timings = progress.timings;
        let peak = peak_memory_bytes(model.device())?;
        let record = TrainingRecord {
            outcome: TrainingOutcome {
                train_paths,
                steps: progress.steps,
                weights_digest: weights_digest.clone(),
                adapter_digest,
            },
            run: TrainingRun {
                times: Some(Times { started_at: progress.started_at, ..started.times() }),
                images_per_second: timings.per_second(timings.n_images),
                tokens_per_second: timings.per_second(timings.n_tokens),
                seconds: timings.seconds,
                steps: timings.steps,
                peak_memory_bytes: progress.peak_memory_bytes.max(peak),
                place: self.place.clone(),
                repeated_step: progress.repeated_step,
                fitted: (self.job.trial.training != Training::None).then_some(timings.fitted),
                resumed_at: progress.resumed_at,
            },
        };
        on_event(TrialEvent::TrainingDone(Box::new(record))).map_err(EngineError::Sink)?;
        if self.pauses.are_asked_for() {
            return Ok(None);
        }
        Ok(Some((self.checkpoint.merge(model)?, weights_digest)))
    }

    fn trained_on_standard_lists(&self) -> Result<bool, EngineError> {
        match self.job.trial.train_on {
            None => Ok(true),
            Some(source) => Ok(self.open(source)?.has_standard_lists()),
        }
    }

    /// Opens a dataset, which must be what was checked.
    fn open(&self, id: DatasetId) -> Result<Dataset, EngineError> {
        let bound = self.job.data.get(&id).cloned().unwrap_or_default();
        Ok(bound.open(id, &self.job.data_dir)?)
    }

    fn evaluate(
        &self,
        model: &Model,
        weights_digest: &str,
        on_event: &mut Sink,
    ) -> Result<ControlFlow<()>, EngineError> {
        let frozen = model.frozen_copy(false);
        let evaluator = Evaluator {
            model: &frozen,
            inputs: &self.inputs,
            trial: &self.job.trial,
            generation: &self.generation,
            unlocked: &self.job.unlocked,
            trained_on_standard_lists: self.trained_on_standard_lists()?,
            weights_digest,
            place: &self.place,
            pauses: self.pauses,
        };
        for (&cell, cell_id) in self.job.cells.iter().zip(&self.job.saving.cell_ids) {
            if self.pauses.are_asked_for() {
                return Ok(ControlFlow::Break(()));
            }
            let dataset = self.open(cell.target)?;
            self.keep_recipe(cell, &dataset)?;
            if evaluator.evaluate(&dataset, (cell, cell_id), on_event)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Keeps how a cell asks beside the weights that it evaluates, if any are kept.
    fn keep_recipe(&self, cell: CellKey, target: &Dataset) -> Result<(), EngineError> {
        let TrialJob { trial, checkpoint_dir, saving, .. } = self.job;
        match trial.training {
            Training::None => Ok(()),
            _ => {
                let recipe = PromptRecipe::new(trial, cell, target);
                recipes::keep(checkpoint_dir, &saving.training_id, recipe)
            }
        }
    }
}
