//! One trial, top to bottom: load, fine-tune, keep the weights, evaluate.

use std::time::Instant;

use clsrl_data::datasets::{Dataset, Example, sample_few_shot};
use clsrl_spec::{
    GrpoSettings, MethodId, SftSettings, StepRecord, Training, TrainingOutcome, TrainingRecord,
    TrainingRun, TrainingSeconds, TrialEvent,
};
use clsrl_vlm::{GenerationConfig, Model, Precision, device};

use crate::{
    EngineError, TrialJob,
    evaluate::Evaluator,
    grpo::Grpo,
    inputs::Inputs,
    order::EpochOrder,
    place::{Where, peak_memory_bytes},
    sft, weights,
};

/// Receives what happens; an error stops the trial.
pub type Sink<'a> = dyn FnMut(TrialEvent) -> std::io::Result<()> + 'a;

/// Runs what is left of a trial. Sets libtorch's threads for the whole process.
pub fn run_trial(job: &TrialJob, on_event: &mut Sink) -> Result<(), EngineError> {
    tch::set_num_threads(job.threads as i32);
    on_event(TrialEvent::Loading).map_err(EngineError::Sink)?;
    let started = Instant::now();
    let device = device::parse_device(&job.device)?;
    let precision = match job.precision.as_str() {
        "bf16" => Precision::Bfloat16,
        "f32" => Precision::Float32,
        other => panic!("a job asks for precision `{other}`, which no suite can name"),
    };
    let weights_dir = if job.trained.is_some() && job.trial.training != Training::None {
        &job.checkpoint_dir
    } else {
        &job.model_dir
    };
    let mut model = Model::load(weights_dir, device, precision)?;
    let setting = Setting {
        job,
        inputs: Inputs::from_dir(&job.model_dir, &job.trial.protocol)?,
        generation: GenerationConfig::from_dir(&job.model_dir)?,
        place: Where::here(job, device),
    };
    if job.trained.is_none() {
        let record = setting.train(&mut model, started, on_event)?;
        on_event(TrialEvent::TrainingDone(Box::new(record))).map_err(EngineError::Sink)?;
    }
    setting.evaluate(&model, on_event)
}

/// What training and evaluation share.
struct Setting<'a> {
    job: &'a TrialJob,
    inputs: Inputs,
    generation: GenerationConfig,
    place: Where,
}

/// What a fine-tune did, for its record.
#[derive(Default)]
struct Trained {
    train_paths: Vec<String>,
    steps: Vec<StepRecord>,
    seconds: TrainingSeconds,
    n_images: usize,
    n_tokens: usize,
}

