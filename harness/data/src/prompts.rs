//! What a trial shows the model: its training images and every prompt as text, with their digests.
//!
//! One place for training, evaluation, `inspect` and the identities, so that what is hashed is what is read.

mod recipe;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use clsrl_spec::{
    CellKey, DatasetId, Form, PromptStyle, Protocol, SftTarget, SolutionTag, Training, Trial,
};

use crate::{
    BoundDataset,
    datasets::{
        Dataset, DatasetError, Example, FormView, Question, Questions, picks_digest,
        prompts_digest, read_few_shot_cache,
    },
    text::{render_example, render_prompt},
};

pub use self::recipe::PromptRecipe;

/// A prompt as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedPrompt {
    /// The question with its suffix.
    pub text: String,
    /// The whole conversation, as the tokenizer reads it.
    pub conversation: String,
}

/// Why a protocol that prompts are rendered by has a system message.
const HAS_SYSTEM: &str = "the template's system message is filled in for the trial's model";

/// The name of the list that training images come from.
pub const TRAIN: &str = "train";

/// The questions of a form about a dataset, by a protocol's rules.
pub fn questions<'d>(protocol: &Protocol, dataset: &'d Dataset, form: Form) -> Questions<'d> {
    Questions::new(FormView::new(dataset, form, protocol.base_classes), &protocol.choices)
}

/// The training images of a trial, in the order of the draw.
///
/// With `few_shot_dir` it is the set that CoOp keeps there for these shots and this seed, whatever the
/// protocol's rule; that there is none is an error, because picks of two origins could not be distinguished.
pub fn training_images<'d>(
    trial: &Trial,
    dataset: &'d Dataset,
    few_shot_dir: Option<&Path>,
) -> Result<Vec<&'d Example>, DatasetError> {
    let view = FormView::new(dataset, trial.form, trial.protocol.base_classes);
    let picks = match few_shot_dir {
        Some(dir) => view.keep(&read_few_shot_cache(dataset, dir, trial.shots, trial.seed)?),
        None => view.few_shot(trial.protocol.shots, trial.shots, trial.seed),
    };
    Ok(picks.train.into_iter().map(|position| &dataset.train[position]).collect())
}

/// The images that a cell of a trial evaluates, in the order of their list.
pub fn evaluated_images<'d>(
    trial: &Trial,
    cell: CellKey,
    dataset: &'d Dataset,
) -> Vec<&'d Example> {
    let evaluation = &trial.evaluation;
    FormView::new(dataset, cell.form, trial.protocol.base_classes)
        .evaluated(evaluation.split_of(cell.target), evaluation.limit)
}

/// The images of one dataset that trials use, each once for every time that it is drawn.
#[derive(Debug, Clone, Default)]
pub struct UsedImages<'d> {
    /// Those that are trained on.
    pub trained: Vec<&'d Example>,
    /// Those that are evaluated.
    pub evaluated: Vec<&'d Example>,
}

impl<'d> UsedImages<'d> {
    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &'d Example> {
        self.trained.iter().chain(&self.evaluated).copied()
    }
}

/// The images that these trials use, by dataset: training images, and those of the cells.
pub fn used_images<'d>(
    trials: &[Trial],
    datasets: &'d BTreeMap<DatasetId, Dataset>,
    few_shot_dir: Option<&Path>,
) -> Result<BTreeMap<DatasetId, UsedImages<'d>>, DatasetError> {
    let mut used: BTreeMap<DatasetId, UsedImages> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for trial in trials {
        let source = trial.train_on.and_then(|source| datasets.get(&source));
        // Trials of one draw train on the same images, and all trials of a suite ask about those of a cell.
        if let Some((source, key)) = source.zip(trial.picks_key())
            && seen.insert(format!("picks {key}"))
        {
            let images = training_images(trial, source, few_shot_dir)?;
            used.entry(source.id).or_default().trained.extend(images);
        }
        for cell in trial.cells() {
            if let Some(target) = datasets.get(&cell.target)
                && seen.insert(format!("cell {cell}"))
            {
                let images = evaluated_images(trial, cell, target);
                used.entry(cell.target).or_default().evaluated.extend(images);
            }
        }
    }
    Ok(used)
}

/// What a completion is sampled after, in training by reinforcement.
pub fn rollout_prompt(
    protocol: &Protocol,
    style: PromptStyle,
    question: &Question,
) -> RenderedPrompt {
    prompt(protocol, protocol.prompts.train_suffix(style), question)
}

