//! The accuracy tables.

use clsrl_spec::{DatasetId, Form};

use super::names;
use crate::{
    estimate::{Change, Contrast, Estimate, Estimates},
    number::fixed,
    summary::{Arm, Scores, Survey},
    table::{Cell, Table},
};

/// In-domain accuracy: methods down, datasets across, each method with its interval and its change below.
pub(super) fn table(survey: &Survey, scores: &Scores, estimates: &Estimates<'_>) -> Table {
    let seeds = match survey.seeds.len() {
        0 | 1 => String::new(),
        n => format!(" Mean over {n} seeds."),
    };
    let caption = format!(
        "In-domain accuracy in percent by the {} score: {}. A trained method is evaluated on the \
         dataset that it was trained on; change: in points, against zero-shot under the same prompt, on \
         the same pictures.{seeds}",
        estimates.score.name(),
        estimates.score.meaning(),
    );
    captioned(survey, scores, estimates, caption)
}

/// The same by the verdict that the protocol does not count.
pub(super) fn table_of_other_score(
    survey: &Survey,
    scores: &Scores,
    estimates: &Estimates<'_>,
) -> Table {
    let (name, meaning) = (estimates.score.name(), estimates.score.meaning());
    let caption = format!("The same by the {name} score: {meaning}.");
    captioned(survey, scores, estimates, caption)
}

fn captioned(
    survey: &Survey,
    scores: &Scores,
    estimates: &Estimates<'_>,
    caption: String,
) -> Table {
    let heads = names::heads("Method", &survey.in_domain, &["Avg"]);
    let mut table = Table::of_numbers(caption, &heads);
    let mut shown_estimates = Vec::new();
    let mut shown_changes = Vec::new();
    for &arm in &survey.arms {
        let row = row(survey, estimates, arm);
        let means = row.iter().map(names::estimate);
        table.push_plain(std::iter::once(names::arm(survey, arm)).chain(means));
        if row.iter().any(|estimate| estimate.bounds.is_some()) {
            let halves = row.iter().map(|estimate| Cell::italic(fixed(estimate.half_width(), 1)));
            table.push(std::iter::once(Cell::italic("±")).chain(halves).collect());
        }
        if let Some(changes) = changes(survey, scores, estimates, arm) {
            let shown = changes.iter().map(|change| Cell::italic(names::marked_change(change)));
            table.push(std::iter::once(Cell::italic("change")).chain(shown).collect());
            if changes.iter().any(|change| change.detectable_if_none().is_some()) {
                let least = changes.iter().map(|change| Cell::italic(names::detectable(change)));
                table.push(std::iter::once(Cell::italic("detectable")).chain(least).collect());
            }
            shown_changes.extend(changes);
        }
        shown_estimates.extend(row);
    }
    for &form in &survey.forms {
        table.push_plain(chance(survey, scores, form));
    }
    table.caption.push_str(&names::notes(&shown_estimates, &shown_changes));
    table
}

fn row(survey: &Survey, estimates: &Estimates<'_>, arm: Arm) -> Vec<Estimate> {
    let cells: Vec<_> =
        survey.in_domain.iter().map(|&dataset| arm.repeats(dataset, dataset)).collect();
    let by_dataset = cells.iter().map(|&cells| estimates.accuracy(cells));
    by_dataset.chain([estimates.average(&cells)]).collect()
}

fn changes(
    survey: &Survey,
    scores: &Scores,
    estimates: &Estimates<'_>,
    arm: Arm,
) -> Option<Vec<Change>> {
    let zero_shot = scores.zero_shot_of(arm).filter(|_| arm.is_trained())?;
    let contrast = |&dataset: &DatasetId| Contrast {
        before: zero_shot.repeats(dataset, dataset),
        after: arm.repeats(dataset, dataset),
    };
    let contrasts: Vec<Contrast> = survey.in_domain.iter().map(contrast).collect();
    let mut changes = estimates.family(&contrasts);
    changes.push(estimates.average_change(&contrasts));
    Some(changes)
}

fn chance(survey: &Survey, scores: &Scores, form: Form) -> Vec<String> {
    let chances: Vec<Option<f64>> =
        survey.in_domain.iter().map(|&dataset: &DatasetId| scores.chance(form, dataset)).collect();
    let average = names::mean_of_all(chances.iter().copied());
    let shown = chances.into_iter().chain([average]).map(|chance| fixed(chance, 1));
    let name = match survey.forms.len() {
        0 | 1 => "Chance".to_owned(),
        _ => format!("Chance ({form})"),
    };
    std::iter::once(name).chain(shown).collect()
}
