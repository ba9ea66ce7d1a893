//! Efficiency: what accuracy costs.

use super::{accuracy::AVERAGE, names};
use crate::{
    datum::Datum,
    estimate::{Contrast, Estimates},
    number::{fixed, significant},
    summary::{Arm, Clock, Clocks, Pace, Survey},
    table::Table,
    verdicts::Repeats,
};

const SECONDS_PER_MINUTE: f64 = 60.0;
const SECONDS_PER_HOUR: f64 = 3600.0;

/// One row per arm: its accuracy, and what a trial took; none where no cell is done.
pub(super) fn table(
    survey: &Survey,
    estimates: &Estimates<'_>,
    clocks: &Clocks,
    pace: &Pace,
) -> Option<Table> {
    if clocks.by_group.is_empty() {
        return None;
    }
    let caption = format!(
        "Efficiency, mean of a trial: in-domain accuracy in percent by the {} score, averaged over datasets; \
         time of training (loading, rollout, update) and of inference (all its targets); GPU-hours of \
         both; time of training until the mean reward of five steps in a row first reached 95 % of the \
         highest such mean; points of change against zero-shot for an hour of training.",
        estimates.score.name()
    );
    let costs: Vec<(Arm, Costs)> = survey
        .arms
        .iter()
        .filter_map(|&arm| Some((arm, clocks.by_group.get(&arm.group)?)))
        .map(|(arm, clock)| (arm, Costs::of(survey, estimates, (arm, clock), pace)))
        .collect();
    let unit = Unit::of(costs.iter().map(|(_, costs)| costs));
    let [training, inference, to_reward] =
        ["Training", "Inference", "To reward"].map(|head| format!("{head} ({})", unit.name));
    let heads = [
        "Method",
        "Accuracy",
        "±",
        &training,
        &inference,
        "GPU-hours",
        &to_reward,
        "Points per hour",
    ];
    let mut table = Table::of_numbers(caption, &heads).named("efficiency");
    let in_unit =
        |minutes: Option<f64>| significant(minutes.map(|minutes| minutes * unit.per_minute));
    for (arm, costs) in costs {
        let cells: Vec<Repeats> = survey.in_domain.iter().map(|&id| arm.repeats(id, id)).collect();
        let accuracy = estimates.average(&cells);
        table.push_plain([
            names::arm(survey, arm).into(),
            names::incomplete_marked(fixed(accuracy.mean, 1), &accuracy),
            accuracy.half_width_printed(1),
            in_unit(costs.training),
            in_unit(costs.inference),
            significant(costs.gpu_hours),
            in_unit(costs.to_reward),
            significant(costs.points_per_hour),
        ]);
        table.data.push(Datum::of_estimate(arm, AVERAGE, "accuracy_pct", accuracy));
        table.data.extend(costs.named().map(|(quantity, value)| {
            Datum::of_number(arm.group, "all", quantity, value).asked(arm)
        }));
    }
    table.notes.push(
        "Times compare only where machine and number of trials at once are the same; a method asked under \
         several prompts or in several forms has the time of all of them."
            .into(),
    );
    Some(table)
}

/// What the times of a table are printed in.
struct Unit {
    name: &'static str,
    per_minute: f64,
}

impl Unit {
    /// Minutes, or seconds where nothing takes two minutes.
    fn of<'c>(costs: impl Iterator<Item = &'c Costs>) -> Self {
        let times = costs.flat_map(|costs| [costs.training, costs.inference]).flatten();
        match times.fold(0.0, f64::max) < 2.0 {
            true => Unit { name: "s", per_minute: SECONDS_PER_MINUTE },
            false => Unit { name: "min", per_minute: 1.0 },
        }
    }
}

/// Means of a trial, in minutes and GPU-hours.
struct Costs {
    training: Option<f64>,
    inference: Option<f64>,
    gpu_hours: Option<f64>,
    to_reward: Option<f64>,
    points_per_hour: Option<f64>,
}

impl Costs {
    fn of(
        survey: &Survey,
        estimates: &Estimates<'_>,
        (arm, clock): (Arm, &Clock),
        pace: &Pace,
    ) -> Self {
        let n = clock.n_trials as f64;
        let per_trial = |seconds: Option<f64>, unit: f64| Some(seconds? / n / unit);
        let training = clock.load + clock.rollout + clock.update;
        let training = Some(training).filter(|_| arm.is_trained());
        let hours = per_trial(training, SECONDS_PER_HOUR).filter(|hours| 0.0 < *hours);
        Costs {
            training: per_trial(training, SECONDS_PER_MINUTE),
            inference: per_trial(Some(clock.evaluate), SECONDS_PER_MINUTE),
            gpu_hours: per_trial(clock.gpu, SECONDS_PER_HOUR),
            to_reward: pace.0.get(&arm.group).map(|seconds| seconds / SECONDS_PER_MINUTE),
            points_per_hour: change(survey, estimates, arm)
                .and_then(|points| Some(points / hours?)),
        }
    }

    fn named(&self) -> impl Iterator<Item = (&'static str, Option<f64>)> {
        [
            ("training_min", self.training),
            ("inference_min", self.inference),
            ("gpu_hours", self.gpu_hours),
            ("to_reward_min", self.to_reward),
            ("points_per_training_hour", self.points_per_hour),
        ]
        .into_iter()
    }
}

fn change(survey: &Survey, estimates: &Estimates<'_>, arm: Arm) -> Option<f64> {
    let zero_shot = survey.zero_shot_of(arm).filter(|_| arm.is_trained())?;
    let contrast = |&id| Contrast { before: zero_shot.repeats(id, id), after: arm.repeats(id, id) };
    let contrasts: Vec<Contrast> = survey.in_domain.iter().map(contrast).collect();
    estimates.average_change(&contrasts).estimate.mean
}
