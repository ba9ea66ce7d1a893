//! Line plots: accuracy over shots, and training over steps.

use std::collections::BTreeSet;

use clsrl_spec::{DatasetId, Form};

use super::names;
use crate::{
    ReportContext,
    estimate::{Estimate, Estimates},
    figure::{Axis, Look, Marker, Panel, Panels, Point, Series},
    statistics::Interval,
    summary::{Arm, Group, StepMean, StepMeans, StepValue, Survey},
};

/// Accuracy over shots, a panel per dataset and one for the average; one plot per form. None where the
/// suite has one number of shots.
pub(crate) fn over_shots(
    survey: &Survey,
    estimates: &Estimates<'_>,
    context: &ReportContext<'_>,
) -> Vec<(String, Panels)> {
    if !survey.has_several_shots() {
        return Vec::new();
    }
    let of_form = |&form: &Form| {
        let name = match form {
            Form::FewShot => "shots".to_owned(),
            form => format!("shots.{form}"),
        };
        (name, shots_of_form(survey, estimates, context, form))
    };
    survey.forms.iter().map(of_form).collect()
}

fn shots_of_form(
    survey: &Survey,
    estimates: &Estimates<'_>,
    context: &ReportContext<'_>,
    form: Form,
) -> Panels {
    let arms = || survey.arms.iter().copied().filter(move |arm| arm.form == form);
    let asked = |arm: Arm| (arm.group.method, arm.prompt());
    let mut lines: Vec<Vec<Arm>> = Vec::new();
    for arm in arms().filter(|arm| arm.is_trained()) {
        match lines.iter_mut().find(|line| asked(line[0]) == asked(arm)) {
            Some(line) => line.push(arm),
            None => lines.push(vec![arm]),
        }
    }
    let levels: Vec<Arm> = arms().filter(|arm| !arm.is_trained()).collect();
    let title = |arm: Arm| {
        let method = arm.group.method;
        let has_one_prompt = arm.is_trained() && survey.prompts(method).len() < 2;
        let prompt = if has_one_prompt { String::new() } else { format!(" ({})", arm.prompt()) };
        format!("{}{prompt}", method.title())
    };
    let names = lines.iter().map(|line| line[0]).chain(levels.iter().copied()).map(title);
    let shots: BTreeSet<usize> = lines.iter().flatten().map(|arm| arm.group.shots).collect();
    let panel = |title: String, datasets: &[DatasetId], is_average| {
        let of = |arm: Arm| {
            let cells: Vec<_> =
                datasets.iter().map(|&dataset| arm.repeats(dataset, dataset)).collect();
            estimates.average(&cells)
        };
        let series = lines.iter().enumerate().map(|(name, line)| Series {
            name,
            points: line.iter().filter_map(|&arm| shots_point(arm, of(arm))).collect(),
        });
        let level = |(place, arm): (usize, &Arm)| Some((lines.len() + place, of(*arm).mean?));
        Panel {
            title,
            bounds: (0.0, 100.0),
            series: series.collect(),
            levels: levels.iter().enumerate().filter_map(level).collect(),
            is_average,
        }
    };
    let datasets = survey.in_domain.iter();
    let mut panels: Vec<Panel> =
        datasets.map(|&id| panel(id.title().to_owned(), &[id], false)).collect();
    panels.push(panel("Average".to_owned(), &survey.in_domain, true));
    let asked = if 1 < survey.forms.len() { format!(", {form} questions") } else { String::new() };
    let synthetic = if context.synthetic { " Synthetic images." } else { "" };
    Panels {
        title: format!("Accuracy over shots{asked}"),
        subtitle: format!(
            "In-domain accuracy in percent ({} score), mean over seeds; bands: 95 % intervals.{synthetic}",
            estimates.score.name()
        ),
        names: names.collect(),
        n_levels: levels.len(),
        panels,
        axis: Axis {
            label: "training images per class".to_owned(),
            places: shots.iter().map(|&shots| (place(shots), shots.to_string())).collect(),
        },
        marker: Marker::Shapes,
        look: Look::Screen,
    }
}

/// Shots double from one place to the next.
fn place(shots: usize) -> f64 {
    (shots.max(1) as f64).log2()
}

fn shots_point(arm: Arm, Estimate { mean, bounds, .. }: Estimate) -> Option<Point> {
    let band = bounds.map(|bounds| bounds.interval);
    Some(Point { x: place(arm.group.shots), y: mean?, band })
}

/// The most points of a line; more steps are averaged.
const MOST_POINTS: usize = 240;

/// Reward, KL, completion length and loss over steps. None where nothing was optimized.
pub(crate) fn over_steps(
    survey: &Survey,
    steps: &StepMeans,
    context: &ReportContext<'_>,
) -> Option<(String, Panels)> {
    let has_curve =
        |group: &Group| StepValue::ALL.iter().any(|&value| !steps.of(*group, value).is_empty());
    let groups: Vec<Group> = survey.groups().into_iter().filter(has_curve).collect();
    let panel = |value: StepValue| {
        let series = groups
            .iter()
            .enumerate()
            .map(|(name, &group)| Series { name, points: thinned(steps, group, value) });
        let (title, bounds) = match value {
            StepValue::Reward => ("Reward of a completion", (0.0, f64::MAX)),
            StepValue::Kl => ("KL to the start model", (f64::MIN, f64::MAX)),
            StepValue::Tokens => ("Tokens of a completion", (0.0, f64::MAX)),
            StepValue::Loss => ("Loss", (f64::MIN, f64::MAX)),
        };
        let series = series.filter(|series| !series.points.is_empty()).collect();
        Panel { title: title.to_owned(), bounds, series, levels: Vec::new(), is_average: false }
    };
    let panels: Vec<Panel> = StepValue::ALL.map(panel).into();
    let panels: Vec<Panel> = panels.into_iter().filter(|panel| !panel.series.is_empty()).collect();
    let synthetic = if context.synthetic { " Synthetic images." } else { "" };
    (!panels.is_empty()).then(|| {
        let figure = Panels {
            title: "Training".to_owned(),
            subtitle: format!(
                "Mean over fine-tunes, while at least half of them go on; bands: ± one standard \
                 deviation over them.{synthetic}"
            ),
            names: groups.iter().map(|&group| names::group(survey, group)).collect(),
            n_levels: 0,
            panels,
            axis: Axis { label: "optimizer step".to_owned(), places: Vec::new() },
            marker: Marker::None,
            look: Look::Screen,
        };
        ("training".to_owned(), figure)
    })
}

fn thinned(steps: &StepMeans, group: Group, value: StepValue) -> Vec<Point> {
    let means = steps.of(group, value);
    let at_once = means.len().div_ceil(MOST_POINTS).max(1);
    let mean = |values: &mut dyn Iterator<Item = f64>| {
        let values: Vec<f64> = values.collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    };
    let point = |chunk: &[StepMean]| {
        let y = mean(&mut chunk.iter().map(|step| step.mean))?;
        let sd = mean(&mut chunk.iter().filter_map(|step| step.sd));
        let band = sd.map(|sd| Interval { lower: y - sd, upper: y + sd });
        Some(Point { x: mean(&mut chunk.iter().map(|step| step.step as f64))?, y, band })
    };
    means.chunks(at_once).filter_map(point).collect()
}