/// What is answered in evaluation.
pub fn evaluation_prompt(
    protocol: &Protocol,
    cell: CellKey,
    question: &Question,
) -> RenderedPrompt {
    prompt(protocol, protocol.prompts.eval_suffix(cell.form, cell.prompt), question)
}

fn prompt(protocol: &Protocol, suffix: &str, question: &Question) -> RenderedPrompt {
    let text = format!("{}{suffix}", question.text);
    let prompts = &protocol.prompts;
    let system = prompts.system.as_deref().expect(HAS_SYSTEM);
    RenderedPrompt { conversation: render_prompt(system, prompts.order, &text), text }
}

/// A supervised example, its answer included.
pub fn supervised_example(protocol: &Protocol, question: &Question) -> RenderedPrompt {
    let rule = &protocol.sft;
    let text = format!("{}{}", question.text, protocol.sft_suffix());
    let answer = match rule.target {
        SftTarget::Name => question.gold.clone(),
        SftTarget::AnswerTag => SolutionTag::Plain.solution(&question.gold),
    };
    let trailing = rule.trailing_generation_prompt;
    let system = rule.system.as_deref().expect(HAS_SYSTEM);
    let conversation = render_example(system, rule.order, &text, &answer, trailing);
    RenderedPrompt { text, conversation }
}

/// The digests of what trials show, as an identity has them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PromptDigests {
    /// Of the training images' bytes, by [`Trial::picks_key`]; none where one of them is not known.
    pub training_data: BTreeMap<String, String>,
    /// Of the training images, by [`Trial::picks_key`].
    pub picks: BTreeMap<String, String>,
    /// Of the rendered prompts: of training by [`Trial::key`], of evaluation by [`CellKey`].
    pub prompts: BTreeMap<String, String>,
}

impl PromptDigests {
    /// Hashes what these trials show of the datasets that are there, whose images have these digests.
    pub fn of(
        trials: &[Trial],
        datasets: &BTreeMap<DatasetId, Dataset>,
        few_shot_dir: Option<&Path>,
        bound: &BTreeMap<DatasetId, BoundDataset>,
    ) -> Result<Self, DatasetError> {
        let mut digests = PromptDigests::default();
        for trial in trials {
            if let Some(source) = trial.train_on.and_then(|source| datasets.get(&source)) {
                let bound = bound.get(&source.id);
                digests.add_training(trial, source, few_shot_dir, bound)?;
            }
            for cell in trial.cells() {
                if let Some(target) = datasets.get(&cell.target) {
                    digests.add_evaluation(trial, cell, target);
                }
            }
        }
        Ok(digests)
    }

    fn add_training(
        &mut self,
        trial: &Trial,
        source: &Dataset,
        few_shot_dir: Option<&Path>,
        bound: Option<&BoundDataset>,
    ) -> Result<(), DatasetError> {
        let Some(picks_key) = trial.picks_key() else { return Ok(()) };
        let protocol = &trial.protocol;
        let images = training_images(trial, source, few_shot_dir)?;
        let questions = questions(protocol, source, trial.form);
        let conversation = |question: &Question| match &trial.training {
            Training::None => String::new(),
            Training::Sft(_) => supervised_example(protocol, question).conversation,
            Training::Grpo(settings) => {
                rollout_prompt(protocol, settings.prompt, question).conversation
            }
        };
        let prompts = prompts_digest(&questions, TRAIN, &images, conversation);
        self.prompts.insert(trial.key(), prompts);
        let of_bytes = |bound: &BoundDataset| bound.images().digest_of(source, &images);
        if let Some(digest) = bound.and_then(of_bytes) {
            self.training_data.entry(picks_key.clone()).or_insert(digest);
        }
        self.picks.entry(picks_key).or_insert_with(|| picks_digest(images));
        Ok(())
    }

    /// All trials of a suite ask a cell's questions alike, so that each is hashed once.
    fn add_evaluation(&mut self, trial: &Trial, cell: CellKey, target: &Dataset) {
        self.prompts.entry(cell.to_string()).or_insert_with(|| {
            let images = evaluated_images(trial, cell, target);
            let split = trial.evaluation.split_of(cell.target).as_str();
            let questions = questions(&trial.protocol, target, cell.form);
            prompts_digest(&questions, split, &images, |question| {
                evaluation_prompt(&trial.protocol, cell, question).conversation
            })
        });
    }
}
