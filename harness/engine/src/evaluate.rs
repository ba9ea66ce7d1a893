//! Evaluation of a model on one cell: answer every image, keep every answer, score it twice.

use std::{
    cell::RefCell,
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
    time::Instant,
};

use clsrl_data::{
    datasets::{Dataset, Example},
    prompts,
};
use clsrl_spec::{
    CellKey, CellOutcome, CellRecord, CellRun, DatasetId, Fitted, Place, Prediction, Times, Trial,
    TrialEvent, extract_published, has_answer_tag, is_correct_published, is_correct_strict,
};
use clsrl_vlm::{Completion, Decoding, GenerationConfig, Model, PadSide, Prompt, generate};
use tch::{Device, no_grad};

use crate::{
    EngineError,
    budget::TokenBudget,
    inputs::{AskedPrompt, Inputs},
    keeper::Pauses,
    kept_answers::{CellProgress, KeptAnswers},
    machine::peak_memory_bytes,
    prefetch::prefetch,
    profiler::{Phase, profile},
    timings::Started,
    watch::Sink,
};

/// Batches whose prompts are built together and sorted by length; the same number is prefetched.
const N_BATCHES: usize = 2;

/// Prompts that a GPU answers at once, if its memory allows: decoding reads all weights for each token, and takes as long
/// for one row as for all of these.
const GPU_BATCH: usize = 256;

/// What an evaluation works with.
pub(crate) struct Evaluator<'a> {
    /// Frozen.
    pub model: &'a Model,
    /// Tokenizer and image processor.
    pub inputs: &'a Inputs,
    /// The trial whose model it is.
    pub trial: &'a Trial,
    /// How answers end, and what the model's files add to greedy decoding.
    pub generation: &'a GenerationConfig,
    /// The datasets that do not equal the lock.
    pub unlocked: &'a BTreeSet<DatasetId>,
    /// Whether the lists that were trained on are the published ones.
    pub trained_on_standard_lists: bool,
    /// Digest of the weights that answer.
    pub weights_digest: &'a str,
    /// Where this runs.
    pub place: &'a Place,
    /// Where answers are kept before the last one is there, and when.
    pub(crate) pauses: Pauses<'a>,
}

