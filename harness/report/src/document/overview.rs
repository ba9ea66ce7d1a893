//! The short table at the top, and what was run.

use std::collections::BTreeSet;

use clsrl_spec::{DatasetId, EvalSplit, ShotRule};

use super::{accuracy::AVERAGE, names};
use crate::{
    ReportContext,
    datum::Datum,
    estimate::{Change, Contrast, Estimate, Estimates},
    number::{MISSING, Printed, fixed, signed, thousands},
    rows::CellRow,
    summary::{Arm, Clocks, Score, Survey, Transfer, TransferMatrix},
    table::{Align, Cell, Table},
    verdicts::Repeats,
};

/// What is to be said first when cells are missing.
pub(super) fn incomplete(survey: &Survey) -> String {
    format!(
        "Incomplete. {} of {} cells are missing; they are shown as {MISSING}.",
        thousands(survey.n_missing),
        thousands(survey.n_planned)
    )
}

/// What is to be said first when data is not what the lock says.
pub(super) fn unlocked(datasets: &[DatasetId]) -> String {
    format!(
        "Unlocked. {}: the data differs from the lock, or nobody has locked it. What rests on it \
         cannot be compared with other results; the rows are marked in the frame.",
        titles(datasets)
    )
}

/// What is to be said first when lists are not the published ones.
pub(super) fn made_lists(datasets: &[DatasetId], context: &ReportContext<'_>) -> String {
    let mut text = format!(
        "The standard split was not used. {}: there is no split file, so the lists were made from \
         the annotations, and hold other images than published results do.",
        titles(datasets)
    );
    for sentence in datasets.iter().filter_map(|id| context.standard_lists.get(id)) {
        text.push(' ');
        text.push_str(sentence);
    }
    text
}

fn titles(datasets: &[DatasetId]) -> String {
    list(datasets.iter().map(|id| id.title().to_owned()))
}

/// The name of the table at the top.
pub(super) const IN_SHORT: &str = "in-short";

/// One row per trained method: what it gains, at home and elsewhere, and what it costs.
pub(super) fn in_short(
    survey: &Survey,
    estimates: &Estimates<'_>,
    transfer: &Transfer,
    clocks: &Clocks,
) -> Table {
    let caption = format!(
        "Averages over datasets by the {} score, in percent. In-domain: on the dataset that was \
         trained on; change: in points, against zero-shot under the same \
         prompt, * at 5 % by a paired test; others: mean \
         change on the datasets that were not trained on; below zero: share of those changes. \
         Seconds: a trial with its evaluation. ±: half of the 95 % interval.",
        estimates.score.name()
    );
    let heads =
        ["Method", "Prompt", "Zero-shot", "In-domain", "Change", "Others", "Below zero", "Seconds"];
    let mut table = Table::of_numbers(caption, &heads).named(IN_SHORT);
    table.columns[1].align = Align::Left;
    let is_any_trained = survey.arms.iter().any(|arm| arm.is_trained());
    for &arm in survey.arms.iter().filter(|arm| arm.is_trained() || !is_any_trained) {
        let cells = |arm: Arm| -> Vec<Repeats> {
            survey.in_domain.iter().map(|&id| arm.repeats(id, id)).collect()
        };
        let average = estimates.average(&cells(arm));
        let before = survey.zero_shot_of(arm);
        let zero_shot = before.and_then(|before| estimates.average(&cells(before)).mean);
        let change = before.map(|before| change(estimates, before, arm, &survey.in_domain));
        let others = transfer.of(arm).map(|matrix| matrix.whole.estimate).unwrap_or_default();
        let clock = clocks.by_group.get(&arm.group);
        let seconds = clock.map(|clock| clock.total / clock.n_trials as f64);
        table.data.extend(data(arm, &average, change.as_ref(), transfer.of(arm)));
        let per_trial = Datum::of_number(arm.group, "all", "seconds_per_trial", seconds);
        table.data.push(per_trial.asked(arm));
        let trained = |number: Printed| if arm.is_trained() { number } else { Printed::default() };
        table.push_plain([
            names::group(survey, arm.group).into(),
            asked(survey, arm).into(),
            fixed(zero_shot, 1),
            trained(bounded(fixed(average.mean, 1), &average)),
            trained(change.as_ref().map_or(MISSING.into(), marked)),
            trained(bounded(signed(others.mean, 1), &others)),
            trained(below_zero(transfer, arm)),
            fixed(seconds, 1),
        ]);
    }
    table
}

/// A mean with its mark and half of its interval.
fn bounded(mean: Printed, estimate: &Estimate) -> Printed {
    let mean = names::incomplete_marked(mean, estimate);
    match estimate.half_width().filter(|_| estimate.mean.is_some()) {
        None => mean,
        Some(_) => mean.and(&format!(" ± {}", estimate.half_width_printed(1))),
    }
}

fn change(estimates: &Estimates<'_>, before: Arm, after: Arm, datasets: &[DatasetId]) -> Change {
    let contrast = |&id| Contrast { before: before.repeats(id, id), after: after.repeats(id, id) };
    estimates.average_change(&datasets.iter().map(contrast).collect::<Vec<_>>())
}

fn marked(change: &Change) -> Printed {
    let star = if change.is_significant() == Some(true) { "*" } else { "" };
    signed(change.estimate.mean, 1).and(star)
}

