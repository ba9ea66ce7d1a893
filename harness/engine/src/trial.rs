//! One trial, top to bottom: load, fine-tune, keep the weights, evaluate.

use clsrl_data::{
    datasets::{Dataset, Example, Questions, few_shot_cache_paths, picks_digest},
    prompts,
};
use clsrl_files::{Differs, Folder};
use clsrl_libtorch::{catch_out_of_memory, set_deterministic, set_full_float32, set_num_threads};
use clsrl_spec::{
    DatasetId, Form, GrpoSettings, Place, RepeatedStep, SftSettings, StepRecord, StepSeconds,
    Training, TrainingOutcome, TrainingRecord, TrainingRun, Trial, TrialEvent, derive_seed,
};
use clsrl_vlm::{GenerationConfig, Model};

use crate::{
    EngineError, MemoryHint, TrialJob,
    budget::TokenBudget,
    checkpoint::Checkpoint,
    evaluate::Evaluator,
    grpo::Grpo,
    inputs::Inputs,
    machine::{describe_machine, peak_memory_bytes},
    order::EpochOrder,
    repeated_step::repeated_step,
    rewarder::LabelRewarder,
    sft,
    timings::{Started, TrainingTimings},
    weights,
};

/// Receives what happens; an error stops the trial.
pub type Sink<'a> = dyn FnMut(TrialEvent) -> std::io::Result<()> + 'a;

/// Hears of an optimizer step, and of how many there are.
type OnStep<'a> = dyn FnMut(usize, StepRecord, StepSeconds) -> Result<(), EngineError> + 'a;

/// Runs what is left of a trial. Sets libtorch's threads for the whole process.
pub fn run_trial(job: &TrialJob, on_event: &mut Sink) -> Result<(), EngineError> {
    let ended = catch_out_of_memory(|| run_whole(job, on_event));
    let ended = ended.unwrap_or_else(|refusal| Err(refusal.into()));
    ended.map_err(|error| error.with_hint(MemoryHint::of(job)))
}

fn run_whole(job: &TrialJob, on_event: &mut Sink) -> Result<(), EngineError> {
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
        inputs: Inputs::from_folder(&start, &job.trial.protocol, job.image_cache.as_ref())?
            .held_to(&job.data),
        generation: GenerationConfig::from_folder(&start)?,
        place: describe_machine(job, device)?,
        checkpoint: Checkpoint { job, start: &start, device, precision: job.precision },
    };
    let (model, weights_digest) = match context.load_earlier_fine_tune(on_event)? {
        Some(left) => left,
        None => context.train(started, on_event)?,
    };
    context.evaluate(&model, &weights_digest, on_event)
}

/// What training and evaluation share.
struct TrialContext<'a> {
    job: &'a TrialJob,
    inputs: Inputs,
    generation: GenerationConfig,
    place: Place,
    checkpoint: Checkpoint<'a>,
}

/// What a fine-tune did, for its record.
#[derive(Default)]
struct Trained {
    train_paths: Vec<String>,
    steps: Vec<StepRecord>,
    timings: TrainingTimings,
    repeated_step: Option<RepeatedStep>,
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
    /// are evaluated, and their digest.
    fn train(&self, started: Started, on_event: &mut Sink) -> Result<(Model, String), EngineError> {
        let mut model = self.start()?;
        let mut trained = Trained::default();
        let mut adapter_digest = None;
        if self.job.trial.training == Training::None {
            trained.timings.seconds.load = started.seconds();
        } else {
            if let Some(lora) = self.checkpoint.lora() {
                model = model.with_adapters(lora, derive_seed(self.job.trial.seed, &["lora"]));
            }
            trained = self.fine_tune(&mut model, started, on_event)?;
            if model.has_adapters() {
                adapter_digest = Some(weights::digest_of(&model.trained_parameters())?);
            }
        }
        // A step's loss is of the weights before it: those after the last one are looked at here, before they are kept.
        let weights_digest = weights::digest(&model)?;
        if self.job.trial.training != Training::None {
            self.checkpoint.keep(&model)?;
        }
        let timings = trained.timings;
        let record = TrainingRecord {
            outcome: TrainingOutcome {
                train_paths: trained.train_paths,
                steps: trained.steps,
                weights_digest: weights_digest.clone(),
                adapter_digest,
            },
            run: TrainingRun {
                times: Some(started.times()),
                images_per_second: timings.per_second(timings.n_images),
                tokens_per_second: timings.per_second(timings.n_tokens),
                seconds: timings.seconds,
                steps: timings.steps,
                peak_memory_bytes: peak_memory_bytes(model.device())?,
                place: self.place.clone(),
                repeated_step: trained.repeated_step,
                fitted: (self.job.trial.training != Training::None).then_some(timings.fitted),
            },
        };
        on_event(TrialEvent::TrainingDone(Box::new(record))).map_err(EngineError::Sink)?;
        Ok((self.checkpoint.merge(model)?, weights_digest))
    }

    fn fine_tune(
        &self,
        model: &mut Model,
        started: Started,
        on_event: &mut Sink,
    ) -> Result<Trained, EngineError> {
        let trial = &self.job.trial;
        let source = trial.train_on.expect("the plan gives every trained trial a dataset");
        let dataset = self.open(source)?;
        let questions = prompts::questions(&trial.protocol, &dataset, trial.form);
        let examples = self.few_shot(&dataset)?;
        model.set_trainable(true);
        let load = started.seconds();

        let mut steps = Vec::new();
        let mut on_step = |n_steps: usize, step: StepRecord, seconds: StepSeconds| {
            let event = TrialEvent::Trained { step: step.clone(), seconds, of: n_steps };
            on_event(event).map_err(EngineError::Sink)?;
            steps.push(step);
            Ok(())
        };
        let (mut timings, repeated_step) = match &trial.training {
            Training::None => (TrainingTimings::default(), None),
            Training::Sft(settings) => {
                self.sft(model, settings, &questions, &examples, &mut on_step)?
            }
            Training::Grpo(settings) => {
                self.grpo(model, settings, &questions, &examples, &mut on_step)?
            }
        };
        timings.seconds.load += load;
        let train_paths = examples.iter().map(|example| example.path.clone()).collect();
        Ok(Trained { train_paths, steps, timings, repeated_step })
    }

