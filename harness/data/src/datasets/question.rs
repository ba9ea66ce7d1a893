//! The question about an image, with its list of choices (CLS-RL's notebook `few-shot-data.ipynb`), or
//! without one (the open-set scripts).
//!
//! Differs from the notebook in two ways: the lists come from a seed, where it has none, and every
//! image has a list of its own that does not depend on which others are asked about.

use std::{borrow::Borrow, collections::BTreeSet};

use clsrl_spec::{Choices, DatasetId, Form, ListRule, RepeatedNames, Seed, Stream};
use serde::{Deserialize, Serialize};

use super::{Example, FormView};

/// The longest list that a rule other than [`ListRule::All`] gives.
const MAX_LISTED: usize = 100;

/// Where the share of the classes is smaller than this, a rule asks for more.
const MIN_LISTED: usize = 30;

/// What the model is asked, before a prompt's suffix, and what it should say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The question and its list of choices.
    pub text: String,
    /// The listed class names, in the order of the text; none in an open-set question.
    pub choices: Vec<String>,
    /// The image's class name, listed wherever there is a list.
    pub gold: String,
}

/// The questions of one form about one dataset's images.
#[derive(Debug, Clone)]
pub struct Questions<'d> {
    view: FormView<'d>,
    /// The names that may be listed.
    names: Vec<&'d str>,
    /// How many of them are; none where the form has no list.
    n_listed: Option<usize>,
    seed: Seed,
}

impl<'d> Questions<'d> {
    /// Takes the names of the form's classes and, by the form's rule, how many of them are listed.
    pub fn new(view: FormView<'d>, choices: &Choices) -> Self {
        let mut names = view.class_names();
        if choices.repeated_names == RepeatedNames::Merged {
            let mut seen = BTreeSet::new();
            names.retain(|name| seen.insert(*name));
        }
        let n_listed = choices.rule(view.form()).map(|rule| list_length(rule, names.len()));
        Questions { view, names, n_listed, seed: choices.seed }
    }

    /// The dataset and the form.
    pub fn view(&self) -> &FormView<'d> {
        &self.view
    }

    /// Asks about `example`, an image of the list named `split_name`.
    ///
    /// The class names are shuffled and cut to the rule's length; a truth that fell off replaces the last
    /// name kept, and the rest is shuffled again. Panics if the form is not about the image.
    pub fn ask(&self, split_name: &str, example: &Example) -> Question {
        let (dataset, form) = (self.view.dataset().id, self.view.form());
        assert!(self.view.has(example), "`{}` is not in the {form} half", example.path);
        let gold = example.class_name.clone();
        let Some(n_listed) = self.n_listed else {
            return Question { text: dataset.open_question().to_owned(), choices: vec![], gold };
        };
        let mut stream = stream(self.seed, (dataset, form), split_name, &example.path);
        let mut listed = self.names.clone();
        stream.shuffle(&mut listed);
        listed.truncate(n_listed);
        if !listed.contains(&gold.as_str()) {
            listed.pop();
            listed.push(&gold);
        }
        stream.shuffle(&mut listed);
        Question {
            text: question_text(dataset, &listed),
            choices: listed.into_iter().map(str::to_owned).collect(),
            gold,
        }
    }

    /// The same questions without the dataset, for images whose class nobody knows.
    pub fn unlabelled(&self) -> UnlabelledQuestions {
        let (dataset, form) = (self.view.dataset().id, self.view.form());
        let is_listed = self.n_listed.is_some();
        let text = if is_listed { dataset.question() } else { dataset.open_question() };
        UnlabelledQuestions {
            dataset,
            form,
            text: text.to_owned(),
            names: self.names.iter().map(|&name| name.to_owned()).collect(),
            is_listed,
            seed: self.seed,
        }
    }
}

/// The questions of one form about images whose class nobody knows. Where there is a list it has all names that it may
/// have: which of them a shorter one would need is what is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnlabelledQuestions {
    dataset: DatasetId,
    form: Form,
    /// Without the list.
    text: String,
    /// What may be answered, in the order of the labels.
    names: Vec<String>,
    is_listed: bool,
    seed: Seed,
}

impl UnlabelledQuestions {
    /// What may be answered, in the order of the labels.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Asks about an image that the list named `split_name` has by this path, or that is called so: it gets the
    /// question of [`Questions::ask`] wherever that lists all names.
    pub fn ask(&self, split_name: &str, path: &str) -> String {
        if !self.is_listed {
            return self.text.clone();
        }
        let mut stream = stream(self.seed, (self.dataset, self.form), split_name, path);
        let mut listed = self.names.clone();
        stream.shuffle(&mut listed);
        stream.shuffle(&mut listed);
        with_list(&self.text, &listed)
    }
}

/// The randomness of one image's list.
///
/// A few-shot question's has no form in its name: it is older than the forms, and its lists stay.
fn stream(seed: Seed, (dataset, form): (DatasetId, Form), split_name: &str, path: &str) -> Stream {
    let name = ["choices", dataset.as_str(), split_name, path, form.as_str()];
    match form {
        Form::FewShot => Stream::new(seed, &name[..4]),
        Form::Base | Form::New | Form::OpenSet => Stream::new(seed, &name),
    }
}

/// The question about a dataset's images with a list of names.
pub fn question_text(dataset: DatasetId, listed: &[impl Borrow<str>]) -> String {
    with_list(dataset.question(), listed)
}

fn with_list(question: &str, listed: &[impl Borrow<str>]) -> String {
    format!("{question}\n Please choose one from list [ {}].", listed.join(", "))
}

/// How many of `n_names` names a list has.
pub fn list_length(rule: ListRule, n_names: usize) -> usize {
    match rule {
        ListRule::All => n_names,
        ListRule::Notebook { percent } => match share(percent, n_names) {
            n if n < MIN_LISTED => n_names.min(MAX_LISTED),
            n => n.min(MAX_LISTED),
        },
        ListRule::Published { percent } => match share(percent, n_names) {
            n if n < MIN_LISTED => n_names.min(MIN_LISTED),
            n => n.min(MAX_LISTED),
        },
    }
}

/// Python's `int(0.4 * n)` for 40 percent: a product of floats, which integers do not always equal
/// (35 % of 180 are 62).
fn share(percent: usize, n_names: usize) -> usize {
    (percent as f64 / 100.0 * n_names as f64) as usize
}
