//! How datasets, methods and spreads are called in tables.

use std::collections::BTreeSet;

use clsrl_spec::DatasetId;

use crate::{
    estimate::{Estimate, IntervalKind},
    number::Printed,
    summary::{Arm, Group, Survey},
};

/// Stands behind a mean over fewer seeds than planned.
pub(super) const INCOMPLETE: &str = "†";

/// What [`INCOMPLETE`] means, for captions.
pub(super) const INCOMPLETE_NOTE: &str = " † rests on fewer seeds than planned.";

/// A dataset's name in a column head, short enough for eleven columns; [`super::questions`] explains it.
pub fn head(dataset: DatasetId) -> &'static str {
    match dataset {
        DatasetId::ImageNet => "ImNet",
        DatasetId::Caltech101 => "Calt",
        DatasetId::OxfordPets => "Pets",
        DatasetId::StanfordCars => "Cars",
        DatasetId::OxfordFlowers => "Flow",
        DatasetId::Food101 => "Food",
        DatasetId::FgvcAircraft => "Airc",
        DatasetId::Sun397 => "SUN",
        DatasetId::Dtd => "DTD",
        DatasetId::Eurosat => "Euro",
        DatasetId::Ucf101 => "UCF",
    }
}

/// A table's heads: of the rows' heads, of means over datasets, one per dataset.
pub(super) fn heads<'a>(first: &[&'a str], datasets: &[DatasetId]) -> Vec<&'a str> {
    first.iter().copied().chain(datasets.iter().map(|&id| head(id))).collect()
}

/// An arm's name: zero-shot and a method with two prompts name theirs, and so does every arm its form
/// where questions have several.
pub(super) fn arm(survey: &Survey, arm: Arm) -> String {
    let has_one_prompt = arm.is_trained() && survey.prompts(arm.group.method).len() < 2;
    let prompt = (!has_one_prompt).then(|| arm.prompt().as_str());
    let form = (1 < survey.forms.len()).then(|| arm.form.as_str());
    let asked: Vec<&str> = form.into_iter().chain(prompt).collect();
    let name = group(survey, arm.group);
    if asked.is_empty() { name } else { format!("{name} ({})", asked.join(", ")) }
}

/// An arm's name under a head that tells its form.
pub(super) fn arm_without_form(survey: &Survey, arm: Arm) -> String {
    let title = arm.group.method.title();
    match arm.is_trained() && survey.prompts(arm.group.method).len() < 2 {
        true => title.to_owned(),
        false => format!("{title} ({})", arm.prompt()),
    }
}

/// A group's name: with its shots where the suite has several numbers of them.
pub(super) fn group(survey: &Survey, group: Group) -> String {
    let title = group.method.title();
    match group.is_trained() && survey.has_several_shots() {
        false => title.to_owned(),
        true if group.shots == 1 => format!("{title}, 1 shot"),
        true => format!("{title}, {} shots", group.shots),
    }
}

/// A number, marked if the estimate that it is of lacks some of its seeds.
pub(super) fn incomplete_marked(number: Printed, estimate: &Estimate) -> Printed {
    number.and(if estimate.is_incomplete() { INCOMPLETE } else { "" })
}

/// The kinds of intervals of some estimates, in words, in brackets; nothing where there is none.
pub(super) fn kinds(estimates: impl IntoIterator<Item = Estimate>) -> String {
    let kinds: BTreeSet<IntervalKind> =
        estimates.into_iter().filter_map(|estimate| Some(estimate.bounds?.kind)).collect();
    let words: Vec<&str> = kinds.into_iter().map(IntervalKind::in_words).collect();
    if words.is_empty() { String::new() } else { format!(" ({})", words.join(", ")) }
}

/// The difference of two means.
pub(super) fn difference(mean: Option<f64>, reference: Option<f64>) -> Option<f64> {
    Some(mean? - reference?)
}

/// The mean of the numbers if all are there; none for none.
pub(super) fn mean_of_all(values: impl IntoIterator<Item = Option<f64>>) -> Option<f64> {
    let values: Vec<f64> = values.into_iter().collect::<Option<_>>()?;
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}