    fn sft(
        &self,
        model: &Model,
        settings: &SftSettings,
        questions: &Questions,
        examples: &[&Example],
        on_step: &mut OnStep,
    ) -> Result<(TrainingTimings, Option<RepeatedStep>), EngineError> {
        let duration = &settings.duration;
        let n_steps = duration.total_steps(examples.len());
        let mut order = self.order(questions, examples.len(), duration);
        let prepare =
            |picks: &[usize]| self.inputs.supervised_examples(questions, &pick(examples, picks));
        let pad_id = self.generation.pad_token_id;
        let repeated = self.repeat_first_step(model, || {
            let first = prepare(&self.order(questions, examples.len(), duration).next_batch())?;
            let copy = model.working_copy();
            let mut budget = TokenBudget::new(settings.micro_batch);
            sft::accumulate(&copy, &model.trained_leaves(), &first, &mut budget, pad_id).map(|_| ())
        })?;
        let timings =
            sft::train(model, settings, pad_id, &mut order, &prepare, &mut |step, seconds| {
                on_step(n_steps, step, seconds)
            })?;
        Ok((timings, repeated))
    }

    fn grpo(
        &self,
        model: &Model,
        settings: &GrpoSettings,
        questions: &Questions,
        examples: &[&Example],
        on_step: &mut OnStep,
    ) -> Result<(TrainingTimings, Option<RepeatedStep>), EngineError> {
        let trial = &self.job.trial;
        let duration = &settings.duration;
        let n_steps = duration.total_steps(examples.len());
        let mut order = self.order(questions, examples.len(), duration);
        let prepare = |picks: &[usize]| {
            self.inputs.training_prompts(questions, &pick(examples, picks), settings.prompt)
        };
        let rl = &trial.protocol.rl;
        let rewarder = LabelRewarder {
            tokenizer: &self.inputs.tokenizer,
            solution: rl.solution,
            also_blanks: trial.form == Form::OpenSet
                && rl.open_set_blanks.contains(&questions.view().dataset().id),
        };
        let grpo = Grpo {
            settings,
            rewarder: &rewarder,
            end_mask: rl.end_mask,
            stop_ids: &self.generation.stop_ids,
            pad_id: self.generation.pad_token_id,
            im_end: self.inputs.im_end,
            seed: trial.seed,
        };
        let repeated = self.repeat_first_step(model, || {
            let first = prepare(&self.order(questions, examples.len(), duration).next_batch())?;
            grpo.accumulate_first(model, &first)
        })?;
        let timings = grpo.train(model, &mut order, &prepare, &mut |step, seconds| {
            on_step(n_steps, step, seconds)
        })?;
        Ok((timings, repeated))
    }

    /// Takes the first step's gradients twice, if the job asks for it.
    fn repeat_first_step(
        &self,
        model: &Model,
        mut accumulate: impl FnMut() -> Result<(), EngineError>,
    ) -> Result<Option<RepeatedStep>, EngineError> {
        let is_wanted = self.job.deterministic;
        let parameters = model.trained_parameters();
        is_wanted.then(|| repeated_step(&parameters, &mut accumulate)).transpose()
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

    fn few_shot<'d>(&self, dataset: &'d Dataset) -> Result<Vec<&'d Example>, EngineError> {
        let few_shot_dir = self.job.few_shot_dir.as_deref();
        let examples = prompts::training_images(&self.job.trial, dataset, few_shot_dir)?;
        let found = picks_digest(examples.iter().copied());
        if self.job.picks.as_ref() != Some(&found) {
            let Trial { shots, seed, .. } = self.job.trial;
            let caches = few_shot_dir.map(|dir| few_shot_cache_paths(dataset.id, dir, shots, seed));
            let there = caches.and_then(|paths| paths.into_iter().find(|path| path.exists()));
            let path = there.unwrap_or_else(|| dataset.dir.clone());
            let picks = |sha256: &str| format!("training images with sha256 {sha256}");
            let expected = self.job.picks.as_deref().map_or_else(|| "none".to_owned(), picks);
            return Err(Differs { path, expected, found: picks(&found) }.into());
        }
        if examples.is_empty() {
            let dataset = dataset.id.to_string();
            return Err(EngineError::Empty { dataset, split: prompts::TRAIN });
        }
        Ok(examples)
    }

    fn order(
        &self,
        questions: &Questions,
        n_examples: usize,
        duration: &clsrl_spec::Duration,
    ) -> EpochOrder {
        let (seed, name) = (self.job.trial.seed, questions.view().dataset().id.as_str());
        EpochOrder::new(seed, name, n_examples, duration.prompts_per_step)
    }

    fn evaluate(
        &self,
        model: &Model,
        weights_digest: &str,
        on_event: &mut Sink,
    ) -> Result<(), EngineError> {
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
        };
        for &cell in &self.job.cells {
            let dataset = self.open(cell.target)?;
            evaluator.evaluate(&dataset, cell, on_event)?;
        }
        Ok(())
    }
}

fn pick<'d>(examples: &[&'d Example], picks: &[usize]) -> Vec<&'d Example> {
    picks.iter().map(|&idx| examples[idx]).collect()
}