/// The averages of an arm; of one that trains nothing, its accuracy alone.
fn data(
    arm: Arm,
    average: &Estimate,
    change: Option<&Change>,
    transfer: Option<&TransferMatrix>,
) -> Vec<Datum> {
    let mut data = vec![Datum::of_estimate(arm, AVERAGE, "accuracy_pct", *average)];
    if !arm.is_trained() {
        return data;
    }
    data.extend(change.map(|change| Datum::of_change(arm, AVERAGE, "change_points", change)));
    if let Some(matrix) = transfer {
        data.push(Datum::of_change(arm, "others", "change_points", &matrix.whole));
        let (n, n_below) = matrix.n_below_zero();
        let share = (0 < n).then(|| 100.0 * n_below as f64 / n as f64);
        data.push(Datum::of_number(arm.group, "others", "below_zero_pct", share).asked(arm));
    }
    data
}

/// The prompt, and the form where there are several.
fn asked(survey: &Survey, arm: Arm) -> String {
    match survey.forms.len() {
        0 | 1 => arm.prompt().to_string(),
        _ => format!("{}, {}", arm.form, arm.prompt()),
    }
}

fn below_zero(transfer: &Transfer, arm: Arm) -> Printed {
    match transfer.n_below_zero(arm) {
        (0, _) => MISSING.into(),
        (n, below) => fixed(Some(100.0 * below as f64 / n as f64), 0).and(" %"),
    }
}

/// Suite, weights, data, place: everything that one needs to know before believing a number.
pub(super) fn what_was_run(survey: &Survey, context: &ReportContext<'_>) -> Table {
    let caption = "What was run, and where. A trial is one fine-tune, zero-shot the one that trains \
        nothing; a cell is a trial, evaluated on one dataset under one prompt.";
    let mut table = Table::of_texts(caption.to_owned(), &["", ""]).named("what-was-run");
    let mut row = |name: &str, value: String| {
        let value = if value.is_empty() { MISSING.to_owned() } else { value };
        table.push(vec![Cell::bold(name), Cell::plain(value)]);
    };
    let protocol = context.protocol;
    let score = Score::of(protocol.scorer);
    let n_done = survey.n_planned - survey.n_missing;
    row("Suite", context.suite_name.clone());
    row("Protocol", protocol.name.clone());
    row("Score", format!("{}: {}", score.name(), score.meaning()));
    row("Training images", picks(protocol.shots));
    row("Base model", context.base_model.clone());
    row("Base weights", context.base_weights.clone());
    row("Data", context.data.clone());
    row("Methods", list(survey.groups().iter().map(|group| group.method.title().to_owned())));
    row("Datasets", titles(&survey.targets));
    row("Shots per class", shots(survey));
    row("Seeds", list(survey.seeds.iter().map(u64::to_string)));
    row("Trials", thousands(context.planned.len()).text);
    row(
        "Cells",
        match survey.n_missing {
            0 => format!("{}, all done", thousands(n_done)),
            n => format!(
                "{} of {}, {} missing",
                thousands(n_done),
                thousands(survey.n_planned),
                thousands(n)
            ),
        },
    );
    row("Evaluated", evaluated(survey, context));
    let image = &protocol.image;
    row(
        "Image path",
        format!(
            "{} in training, {} in evaluation, {} to {} pixels",
            image.training(),
            image.evaluation(),
            thousands(image.min_pixels),
            thousands(image.max_pixels)
        ),
    );
    let distinct = |of: fn(&CellRow) -> &String| list(survey.distinct(of).into_iter().cloned());
    row("Commit", distinct(|row| &row.commit));
    row("Version", distinct(|row| &row.version));
    row("libtorch", distinct(|row| &row.libtorch));
    row("Device", distinct(|row| &row.device));
    row("Threads", list(survey.distinct(|row| row.threads).iter().map(usize::to_string)));
    row("Processor", distinct(|row| &row.processor));
    table
}

fn list(values: impl IntoIterator<Item = String>) -> String {
    let mut seen = BTreeSet::new();
    let once = values.into_iter().filter(|value| seen.insert(value.clone()));
    once.collect::<Vec<_>>().join(", ")
}

fn picks(rule: ShotRule) -> String {
    match rule {
        ShotRule::Coop => "CoOp's picks for the trial's seed".to_owned(),
        ShotRule::Notebook { seed } => {
            format!("the released notebook's rule, one shuffle for all trials, seed {seed}")
        }
    }
}

fn shots(survey: &Survey) -> String {
    let trained = survey.groups().into_iter().filter(|group| group.is_trained());
    let shots: BTreeSet<usize> = trained.map(|group| group.shots).collect();
    list(shots.iter().map(usize::to_string))
}

fn evaluated(survey: &Survey, context: &ReportContext<'_>) -> String {
    let evaluations: Vec<_> = context.planned.iter().map(|trial| &trial.evaluation).collect();
    let limits: BTreeSet<usize> =
        evaluations.iter().filter_map(|evaluation| evaluation.limit).collect();
    let limit = match limits.is_empty() {
        false => {
            format!("at most {} images, evenly spread,", list(limits.iter().map(usize::to_string)))
        }
        true if survey.done().any(|row| row.limited) => "some of the images".to_owned(),
        true => "every image".to_owned(),
    };
    let of = |split: EvalSplit| -> BTreeSet<DatasetId> {
        let splits = evaluations.iter().flat_map(|evaluation| &evaluation.splits);
        splits.filter(|(_, found)| **found == split).map(|(&id, _)| id).collect()
    };
    format!("{limit}{}", splits(&of(EvalSplit::Test), &of(EvalSplit::Val)))
}

fn splits(test: &BTreeSet<DatasetId>, val: &BTreeSet<DatasetId>) -> String {
    let names = |ids: &BTreeSet<DatasetId>| list(ids.iter().map(|id| id.title().to_owned()));
    match (test.is_empty(), val.is_empty()) {
        (true, true) => String::new(),
        (false, true) => " of the test split".to_owned(),
        (true, false) => " of the validation split".to_owned(),
        (false, false) => {
            format!(" of the test split, for {} of the validation split", names(val))
        }
    }
}