impl Evaluator<'_> {
    /// Evaluates one cell, greedily, from where an earlier attempt was; sends its progress, then its record and
    /// predictions, unless it is to pause before.
    pub(crate) fn evaluate(
        &self,
        dataset: &Dataset,
        (cell, cell_id): (CellKey, &str),
        on_event: &mut Sink,
    ) -> Result<ControlFlow<()>, EngineError> {
        let settings = &self.trial.evaluation;
        let split = settings.split_of(cell.target);
        let questions = prompts::questions(&self.trial.protocol, dataset, cell.form);
        let n_split = questions.view().evaluated(split, None).len();
        let expected = settings.limit.map_or(n_split, |limit| limit.min(n_split));
        let chosen = prompts::evaluated_images(self.trial, cell, dataset);
        if chosen.is_empty() {
            let (dataset, split) = (cell.target.to_string(), split.as_str());
            return Err(EngineError::Empty { dataset, split });
        }
        let started = Started::now();
        let kept = KeptAnswers::of(self.pauses.saving, (cell, cell_id), self.weights_digest);
        let (mut progress, mut predictions) = find_answers(&kept, &chosen, cell, on_event)?;
        let earlier_seconds = progress.seconds;
        if progress.started_at.is_empty() {
            progress.started_at = started.times().started_at;
        }
        let (batch, mut written) = (self.batch(), Instant::now());
        let mut budget = TokenBudget::new(batch);
        let windows = chosen[predictions.len()..].chunks((N_BATCHES * settings.batch).max(batch));
        let inputs = windows
            .clone()
            .map(|window| self.inputs.evaluation_prompts(&questions, split, window, cell));
        let ended = prefetch(0, inputs, |inputs| {
            for (window, asked) in windows.zip(inputs) {
                let asked = asked?;
                progress.n_choices += asked.iter().map(|asked| asked.n_choices).sum::<usize>();
                let prompts = asked.iter().map(|asked| (asked.image.as_str(), &asked.prompt));
                let completions =
                    self.answering().answer(&prompts.collect::<Vec<_>>(), &mut budget)?;
                let answers = window.iter().zip(asked).zip(completions);
                predictions.extend(answers.map(|((example, asked), completion)| {
                    self.prediction(example, asked, &completion)
                }));
                let (done, of) = (predictions.len(), chosen.len());
                on_event(TrialEvent::Evaluated { cell, done, of }).map_err(EngineError::Sink)?;
                let is_asked = self.pauses.are_asked_for();
                if done < of && (is_asked || self.pauses.are_due(written)) {
                    progress.seconds = earlier_seconds + started.seconds();
                    let event = match kept.save(progress.clone(), &predictions) {
                        Ok(()) => TrialEvent::Saved { cell: Some(cell), done, of },
                        Err(error) => TrialEvent::NotSaved { reason: error.in_one_line() },
                    };
                    on_event(event).map_err(EngineError::Sink)?;
                    written = Instant::now();
                    if is_asked {
                        return Ok(ControlFlow::Break(()));
                    }
                }
            }
            Ok::<_, EngineError>(ControlFlow::Continue(()))
        })?;
        if ended.is_break() {
            return Ok(ended);
        }
        if predictions.len() != expected {
            let (cell, found) = (cell.to_string(), predictions.len());
            return Err(EngineError::TooFew { cell, found, expected });
        }
        progress.seconds = earlier_seconds + started.seconds();
        let times = Times { started_at: progress.started_at.clone(), ..started.times() };
        let outcome = self.outcome(dataset, cell, &predictions, progress.n_choices, n_split);
        let run = self.run((progress, times), &predictions, &budget)?;
        let record = Box::new(CellRecord { outcome, run });
        on_event(TrialEvent::CellDone(record, predictions)).map_err(EngineError::Sink)?;
        Ok(ended)
    }

    /// The most prompts of a batch.
    fn batch(&self) -> usize {
        batch_on(self.model.device(), self.trial.evaluation.batch)
    }

    fn answering(&self) -> Answering<'_> {
        let max_new_tokens = self.trial.evaluation.max_new_tokens;
        Answering { model: self.model, generation: self.generation, max_new_tokens }
    }

    fn prediction(
        &self,
        example: &Example,
        asked: AskedPrompt,
        completion: &Completion,
    ) -> Prediction {
        let raw = self.inputs.tokenizer().decode(&completion.ids, true);
        let extracted = extract_published(&raw).to_owned();
        Prediction {
            index: example.index,
            image: example.path.clone(),
            question: asked.text,
            correct_published: is_correct_published(&extracted, &asked.gold),
            correct_strict: is_correct_strict(&raw, &asked.gold),
            gold: asked.gold,
            raw,
            extracted,
            n_tokens: completion.ids.len(),
            truncated: !completion.stopped,
        }
    }

    fn outcome(
        &self,
        dataset: &Dataset,
        cell: CellKey,
        predictions: &[Prediction],
        n_choices: usize,
        n_split: usize,
    ) -> CellOutcome {
        let count =
            |is: fn(&Prediction) -> bool| predictions.iter().filter(|answer| is(answer)).count();
        let n = predictions.len();
        let is_locked = |dataset: &DatasetId| !self.unlocked.contains(dataset);
        CellOutcome {
            method: self.trial.method,
            train_on: self.trial.train_on,
            shots: self.trial.shots,
            seed: self.trial.seed,
            cell,
            synthetic: dataset.is_synthetic(),
            locked: self.trial.train_on.iter().chain([&cell.target]).all(is_locked),
            standard_lists: self.trained_on_standard_lists && dataset.has_standard_lists(),
            n,
            n_split,
            mean_choices: n_choices as f64 / n as f64,
            n_correct_published: count(|answer| answer.correct_published),
            n_correct_strict: count(|answer| answer.correct_strict),
            n_truncated: count(|answer| answer.truncated),
            n_untagged: count(|answer| !has_answer_tag(&answer.raw)),
            mean_tokens: n_tokens(predictions) as f64 / n as f64,
            weights_digest: Some(self.weights_digest.to_owned()),
        }
    }

    fn run(
        &self,
        (CellProgress { seconds, resumed_at, .. }, times): (CellProgress, Times),
        predictions: &[Prediction],
        budget: &TokenBudget,
    ) -> Result<CellRun, EngineError> {
        Ok(CellRun {
            times: Some(times),
            evaluate_seconds: seconds,
            images_per_second: predictions.len() as f64 / seconds,
            tokens_per_second: n_tokens(predictions) as f64 / seconds,
            peak_memory_bytes: peak_memory_bytes(self.model.device())?,
            place: self.place.clone(),
            fitted: Some(Fitted { batch: Some(self.batch()), ..budget.fitted() }),
            resumed_at,
        })
    }
}

