//! The wall-clock tables.

use super::{accuracy::AVERAGE, names};
use crate::{
    datum::Datum,
    number::{count, fixed},
    page::Page,
    summary::{Clock, Clocks, Group, Survey},
    table::Table,
};

const MIB: f64 = 1024.0 * 1024.0;

/// Writes the phases, the throughput, and the training time by dataset.
pub(super) fn write(page: &mut Page, survey: &Survey, clocks: &Clocks) {
    if clocks.by_group.is_empty() {
        return page.paragraph("No cell is done.");
    }
    page.table(&phases(survey, clocks));
    page.table(&throughput(survey, clocks));
    if !clocks.training.is_empty() {
        page.table(&training(survey, clocks));
    }
}

fn phases(survey: &Survey, clocks: &Clocks) -> Table {
    let caption = "Wall-clock in seconds, summed over the trials that have a finished cell. Load: \
        weights, tokenizer, training images; rollout: sampling and rewarding; update: forward, \
        backward, optimizer; evaluate: all targets.";
    let heads = ["Method", "Trials", "Load", "Rollout", "Update", "Evaluate", "Total", "Per trial"];
    let mut table = Table::of_numbers(caption.to_owned(), &heads).named("wall-clock");
    let row = |name: String, n_trials: usize, sums: [f64; 5]| {
        let per_trial = sums[4] / n_trials as f64;
        let seconds = sums.into_iter().chain([per_trial]).map(|seconds| fixed(Some(seconds), 1));
        [vec![name.into(), count(n_trials)], seconds.collect()].concat()
    };
    for (&group, clock) in &clocks.by_group {
        table.push_plain(row(names::group(survey, group), clock.n_trials, sums(clock)));
        let n_trials = ("n_trials", clock.n_trials as f64);
        let names = ["load_s", "rollout_s", "update_s", "evaluate_s", "total_s"];
        let numbers = [n_trials].into_iter().chain(names.into_iter().zip(sums(clock)));
        table.data.extend(data(group, numbers.map(|(name, value)| (name, Some(value)))));
    }
    let all =
        |phase: usize| -> f64 { clocks.by_group.values().map(|clock| sums(clock)[phase]).sum() };
    let n_trials = clocks.by_group.values().map(|clock| clock.n_trials).sum();
    table.push_plain(row("All".to_owned(), n_trials, [all(0), all(1), all(2), all(3), all(4)]));
    table
}

fn sums(clock: &Clock) -> [f64; 5] {
    [clock.load, clock.rollout, clock.update, clock.evaluate, clock.total]
}

fn throughput(survey: &Survey, clocks: &Clocks) -> Table {
    let caption = "Throughput and memory. Training: images seen by the optimizer, and tokens of \
        completions or examples, per second of rollout and update; evaluation: images and answer \
        tokens per second; memory: largest resident size of a process.";
    let heads = [
        "Method",
        "Train images/s",
        "Train tokens/s",
        "Eval images/s",
        "Eval tokens/s",
        "Peak MiB",
    ];
    let mut table = Table::of_numbers(caption.to_owned(), &heads).named("throughput");
    for (&group, clock) in &clocks.by_group {
        let peak_mib = Some(clock.peak_memory_bytes as f64 / MIB);
        table.push_plain([
            names::group(survey, group).into(),
            fixed(clock.train_images_per_second, 1),
            fixed(clock.train_tokens_per_second, 1),
            fixed(clock.evaluate_images_per_second, 1),
            fixed(clock.evaluate_tokens_per_second, 1),
            fixed(peak_mib, 0),
        ]);
        let numbers = [
            ("train_images_per_second", clock.train_images_per_second),
            ("train_tokens_per_second", clock.train_tokens_per_second),
            ("evaluate_images_per_second", clock.evaluate_images_per_second),
            ("evaluate_tokens_per_second", clock.evaluate_tokens_per_second),
            ("peak_mib", peak_mib),
        ];
        table.data.extend(data(group, numbers));
    }
    table
}

fn training(survey: &Survey, clocks: &Clocks) -> Table {
    let caption = "Seconds of rollout and update per trial, by the dataset that is trained on.";
    let heads = names::heads(&["Method", "Avg"], &survey.in_domain);
    let mut table = Table::of_numbers(caption.to_owned(), &heads).named("training-time");
    for group in survey.groups().into_iter().filter(|group| group.is_trained()) {
        let seconds = |dataset| clocks.training.get(&(group, dataset)).copied().flatten();
        let seconds: Vec<_> = survey.in_domain.iter().map(|&dataset| seconds(dataset)).collect();
        let average = names::mean_of_all(seconds.iter().copied());
        let datasets = survey.in_domain.iter().map(|id| id.to_string()).chain([AVERAGE.to_owned()]);
        let numbers = datasets.zip(seconds.iter().copied().chain([average]));
        table.data.extend(
            numbers.map(|(id, value)| Datum::of_number(group, id, "optimize_s_per_trial", value)),
        );
        let shown = [average].into_iter().chain(seconds).map(|seconds| fixed(seconds, 1));
        table.push_plain(std::iter::once(names::group(survey, group).into()).chain(shown));
    }
    table
}

/// Numbers of all datasets of a group.
fn data(
    group: Group,
    numbers: impl IntoIterator<Item = (&'static str, Option<f64>)>,
) -> Vec<Datum> {
    let datum = |(quantity, value)| Datum::of_number(group, "all", quantity, value);
    numbers.into_iter().map(datum).collect()
}
