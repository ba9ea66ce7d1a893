//! The wall-clock tables.

use super::names;
use crate::{
    number::fixed,
    page::Page,
    summary::{Clock, Clocks, Survey},
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
        weights, tokenizer, training pictures; rollout: sampling and rewarding; update: forward, \
        backward, optimizer; evaluate: all targets.";
    let heads = ["Method", "Trials", "Load", "Rollout", "Update", "Evaluate", "Total", "Per trial"];
    let mut table = Table::of_numbers(caption.to_owned(), &heads);
    let row = |name: String, n_trials: usize, sums: [Option<f64>; 5]| {
        let per_trial = sums[4].map(|total| total / n_trials as f64);
        let seconds = sums.into_iter().chain([per_trial]).map(|seconds| fixed(seconds, 1));
        [vec![name, n_trials.to_string()], seconds.collect()].concat()
    };
    for (&group, clock) in &clocks.by_group {
        table.push_plain(row(names::group(survey, group), clock.n_trials, sums(clock)));
    }
    let all = |phase: usize| -> Option<f64> {
        clocks.by_group.values().map(|clock| sums(clock)[phase]).sum()
    };
    let n_trials = clocks.by_group.values().map(|clock| clock.n_trials).sum();
    table.push_plain(row("All".to_owned(), n_trials, [all(0), all(1), all(2), all(3), all(4)]));
    table
}

fn sums(clock: &Clock) -> [Option<f64>; 5] {
    [clock.load, clock.rollout, clock.update, clock.evaluate, clock.total]
}

fn throughput(survey: &Survey, clocks: &Clocks) -> Table {
    let caption = "Throughput and memory. Training: pictures seen by the optimizer, and tokens of \
        completions or examples, per second of rollout and update; evaluation: pictures and answer \
        tokens per second; memory: largest resident size of a process.";
    let heads = [
        "Method",
        "Train pictures/s",
        "Train tokens/s",
        "Eval pictures/s",
        "Eval tokens/s",
        "Peak MiB",
    ];
    let mut table = Table::of_numbers(caption.to_owned(), &heads);
    for (&group, clock) in &clocks.by_group {
        table.push_plain([
            names::group(survey, group),
            fixed(clock.train_images_per_second, 1),
            fixed(clock.train_tokens_per_second, 1),
            fixed(clock.evaluate_images_per_second, 1),
            fixed(clock.evaluate_tokens_per_second, 1),
            fixed(Some(clock.peak_memory_bytes as f64 / MIB), 0),
        ]);
    }
    table
}

fn training(survey: &Survey, clocks: &Clocks) -> Table {
    let caption = "Seconds of rollout and update per trial, by the dataset that is trained on.";
    let heads = names::heads("Method", &survey.in_domain, &["Avg"]);
    let mut table = Table::of_numbers(caption.to_owned(), &heads);
    for group in survey.groups().into_iter().filter(|group| group.is_trained()) {
        let seconds = |dataset| clocks.training.get(&(group, dataset)).copied().flatten();
        let seconds: Vec<_> = survey.in_domain.iter().map(|&dataset| seconds(dataset)).collect();
        let average = names::mean_of_all(seconds.iter().copied());
        let shown = seconds.into_iter().chain([average]).map(|seconds| fixed(seconds, 1));
        table.push_plain(std::iter::once(names::group(survey, group)).chain(shown));
    }
    table
}
