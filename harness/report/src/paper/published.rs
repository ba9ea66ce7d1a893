//! The published numbers, as `results/published.csv` has them.

use std::str::FromStr;

use clsrl_spec::{DatasetId, Form, MethodId};
use serde::Deserialize;

/// The arXiv number of the paper whose numbers a suite can give; the file also has another paper's.
const PAPER: &str = "2503.16188";

/// The word for a mean over datasets, in the columns of datasets.
const AVERAGE: &str = "average";

/// The numbers of the paper, in the order of the file.
#[derive(Debug, Clone, PartialEq)]
pub struct PublishedNumbers(pub(super) Vec<PublishedNumber>);

/// One published number.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PublishedNumber {
    /// The experiment.
    pub(crate) experiment: Experiment,
    /// The start model, by its name at Hugging Face.
    pub(crate) model: String,
    /// Training images per class; 0 for zero-shot.
    pub(crate) shots: usize,
    /// The method.
    pub(crate) method: MethodId,
    /// What was trained on; none for zero-shot.
    pub(crate) trained_on: Option<Datasets>,
    /// What was evaluated.
    pub(crate) target: Datasets,
    /// What the number is.
    pub(crate) metric: Metric,
    /// The number, in the metric's unit.
    pub(crate) value: f64,
    /// Where it is printed.
    pub(crate) source: String,
}

/// One of the paper's experiments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Experiment {
    /// All classes, listed.
    FewShot,
    /// Half of the classes learned, both evaluated.
    BaseToNew,
    /// All classes, not listed.
    OpenSet,
    /// Accuracy and minutes on ImageNet.
    Efficiency,
    /// Trained on one dataset, evaluated on all.
    Transfer,
}

/// One dataset, or the mean over those that the paper's row has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Datasets {
    /// This one.
    One(DatasetId),
    /// The mean.
    Average,
}

/// What a number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Metric {
    /// Accuracy in percent on questions of a form.
    Accuracy(Form),
    /// Harmonic mean of the accuracies on base and new classes, in percent.
    HarmonicMean,
    /// Change against zero-shot, in points.
    Change,
    /// Training, in minutes on eight A100.
    TrainingMinutes,
    /// Evaluation, in minutes on eight A100.
    InferenceMinutes,
}

/// Published numbers that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the published numbers, line {line}: {reason}")]
pub struct PublishedError {
    line: u64,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    suite: String,
    model: String,
    shots: usize,
    method: String,
    train_dataset: String,
    test_dataset: String,
    metric: String,
    value: f64,
    source: String,
}

impl PublishedNumbers {
    /// Reads the file's text. Numbers of other papers are left out.
    pub fn read(text: &str) -> Result<Self, PublishedError> {
        let mut numbers: Vec<PublishedNumber> = Vec::new();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        for (idx, row) in reader.deserialize::<Row>().enumerate() {
            let line = idx as u64 + 2;
            let fault = |reason: String| PublishedError { line, reason };
            let row = row.map_err(|error| fault(error.to_string()))?;
            let Some(number) = row.number().map_err(fault)? else { continue };
            if numbers.iter().any(|other| other.is_the_same_as(&number)) {
                return Err(fault("this number is there twice".to_owned()));
            }
            numbers.push(number);
        }
        Ok(PublishedNumbers(numbers))
    }
}

impl Row {
    /// The number; none if it is another paper's.
    fn number(self) -> Result<Option<PublishedNumber>, String> {
        let Some(source) = self.source.strip_prefix(PAPER) else { return Ok(None) };
        if !self.value.is_finite() {
            return Err(format!("value is {}, expected a finite number", self.value));
        }
        let (experiment, metric) = what(&self.suite, &self.metric)?;
        let method: MethodId = self.method.parse().map_err(message)?;
        let trained_on = match self.train_dataset.as_str() {
            "" => None,
            named => Some(named.parse()?),
        };
        if trained_on.is_none() != (method == MethodId::ZeroShot && self.shots == 0) {
            return Err("only zero-shot has 0 shots and no training dataset".to_owned());
        }
        Ok(Some(PublishedNumber {
            experiment,
            model: self.model,
            shots: self.shots,
            method,
            trained_on,
            target: self.test_dataset.parse()?,
            metric,
            value: self.value,
            source: source.trim().to_owned(),
        }))
    }
}

