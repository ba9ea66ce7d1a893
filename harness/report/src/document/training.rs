//! The training curves' ends.

use super::{names, questions};
use crate::{
    datum::Datum,
    number::{Printed, count, fixed, significant},
    page::Page,
    summary::{Curve, Curves, Group, Survey},
    table::Table,
};

/// Writes one row per trained group: its curves at the first and the last step.
pub(super) fn write(page: &mut Page, survey: &Survey, curves: &Curves) {
    if curves.0.is_empty() {
        return page.paragraph("No optimizer step was made.");
    }
    let caption = "Training from the first optimizer step to the last, mean over trials. Reward: \
        mean sum of a completion's rewards; KL: to the start model; tokens: of a completion; cut: \
        completions that reached the longest length; flat: groups whose rewards are all equal, \
        which teach nothing.";
    let heads =
        ["Method", "Trials", "Steps", "Loss", "Reward", "KL", "Tokens", "Cut (%)", "Flat (%)"];
    let mut table = Table::of_numbers(caption.to_owned(), &heads).named("training");
    for (&group, curve) in &curves.0 {
        table.data.extend(data(group, curve));
        let Curve { n_trials, steps, loss, reward_mean, kl, mean_tokens, truncated, .. } = *curve;
        let share = |value: Option<f64>| fixed(value.map(|share| 100.0 * share), 1);
        table.push_plain([
            names::group(survey, group).into(),
            count(n_trials),
            questions::span(steps),
            ends(loss, significant),
            ends(reward_mean, |value| fixed(value, 2)),
            ends(kl, significant),
            ends(mean_tokens, |value| fixed(value, 1)),
            ends(truncated, share),
            ends(curve.zero_variance_groups, share),
        ]);
    }
    page.table(&table);
}

/// Both ends of every curve.
fn data(group: Group, curve: &Curve) -> impl Iterator<Item = Datum> {
    let ends = [
        ("loss", curve.loss),
        ("reward_mean", curve.reward_mean),
        ("kl", curve.kl),
        ("mean_tokens", curve.mean_tokens),
        ("truncated", curve.truncated),
        ("zero_variance_groups", curve.zero_variance_groups),
    ];
    let both = move |(name, (first, last))| {
        [("first", first), ("last", last)]
            .map(|(end, value)| Datum::of_number(group, "all", format!("{name}_{end}"), value))
    };
    ends.into_iter().flat_map(both)
}

fn ends(
    (first, last): (Option<f64>, Option<f64>),
    shown: impl Fn(Option<f64>) -> Printed,
) -> Printed {
    match first.or(last) {
        None => shown(None),
        Some(_) => shown(first).and(&format!(" → {}", shown(last))),
    }
}