/// The answers of an earlier attempt; what is damaged of them is told and asked again.
fn find_answers(
    kept: &KeptAnswers<'_>,
    chosen: &[&Example],
    cell: CellKey,
    on_event: &mut Sink,
) -> Result<(CellProgress, Vec<Prediction>), EngineError> {
    let mut send = |event| on_event(event).map_err(EngineError::Sink);
    match kept.find(chosen) {
        Ok(None) => {}
        Err(reason) => send(TrialEvent::StateUnused { reason })?,
        Ok(Some((mut progress, predictions))) => {
            let (done, of) = (predictions.len(), chosen.len());
            progress.resumed_at.push(done);
            send(TrialEvent::Resumed { cell: Some(cell), done, of })?;
            return Ok((progress, predictions));
        }
    }
    Ok((CellProgress::default(), Vec::new()))
}

/// The most prompts of a batch on a device, where a suite wants so many.
pub(crate) fn batch_on(device: Device, given: usize) -> usize {
    if device.is_cuda() { given.max(GPU_BATCH) } else { given }
}

/// What answers prompts, greedily.
pub(crate) struct Answering<'a> {
    pub(crate) model: &'a Model,
    pub(crate) generation: &'a GenerationConfig,
    /// The longest answer.
    pub(crate) max_new_tokens: usize,
}

impl Answering<'_> {
    /// Answers prompts about images of these names in their order, those of like length together, the longest first:
    /// what does not fit shows at once.
    pub(crate) fn answer(
        &self,
        asked: &[(&str, &Prompt)],
        budget: &mut TokenBudget,
    ) -> Result<Vec<Completion>, EngineError> {
        let n_tokens = |at: usize| asked[at].1.ids.len() + self.max_new_tokens;
        let mut by_length: Vec<usize> = (0..asked.len()).collect();
        by_length.sort_by_key(|&at| Reverse(n_tokens(at)));
        let sizes: Vec<usize> = by_length.iter().map(|&at| n_tokens(at)).collect();
        let answers = RefCell::new(BTreeMap::new());
        let begin = || {
            answers.borrow_mut().clear();
            Ok(())
        };
        budget.fit(&sizes, begin, |run| {
            let indices = &by_length[run];
            let prompts: Vec<_> = indices.iter().map(|&idx| asked[idx].1).collect();
            let completions = complete(self.model, &prompts, self.max_new_tokens, self.generation)
                .map_err(|error| error.about("answer", |row| asked[indices[row]].0))?;
            answers.borrow_mut().extend(indices.iter().copied().zip(completions));
            Ok(())
        })?;
        Ok(answers.into_inner().into_values().collect())
    }
}

/// Continues a batch of prompts greedily, each until a stop token or the longest length.
pub fn complete(
    model: &Model,
    prompts: &[&Prompt],
    max_new_tokens: usize,
    generation: &GenerationConfig,
) -> Result<Vec<Completion>, EngineError> {
    let GenerationConfig { stop_ids, pad_token_id, repetition_penalty } = generation;
    let side = PadSide::of_prompts(model.device());
    let batch = model.batch(prompts, side, *pad_token_id)?;
    let decoding = Decoding::greedy(*repetition_penalty);
    let no_seeds = vec![0; prompts.len()]; // greedy decoding draws nothing
    let generated = no_grad(|| {
        let prefill = profile(Phase::Prefill, model.device(), || model.prefill(&batch));
        profile(Phase::Decode, model.device(), || {
            generate(model, &prefill, &decoding, max_new_tokens, stop_ids, &no_seeds)
        })
    });
    Ok(generated?.completions)
}

fn n_tokens(predictions: &[Prediction]) -> usize {
    predictions.iter().map(|answer| answer.n_tokens).sum()
}
