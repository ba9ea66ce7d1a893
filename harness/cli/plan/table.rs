//! A plan as text: a table by method and dataset, or the trials one by one.

use std::{collections::BTreeMap, fmt::Write, time::Duration};

use clsrl_spec::{DatasetId, MethodId, Trial};

use super::planned::{Counts, Plan, PlannedCell, PlannedTrial, Progress};
use crate::words::{Side, columns, count, duration, thousands};

/// Trials of a method and a dataset.
#[derive(Default)]
struct Group {
    n_trials: usize,
    n_steps: usize,
    n_images: usize,
    n_cells: usize,
    n_done: usize,
    /// Seconds of what is left; none where it is not known of all.
    seconds: Option<f64>,
}

/// A row for each method and dataset that is trained on, then the sums of each method that has several.
pub(super) fn groups(plan: &Plan, trials: &[Trial]) -> String {
    let mut groups: BTreeMap<(MethodId, Option<DatasetId>), Group> = BTreeMap::new();
    for (planned, trial) in plan.trials.iter().zip(trials) {
        let key = (trial.method, trial.train_on);
        groups.entry(key).or_insert_with(Group::empty).add(planned);
    }
    let mut all = Group::empty();
    plan.trials.iter().for_each(|trial| all.add(trial));
    let heads = ["Method", "Trained on", "Trials", "Steps", "Images", "Done", "Left"];
    let mut rows = vec![heads.map(str::to_owned).to_vec()];
    for (&(method, source), group) in &groups {
        let source = source.map_or("–", DatasetId::as_str);
        rows.push(group.row(method.as_str(), source));
    }
    if 1 < groups.len() {
        rows.push(all.row("all", ""));
    }
    let sides = [[Side::Left; 2].as_slice(), &[Side::Right; 5]].concat();
    // Of what nothing is known there is no column.
    let is_kept = |column: &usize| match heads[*column] {
        "Left" => groups.values().any(|group| group.seconds.is_some()),
        _ => true,
    };
    let kept: Vec<usize> = (0..heads.len()).filter(is_kept).collect();
    let rows: Vec<Vec<String>> = rows
        .into_iter()
        .map(|row| kept.iter().map(|&column| row[column].clone()).collect())
        .collect();
    columns(&rows, &kept.iter().map(|&column| sides[column]).collect::<Vec<_>>())
}

impl Group {
    fn empty() -> Self {
        Group { seconds: Some(0.0), ..Group::default() }
    }

    fn add(&mut self, trial: &PlannedTrial) {
        let is_done = |cell: &&PlannedCell| cell.progress.state == "done";
        self.n_trials += 1;
        self.n_steps = self.n_steps.saturating_add(trial.steps);
        self.n_images += trial.evaluation_images;
        self.n_cells += trial.cells.len();
        self.n_done += trial.cells.iter().filter(is_done).count();
        self.seconds = self.seconds.zip(trial.seconds_left).map(|(sum, seconds)| sum + seconds);
    }

    fn row(&self, method: &str, source: &str) -> Vec<String> {
        let time = self.seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let time = match time {
            None => "?".to_owned(),
            Some(Duration::ZERO) => "–".to_owned(),
            Some(time) => brief(time),
        };
        vec![
            method.to_owned(),
            source.to_owned(),
            thousands(self.n_trials),
            thousands(self.n_steps),
            thousands(self.n_images),
            format!("{}/{}", thousands(self.n_done), thousands(self.n_cells)),
            time,
        ]
    }
}

/// A time in one unit and at most seven characters.
fn brief(time: Duration) -> String {
    match time.as_secs_f64() {
        seconds if seconds < 99.5 => format!("{seconds:.0} s"),
        seconds if seconds < 99.5 * 60.0 => format!("{:.0} min", seconds / 60.0),
        seconds if seconds < 48.0 * 3600.0 => format!("{:.1} h", seconds / 3600.0),
        seconds => format!("{:.1} d", seconds / 86_400.0),
    }
}

/// What there is and what is left of it.
pub(super) fn totals(plan: &Plan) -> String {
    let Counts {
        trials,
        cells,
        done,
        stale,
        missing,
        steps,
        steps_left,
        evaluation_images,
        evaluation_images_left,
    } = plan.counts;
    let mut text = format!(
        "{}, {}: {} done, {} stale, {} missing\n\
         {}, {} of them left\n{} to evaluate, {} of them left\n",
        count(trials, "trial"),
        count(cells, "cell"),
        thousands(done),
        thousands(stale),
        thousands(missing),
        count(steps, "optimizer step"),
        thousands(steps_left),
        count(evaluation_images, "image"),
        thousands(evaluation_images_left),
    );
    for set in &plan.set {
        text += &format!("set: {set}\n");
    }
    if 0 < stale {
        text += "hint: --list says why they are stale\n";
    }
    let left = plan.seconds_left.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    if let Some(left) = left.filter(|_| 0 < evaluation_images_left) {
        text += &format!("about {} left, by the time of what is done\n", duration(left));
    }
    text
}

/// Every trial with its cells, those of the same state for the same reasons together.
pub(super) fn trials(plan: &Plan) -> String {
    let mut text = String::new();
    for trial in &plan.trials {
        let PlannedTrial { key, steps, training_images, evaluation_images, .. } = trial;
        writeln!(
            text,
            "{key}: {} on {}, {} evaluated",
            count(*steps, "step"),
            count(*training_images, "image"),
            thousands(*evaluation_images)
        )
        .expect("a string takes every text");
        for (progress, cells) in group_cells(&trial.cells) {
            let reasons = match progress.reasons.as_slice() {
                [] => String::new(),
                reasons => format!("  ({})", reasons.join("; ")),
            };
            writeln!(text, "  {:<7}  {}{reasons}", progress.state, cells.join(" "))
                .expect("a string takes every text");
        }
    }
    text
}

/// Cells with the same state for the same reasons, together.
fn group_cells(cells: &[PlannedCell]) -> Vec<(&Progress, Vec<&str>)> {
    let mut groups: Vec<(&Progress, Vec<&str>)> = Vec::new();
    for PlannedCell { cell, progress, .. } in cells {
        match groups.iter_mut().find(|(of_group, _)| *of_group == progress) {
            Some((_, cells)) => cells.push(cell),
            None => groups.push((progress, vec![cell])),
        }
    }
    groups
}
