//! The fine-tune of a trial: its data, its trainer, and what its record will say.

use clsrl_data::{
    datasets::{Dataset, Example, Questions, few_shot_cache_paths, picks_digest},
    prompts,
};
use clsrl_files::Differs;
use clsrl_spec::{Form, GrpoSettings, RepeatedStep, SftSettings, Training, Trial};
use clsrl_vlm::Model;

use super::TrialContext;
use crate::{
    EngineError,
    budget::TokenBudget,
    grpo::Grpo,
    keeper::Keeper,
    order::EpochOrder,
    repeated_step::repeated_step,
    rewarder::LabelRewarder,
    sft,
    state::Progress,
    timings::{Started, TrainingTimings},
    watch::{Ended, Sink},
};

/// What a fine-tune did, for its record.
pub(super) struct Trained {
    pub(super) train_paths: Vec<String>,
    pub(super) progress: Progress,
}

impl Trained {
    /// Of a trial that trains nothing, and has loaded by now.
    pub(super) fn nothing(started: Started) -> Self {
        let mut timings = TrainingTimings::default();
        timings.seconds.load = started.seconds();
        let started_at = started.times().started_at;
        let progress = Progress { timings, started_at, ..Progress::default() };
        Trained { train_paths: Vec::new(), progress }
    }
}

/// Training images and what is asked about them.
type TrainingSet<'a> = (&'a Questions<'a>, &'a [&'a Example]);

impl TrialContext<'_> {
    /// None if it was to pause.
    pub(super) fn fine_tune(
        &self,
        model: &mut Model,
        started: Started,
        on_event: &mut Sink,
    ) -> Result<Option<Trained>, EngineError> {
        let trial = &self.job.trial;
        let source = trial.train_on.expect("the plan gives every trained trial a dataset");
        let dataset = self.open(source)?;
        let questions = prompts::questions(&trial.protocol, &dataset, trial.form);
        let examples = self.few_shot(&dataset)?;
        model.set_trainable(true);
        let duration = match &trial.training {
            Training::None => return Ok(Some(Trained::nothing(started))),
            Training::Sft(settings) => &settings.duration,
            Training::Grpo(settings) => &settings.duration,
        };
        let (n_steps, device) = (duration.total_steps(examples.len()), model.device());
        let mut keeper = Keeper::find(self.pauses, n_steps, (started, device), on_event)?;
        let load_seconds = started.seconds();
        let set = (&questions, &examples[..]);
        let (timings, ended) = match &trial.training {
            Training::None => unreachable!("nothing to train was returned above"),
            Training::Sft(settings) => self.sft(model, settings, set, &mut keeper, load_seconds)?,
            Training::Grpo(settings) => {
                self.grpo(model, settings, set, &mut keeper, load_seconds)?
            }
        };
        if ended.is_break() {
            return Ok(None);
        }
        let train_paths = examples.iter().map(|example| example.path.clone()).collect();
        Ok(Some(Trained { train_paths, progress: keeper.finish(timings)? }))
    }

    fn sft(
        &self,
        model: &Model,
        settings: &SftSettings,
        (questions, examples): TrainingSet<'_>,
        keeper: &mut Keeper<'_>,
        load_seconds: f64,
    ) -> Result<Ended, EngineError> {
        let duration = &settings.duration;
        let mut order = self.order(questions, examples.len(), duration);
        let prepare =
            |picks: &[usize]| self.inputs.supervised_examples(questions, &pick(examples, picks));
        let pad_id = self.generation.pad_token_id;
        let repeated = self.repeat_first_step(model, keeper, || {
            let first = prepare(&self.order(questions, examples.len(), duration).next_batch())?;
            let copy = model.working_copy();
            let mut budget = TokenBudget::new(settings.micro_batch);
            sft::accumulate(&copy, &model.trained_leaves(), &first, &mut budget, pad_id).map(|_| ())
        })?;
        keeper.begin(repeated, load_seconds);
        sft::train_watched((model, settings), pad_id, (&mut order, &prepare), keeper)
    }

    fn grpo(
        &self,
        model: &Model,
        settings: &GrpoSettings,
        (questions, examples): TrainingSet<'_>,
        keeper: &mut Keeper<'_>,
        load_seconds: f64,
    ) -> Result<Ended, EngineError> {
        let trial = &self.job.trial;
        let duration = &settings.duration;
        let mut order = self.order(questions, examples.len(), duration);
        let prepare = |picks: &[usize]| {
            self.inputs.training_prompts(questions, &pick(examples, picks), settings.prompt)
        };
        let rl = &trial.protocol.rl;
        let rewarder = LabelRewarder {
            tokenizer: self.inputs.tokenizer(),
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
        let repeated = self.repeat_first_step(model, keeper, || {
            let first = prepare(&self.order(questions, examples.len(), duration).next_batch())?;
            grpo.accumulate_first(model, &first)
        })?;
        keeper.begin(repeated, load_seconds);
        grpo.train_watched(model, (&mut order, &prepare), keeper)
    }

    /// Takes the first step's gradients twice, if the job asks for it and no earlier attempt has.
    fn repeat_first_step(
        &self,
        model: &Model,
        keeper: &Keeper<'_>,
        mut accumulate: impl FnMut() -> Result<(), EngineError>,
    ) -> Result<Option<RepeatedStep>, EngineError> {
        let is_wanted = self.job.deterministic && keeper.is_at_the_start();
        let parameters = model.trained_parameters();
        is_wanted.then(|| repeated_step(&parameters, &mut accumulate)).transpose()
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
}

fn pick<'d>(examples: &[&'d Example], picks: &[usize]) -> Vec<&'d Example> {
    picks.iter().map(|&idx| examples[idx]).collect()
}
