//! The shots curve: accuracy by the number of training images per class.

use std::collections::BTreeSet;

use clsrl_spec::{DatasetId, Form};

use super::{accuracy::AVERAGE, names};
use crate::{
    datum::Datum,
    estimate::{Estimate, Estimates},
    number::{Printed, fixed},
    summary::{Arm, Group, Survey},
    table::{Cell, Note, Table},
    verdicts::Repeats,
};

/// Methods down, numbers of shots across: the average over datasets first, then each; none where the trained
/// methods have one number of shots.
pub(super) fn table(survey: &Survey, estimates: &Estimates<'_>, form: Form) -> Option<Table> {
    if !survey.has_several_shots() {
        return None;
    }
    let shots: Vec<usize> = survey.shots().into_iter().collect();
    let counts: Vec<String> = shots.iter().map(usize::to_string).collect();
    let heads: Vec<&str> =
        ["Method", "0"].into_iter().chain(counts.iter().map(String::as_str)).collect();
    let caption = format!(
        "Accuracy in percent by the number of training images per class, by the {} score; 0: zero-shot \
         under the same prompt.",
        estimates.score.name()
    );
    let forms = if form == Form::FewShot { String::new() } else { format!("-{form}") };
    let mut table = Table::of_numbers(caption, &heads).named(format!("shots{forms}"));
    let methods: BTreeSet<Arm> = survey
        .arms
        .iter()
        .filter(|arm| arm.is_trained() && arm.form == form)
        .map(|arm| with_shots(*arm, 0))
        .collect();
    let mut shown = Vec::new();
    let all = (None, survey.in_domain.clone());
    for (of, datasets) in
        std::iter::once(all).chain(survey.in_domain.iter().map(|&id| (Some(id), vec![id])))
    {
        for &method in &methods {
            let curve = curve(survey, estimates, method, &shots, &datasets);
            push(
                &mut table,
                &title(method, of),
                &curve.iter().map(|(_, one)| *one).collect::<Vec<_>>(),
            );
            let dataset = of.map_or_else(|| AVERAGE.to_owned(), |id| id.to_string());
            let datum = |&(arm, one): &(Arm, Estimate)| {
                Datum::of_estimate(arm, &dataset, "accuracy_pct", one)
            };
            table.data.extend(curve.iter().map(datum));
            shown.extend(curve.into_iter().map(|(_, one)| one));
        }
    }
    table.notes.push(Note {
        text: format!("±: half of the 95 % interval{}.", names::kinds(shown)),
        is_of_second: true,
    });
    Some(table)
}

fn title(method: Arm, of: Option<DatasetId>) -> String {
    let of = of.map_or("average", DatasetId::title);
    format!("{}, {of}", method.group.method.title())
}

fn with_shots(arm: Arm, shots: usize) -> Arm {
    Arm::new(Group { shots, ..arm.group }, arm.form, arm.prompt())
}

fn curve(
    survey: &Survey,
    estimates: &Estimates<'_>,
    method: Arm,
    shots: &[usize],
    datasets: &[DatasetId],
) -> Vec<(Arm, Estimate)> {
    let estimate = |arm: Arm| {
        let cells: Vec<Repeats> = datasets.iter().map(|&id| arm.repeats(id, id)).collect();
        (arm, estimates.average(&cells))
    };
    let zero_shot = match survey.zero_shot_of(method) {
        Some(arm) => estimate(arm),
        None => (method, Estimate::default()),
    };
    let trained = shots.iter().map(|&shots| estimate(with_shots(method, shots)));
    std::iter::once(zero_shot).chain(trained).collect()
}

fn push(table: &mut Table, title: &str, curve: &[Estimate]) {
    let means = curve.iter().map(|one| names::incomplete_marked(fixed(one.mean, 1), one));
    table.push_plain(std::iter::once(title.into()).chain(means));
    let halves = curve.iter().map(|one| {
        Cell::italic(one.mean.map_or_else(Printed::default, |_| one.half_width_printed(1)))
    });
    table.push(std::iter::once(Cell::italic("±")).chain(halves).collect());
}
