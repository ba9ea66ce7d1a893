//! Format against accuracy: how much of a score, and of a gain, is how an answer is read.

use clsrl_spec::{DatasetId, ParseStatus};

use super::{accuracy::AVERAGE, names};
use crate::{
    datum::Datum,
    estimate::{Contrast, Estimates},
    number::{fixed, signed},
    summary::{Arm, Survey},
    table::Table,
    verdicts::{ParseCounts, Repeats},
};

/// One row per arm: both scores, both gains over zero-shot, and how its answers parse.
pub(super) fn table(survey: &Survey, [published, strict]: [&Estimates<'_>; 2]) -> Table {
    let caption = "Format against accuracy, in-domain, averages over datasets in percent and points. Gap: \
        published less strict score. Gains are against zero-shot under the same prompt; parser: what of \
        the published gain the strict score does not see. Shares of answers by how they parse: ok; empty; \
        truncated before an answer tag was closed; no tag where one is asked for; off the list.";
    let heads = [
        "Method",
        "Published",
        "Strict",
        "Gap",
        "Gain",
        "Strict gain",
        "Parser",
        "Ok",
        "Empty",
        "Truncated",
        "No tag",
        "Off list",
    ];
    let mut table = Table::of_numbers(caption.to_owned(), &heads).named("format");
    for &arm in &survey.arms {
        let cells = cells(survey, arm);
        let means = [published, strict].map(|estimates| estimates.average(&cells).mean);
        let gains = [published, strict].map(|estimates| gain(survey, estimates, arm));
        let shares = shares(published, &cells);
        let numbers = [
            fixed(means[0], 1),
            fixed(means[1], 1),
            fixed(names::difference(means[0], means[1]), 1),
            signed(gains[0], 1),
            signed(gains[1], 1),
            signed(names::difference(gains[0], gains[1]), 1),
        ];
        let parsed = shares.iter().map(|(_, share)| fixed(*share, 1));
        table.push_plain(
            std::iter::once(names::arm(survey, arm).into()).chain(numbers).chain(parsed),
        );
        let named = [
            ("published_pct", means[0]),
            ("strict_pct", means[1]),
            ("gain_published_points", gains[0]),
            ("gain_strict_points", gains[1]),
        ];
        let named = named.map(|(name, value)| (name.to_owned(), value));
        let parsed =
            shares.into_iter().map(|(status, share)| (format!("parse_{status}_pct"), share));
        table.data.extend(named.into_iter().chain(parsed).map(|(quantity, value)| {
            Datum::of_number(arm.group, AVERAGE, quantity, value).asked(arm)
        }));
    }
    table
}

fn cells(survey: &Survey, arm: Arm) -> Vec<Repeats> {
    survey.in_domain.iter().map(|&dataset| arm.repeats(dataset, dataset)).collect()
}

fn gain(survey: &Survey, estimates: &Estimates<'_>, arm: Arm) -> Option<f64> {
    let zero_shot = survey.zero_shot_of(arm).filter(|_| arm.is_trained())?;
    let contrast = |&dataset: &DatasetId| Contrast {
        before: zero_shot.repeats(dataset, dataset),
        after: arm.repeats(dataset, dataset),
    };
    let contrasts: Vec<Contrast> = survey.in_domain.iter().map(contrast).collect();
    estimates.average_change(&contrasts).estimate.mean
}

/// The share of every parse status, in percent: the mean over the datasets' shares, each with the same
/// weight; none unless all have their predictions.
fn shares(estimates: &Estimates<'_>, cells: &[Repeats]) -> Vec<(ParseStatus, Option<f64>)> {
    let parsed: Option<Vec<_>> = cells.iter().map(|&cells| estimates.parsed(cells)).collect();
    let share = |status: ParseStatus| {
        let of_cell = |parsed: &[ParseCounts]| {
            let n: usize = parsed.iter().map(|counts| counts.n).sum();
            (0 < n).then(|| 100.0 * parsed[status as usize].n as f64 / n as f64)
        };
        names::mean_of_all(parsed.as_ref()?.iter().map(|parsed| of_cell(parsed)))
    };
    ParseStatus::ALL.map(|status| (status, share(status))).to_vec()
}