fn what(suite: &str, metric: &str) -> Result<(Experiment, Metric), String> {
    Ok(match (suite, metric) {
        ("few-shot", "accuracy_pct") => (Experiment::FewShot, Metric::Accuracy(Form::FewShot)),
        ("open-set", "accuracy_pct") => (Experiment::OpenSet, Metric::Accuracy(Form::OpenSet)),
        ("base-to-new", "base_accuracy_pct") => {
            (Experiment::BaseToNew, Metric::Accuracy(Form::Base))
        }
        ("base-to-new", "new_accuracy_pct") => (Experiment::BaseToNew, Metric::Accuracy(Form::New)),
        ("base-to-new", "harmonic_mean_pct") => (Experiment::BaseToNew, Metric::HarmonicMean),
        ("efficiency", "accuracy_pct") => (Experiment::Efficiency, Metric::Accuracy(Form::FewShot)),
        ("efficiency", "training_min_8xA100") => (Experiment::Efficiency, Metric::TrainingMinutes),
        ("efficiency", "inference_min_8xA100") => {
            (Experiment::Efficiency, Metric::InferenceMinutes)
        }
        ("transfer", "delta_vs_zero_shot_pts") => (Experiment::Transfer, Metric::Change),
        _ => return Err(format!("suite `{suite}` has no metric `{metric}`")),
    })
}

fn message(error: impl std::fmt::Display) -> String {
    error.to_string()
}

impl FromStr for Datasets {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            AVERAGE => Ok(Datasets::Average),
            named => named.parse().map(Datasets::One).map_err(message),
        }
    }
}

impl Datasets {
    /// The name in tables.
    pub(super) fn title(self) -> &'static str {
        match self {
            Datasets::One(id) => id.title(),
            Datasets::Average => "Average",
        }
    }

    /// The name in frames.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Datasets::One(id) => id.as_str(),
            Datasets::Average => AVERAGE,
        }
    }
}

impl Experiment {
    /// The name in headings.
    pub(super) fn title(self) -> &'static str {
        match self {
            Experiment::FewShot => "Few-shot",
            Experiment::BaseToNew => "Base-to-new",
            Experiment::OpenSet => "Open set",
            Experiment::Efficiency => "Efficiency",
            Experiment::Transfer => "Free-lunch transfer",
        }
    }
}

impl Metric {
    /// The name in tables, with its unit.
    pub(super) fn title(self) -> &'static str {
        match self {
            Metric::Accuracy(Form::FewShot | Form::OpenSet) => "accuracy, %",
            Metric::Accuracy(Form::Base) => "base, %",
            Metric::Accuracy(Form::New) => "new, %",
            Metric::HarmonicMean => "harmonic mean, %",
            Metric::Change => "change, points",
            Metric::TrainingMinutes => "training, minutes",
            Metric::InferenceMinutes => "inference, minutes",
        }
    }
}

impl PublishedNumber {
    /// Whether both are of the same thing, whatever their values.
    fn is_the_same_as(&self, other: &Self) -> bool {
        PublishedNumber { value: 0.0, ..self.clone() }
            == PublishedNumber { value: 0.0, ..other.clone() }
    }

    /// The datasets of a row: what was trained on, and what was evaluated.
    ///
    /// An average is over the datasets that the paper prints beside it.
    pub(super) fn pairs(&self, all: &[Self]) -> Vec<(Option<DatasetId>, DatasetId)> {
        let source = |target| match self.trained_on? {
            Datasets::One(id) => Some(id),
            Datasets::Average => Some(target),
        };
        let targets: Vec<DatasetId> = match self.target {
            Datasets::One(id) => vec![id],
            Datasets::Average => {
                all.iter().filter(|other| self.averages(other)).filter_map(Self::one).collect()
            }
        };
        targets.into_iter().map(|target| (source(target), target)).collect()
    }

    fn one(&self) -> Option<DatasetId> {
        match self.target {
            Datasets::One(id) => Some(id),
            Datasets::Average => None,
        }
    }

    /// Whether this average has the other number in it.
    fn averages(&self, other: &Self) -> bool {
        let is_of_source = match self.trained_on {
            Some(Datasets::Average) => other.trained_on == Some(other.target),
            source => other.trained_on == source,
        };
        is_of_source
            && self.experiment == other.experiment
            && self.model == other.model
            && self.shots == other.shots
            && self.method == other.method
            && self.metric == other.metric
    }
}
