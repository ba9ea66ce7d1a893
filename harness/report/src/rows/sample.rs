//! The samples' rows: one for each answered image of a cell.

use clsrl_spec::{
    CellKey, DatasetId, EvalSplit, Form, MethodId, ParseStatus, PromptStyle, Seed, ThoughtNames,
    listed_names,
};
use serde_json::Value as Json;

use super::column::frame_row;
use crate::{TrialResults, verdicts::Answered};

/// The version of the samples' columns.
const SCHEMA_VERSION: i64 = 2;

frame_row! {
    /// An answered image.
    pub struct SampleRow<'a> {
        /// Version of these columns.
        pub schema_version: i64,
        /// The trial's key.
        pub trial: &'a str,
        /// Id of the fine-tune.
        pub training_id: &'a str,
        /// Id of the cell.
        pub cell_id: &'a str,
        /// The trial's method.
        pub method: MethodId,
        /// The dataset that was trained on; none for zero-shot.
        pub train_on: Option<DatasetId>,
        /// The dataset that was evaluated.
        pub target: DatasetId,
        /// The form of the question.
        pub form: Form,
        /// The prompt of the evaluation.
        pub prompt: PromptStyle,
        /// The part that was evaluated.
        pub split: Option<EvalSplit>,
        /// Training images of each class; 0 for zero-shot.
        #[unit = "images per class"]
        pub shots: usize,
        /// Seed of shots, order and sampling.
        pub seed: Seed,
        /// Name of the protocol.
        pub protocol: &'a str,
        /// Position of the image in the split's list.
        pub index: usize,
        /// The image's path as the dataset lists it.
        pub image: &'a str,
        /// The question, with its list and the prompt's suffix.
        pub question: &'a str,
        /// Class names that the question lists, repeated ones counted; 0 without a list.
        #[unit = "names"]
        pub n_choices: usize,
        /// The listed names, in the order of the question, as a JSON list; none without a list.
        pub choices: Option<String>,
        /// The right class name.
        pub gold: &'a str,
        /// Where it stands among the listed names, from 0; none where it is not listed.
        pub gold_index: Option<usize>,
        /// The answer as decoded, special tokens left out.
        pub raw: &'a str,
        /// What the published extraction takes from it.
        pub answer: &'a str,
        /// The listed name that the answer means: the one that it says, or else the only one that the published
        /// score takes it for; none without a list or such a name.
        pub predicted: Option<&'a str>,
        /// The published verdict.
        pub correct_published: bool,
        /// The strict verdict.
        pub correct_strict: bool,
        /// How the answer parses.
        pub parse_status: ParseStatus,
        /// Whether the published score would take the answer for several listed names; none without a list.
        pub ambiguous: Option<bool>,
        /// What the thought names; none without a list, a thought or a tagged answer.
        pub thought_names: Option<ThoughtNames>,
        /// Tokens of the answer, its stop token counted.
        #[unit = "tokens"]
        pub n_tokens: usize,
        /// Whether the answer was cut at the longest length.
        pub truncated: bool,
    }
}

/// A finished cell, as its samples name it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CellOf<'a> {
    pub(crate) results: &'a TrialResults,
    /// The trial's key.
    pub(crate) trial: &'a str,
    pub(crate) cell: CellKey,
    pub(crate) cell_id: &'a str,
}

impl<'a> SampleRow<'a> {
    /// The rows of a cell's answers, in their order.
    pub(crate) fn all(of: CellOf<'a>, answers: &[Answered<'a>]) -> Vec<Self> {
        answers.iter().map(|answered| SampleRow::of(of, answered)).collect()
    }

    fn of(of: CellOf<'a>, Answered { prediction, diagnosis }: &Answered<'a>) -> Self {
        let CellOf { results, trial, cell, cell_id } = of;
        let listed = listed_names(&prediction.question);
        let names = listed.as_deref().unwrap_or_default();
        SampleRow {
            schema_version: SCHEMA_VERSION,
            trial,
            training_id: &results.training_id,
            cell_id,
            method: results.trial.method,
            train_on: results.trial.train_on,
            target: cell.target,
            form: cell.form,
            prompt: cell.prompt,
            split: results.split(cell.target),
            shots: results.trial.shots,
            seed: results.trial.seed,
            protocol: &results.trial.protocol.name,
            index: prediction.index,
            image: &prediction.image,
            question: &prediction.question,
            n_choices: diagnosis.n_choices,
            choices: listed.as_deref().map(|names| Json::from(names).to_string()),
            gold: &prediction.gold,
            gold_index: names.iter().position(|name| *name == prediction.gold),
            raw: &prediction.raw,
            answer: &prediction.extracted,
            predicted: diagnosis.meant.and_then(|at| names.get(at).copied()),
            correct_published: prediction.correct_published,
            correct_strict: prediction.correct_strict,
            parse_status: diagnosis.parse,
            ambiguous: diagnosis.is_ambiguous,
            thought_names: diagnosis.thought,
            n_tokens: prediction.n_tokens,
            truncated: prediction.truncated,
        }
    }
}