impl Setting<'_> {
    fn train(
        &self,
        model: &mut Model,
        started: Instant,
        on_event: &mut Sink,
    ) -> Result<TrainingRecord, EngineError> {
        let mut trained = match &self.job.trial.training {
            Training::None => {
                let load = started.elapsed().as_secs_f64();
                Trained {
                    seconds: TrainingSeconds { load, ..Default::default() },
                    ..Default::default()
                }
            }
            Training::Sft(settings) => self.train_sft(model, settings, started, on_event)?,
            Training::Grpo(settings) => self.train_grpo(model, settings, started, on_event)?,
        };
        if self.job.trial.training != Training::None {
            model.save(&self.job.checkpoint_dir, &self.job.model_dir)?;
        }
        let busy = trained.seconds.rollout + trained.seconds.update;
        let per_second = |n: usize| if 0.0 < busy { n as f64 / busy } else { 0.0 };
        Ok(TrainingRecord {
            outcome: TrainingOutcome {
                train_paths: std::mem::take(&mut trained.train_paths),
                steps: trained.steps,
                weights_digest: weights::digest(model),
            },
            run: TrainingRun {
                seconds: trained.seconds,
                images_per_second: per_second(trained.n_images),
                tokens_per_second: per_second(trained.n_tokens),
                peak_memory_bytes: peak_memory_bytes(),
                place: self.place.0.clone(),
            },
        })
    }

    fn train_sft(
        &self,
        model: &mut Model,
        settings: &SftSettings,
        started: Instant,
        on_event: &mut Sink,
    ) -> Result<Trained, EngineError> {
        let dataset = self.source()?;
        let chosen = self.few_shot(&dataset)?;
        let examples = self.inputs.supervised(&dataset, &chosen)?;
        let mut order = self.order(&dataset, chosen.len(), &settings.duration);
        let n_steps = settings.duration.total_steps(chosen.len());
        let load = started.elapsed().as_secs_f64();

        model.set_trainable(true);
        let started = Instant::now();
        let mut steps = Vec::with_capacity(n_steps);
        let pad_id = self.generation.pad_token_id;
        sft::train(model, &examples, settings, pad_id, &mut order, &mut |step| {
            send_step(&step, n_steps, on_event)?;
            steps.push(step);
            Ok(())
        })?;
        let update = started.elapsed().as_secs_f64();
        let n_images = n_steps * settings.duration.prompts_per_step.min(chosen.len());
        let n_tokens_of_all = examples.iter().map(|e| e.prompt.ids.len()).sum::<usize>();
        Ok(Trained {
            train_paths: paths(&chosen),
            steps,
            seconds: TrainingSeconds { load, rollout: 0.0, update },
            n_images,
            n_tokens: n_tokens_of_all * n_images / chosen.len(),
        })
    }

    fn train_grpo(
        &self,
        model: &mut Model,
        settings: &GrpoSettings,
        started: Instant,
        on_event: &mut Sink,
    ) -> Result<Trained, EngineError> {
        let dataset = self.source()?;
        let chosen = self.few_shot(&dataset)?;
        let prompts = self.inputs.training_prompts(&dataset, &chosen, settings.prompt)?;
        let mut order = self.order(&dataset, chosen.len(), &settings.duration);
        let n_steps = settings.duration.total_steps(chosen.len());
        let load = started.elapsed().as_secs_f64();

        model.set_trainable(true);
        let trial = &self.job.trial;
        let grpo = Grpo {
            settings,
            rewards: match trial.method {
                MethodId::ClsRl => &trial.protocol.rl.cls_rl_rewards,
                _ => &trial.protocol.rl.no_thinking_rewards,
            },
            end_mask: trial.protocol.rl.end_mask,
            stop_ids: &self.generation.stop_ids,
            pad_id: self.generation.pad_token_id,
            inputs: &self.inputs,
            seed: trial.seed,
        };
        let mut steps = Vec::with_capacity(n_steps);
        let clock = grpo.train(model, &prompts, &mut order, &mut |step| {
            send_step(&step, n_steps, on_event)?;
            steps.push(step);
            Ok(())
        })?;
        Ok(Trained {
            train_paths: paths(&chosen),
            steps,
            seconds: TrainingSeconds { load, rollout: clock.rollout, update: clock.update },
            n_images: n_steps * settings.duration.prompts_per_step.min(chosen.len()),
            n_tokens: clock.tokens,
        })
    }

    fn source(&self) -> Result<Dataset, EngineError> {
        let source = self.job.trial.train_on.expect("the plan gives every trained trial a dataset");
        Ok(Dataset::open(source, &self.job.data_dir)?)
    }

    fn few_shot<'d>(&self, dataset: &'d Dataset) -> Result<Vec<&'d Example>, EngineError> {
        let trial = &self.job.trial;
        let picks = sample_few_shot(dataset, trial.shots, trial.seed).train;
        if picks.is_empty() {
            let dataset = dataset.id.to_string();
            return Err(EngineError::Empty { dataset, split: "train" });
        }
        Ok(picks.into_iter().map(|idx| &dataset.train[idx]).collect())
    }

    fn order(
        &self,
        dataset: &Dataset,
        n_examples: usize,
        duration: &clsrl_spec::Duration,
    ) -> EpochOrder {
        EpochOrder::new(self.job.trial.seed, dataset.id.as_str(), n_examples, duration)
    }

    fn evaluate(&self, model: &Model, on_event: &mut Sink) -> Result<(), EngineError> {
        let frozen = model.frozen_copy(false);
        let evaluator = Evaluator {
            model: &frozen,
            inputs: &self.inputs,
            trial: &self.job.trial,
            stop_ids: &self.generation.stop_ids,
            pad_id: self.generation.pad_token_id,
            place: &self.place,
        };
        for &cell in &self.job.cells {
            let dataset = Dataset::open(cell.target, &self.job.data_dir)?;
            evaluator.evaluate(&dataset, cell, on_event)?;
        }
        Ok(())
    }
}

fn paths(chosen: &[&Example]) -> Vec<String> {
    chosen.iter().map(|example| example.path.clone()).collect()
}

fn send_step(step: &StepRecord, of: usize, on_event: &mut Sink) -> Result<(), EngineError> {
    let reward = step.rollout.as_ref().map(|rollout| rollout.reward_mean);
    let event = TrialEvent::Trained { step: step.step, of, loss: step.loss, reward };
    on_event(event).map_err(EngineError::Sink)
}
