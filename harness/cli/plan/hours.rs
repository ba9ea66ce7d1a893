//! What is left of a plan in hours: by method, and on so many GPUs.
//!
//! Hours are measured where results have steps or images of some kind, else by the table of `clsrl_runner::cost_ms`;
//! which of the two, is reported. A makespan is that of packing the longest trial first.

use std::collections::BTreeMap;

use clsrl_runner::{cost_ms, pack};
use clsrl_spec::{MethodId, Trial};
use serde::Serialize;

use crate::words::{Side, columns, thousands};

/// The numbers of GPUs that hours are given for.
const N_GPUS: [usize; 4] = [1, 4, 8, 32];

/// Where hours come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// Steps and images that were timed, in the results that are there.
    Measured,
    /// A table of estimates for one H200.
    Table,
}

/// What is left in hours.
#[derive(Debug, Serialize)]
pub struct Hours {
    pub source: Source,
    /// By method, and of all of them.
    pub methods: Vec<Left>,
    pub all: Left,
    pub longest_trial: String,
    pub longest_hours: f64,
    /// Hours on so many GPUs, where each takes the longest trial that waits.
    pub on_gpus: Vec<OnGpus>,
}

/// What is left of one trial.
pub struct TrialLeft<'a> {
    pub trial: &'a Trial,
    pub n_cells: usize,
    pub n_images: usize,
    pub n_steps: usize,
    /// By the time of what is done; none where nothing tells.
    pub seconds: Option<f64>,
}

/// What is left of some trials.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Left {
    pub method: String,
    pub trials: usize,
    pub cells: usize,
    pub images: usize,
    pub steps: usize,
    pub hours: f64,
}

/// Hours on so many GPUs.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct OnGpus {
    pub gpus: usize,
    pub hours: f64,
}

impl Hours {
    /// Of these trials; none if nothing is left.
    pub fn of(left: &[TrialLeft<'_>]) -> Option<Self> {
        let measured: Option<Vec<f64>> = left.iter().map(|left| left.seconds).collect();
        let source = if measured.is_some() { Source::Measured } else { Source::Table };
        let seconds = measured
            .unwrap_or_else(|| left.iter().map(|left| cost_ms(left.trial) as f64 / 1e3).collect());
        let longest = (0..left.len()).max_by(|&a, &b| seconds[a].total_cmp(&seconds[b]))?;
        let mut methods: BTreeMap<MethodId, Left> = BTreeMap::new();
        let mut all = Left { method: "all".to_owned(), ..Left::default() };
        for (left, seconds) in left.iter().zip(&seconds) {
            let method = methods.entry(left.trial.method).or_default();
            method.method = left.trial.method.to_string();
            [method, &mut all].into_iter().for_each(|sum| sum.add(left, *seconds));
        }
        let ms: Vec<u64> = seconds.iter().map(|seconds| (seconds * 1e3) as u64).collect();
        let on = |gpus: usize| OnGpus { gpus, hours: makespan_ms(&ms, gpus) as f64 / 3.6e6 };
        Some(Hours {
            source,
            methods: methods.into_values().collect(),
            all,
            longest_trial: left[longest].trial.key(),
            longest_hours: seconds[longest] / 3600.0,
            on_gpus: N_GPUS.map(on).to_vec(),
        })
    }

    /// As tables of at most 80 columns, with where the hours come from.
    pub fn render(&self) -> String {
        let heads = ["Left to run", "Trials", "Cells", "Images", "Steps", "GPU-hours"];
        let mut rows = vec![heads.map(str::to_owned).to_vec()];
        rows.extend(self.methods.iter().map(Left::row));
        if 1 < self.methods.len() {
            rows.push(self.all.row());
        }
        let sides = [[Side::Left].as_slice(), &[Side::Right; 5]].concat();
        let mut on = vec![vec!["GPUs".to_owned()], vec!["Hours".to_owned()]];
        for OnGpus { gpus, hours } in &self.on_gpus {
            on[0].push(gpus.to_string());
            on[1].push(few_digits(*hours));
        }
        let on_sides = [[Side::Left].as_slice(), &[Side::Right; N_GPUS.len()]].concat();
        let source = match self.source {
            Source::Measured => "by the time of what is done",
            Source::Table => "by a table of estimates for one H200; nothing was measured here",
        };
        format!(
            "{}longest trial: {}, {} h\n{}{source}\n",
            columns(&rows, &sides),
            self.longest_trial,
            few_digits(self.longest_hours),
            columns(&on, &on_sides),
        )
    }
}

impl Left {
    fn add(&mut self, left: &TrialLeft<'_>, seconds: f64) {
        self.trials += 1;
        self.cells += left.n_cells;
        self.images += left.n_images;
        self.steps = self.steps.saturating_add(left.n_steps);
        self.hours += seconds / 3600.0;
    }

    fn row(&self) -> Vec<String> {
        let Left { method, trials, cells, images, steps, hours } = self;
        let counts = [trials, cells, images, steps].map(|n| thousands(*n));
        [vec![method.clone()], counts.to_vec(), vec![few_digits(*hours)]].concat()
    }
}

/// The time of the last of so many GPUs.
fn makespan_ms(costs: &[u64], n_gpus: usize) -> u64 {
    let mut sums = vec![0_u64; n_gpus];
    for (cost, gpu) in costs.iter().zip(pack(costs, n_gpus)) {
        sums[gpu] = sums[gpu].saturating_add(*cost);
    }
    sums.into_iter().max().unwrap_or(0)
}

/// A number with a digit after the point where that tells something.
fn few_digits(hours: f64) -> String {
    match hours {
        hours if hours < 0.995 => format!("{hours:.2}"),
        hours if hours < 99.95 => format!("{hours:.1}"),
        hours => thousands(hours.round() as usize),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_trial_bounds_what_many_gpus_help() {
        let costs = [9, 5, 4, 3, 3];
        assert_eq!([1, 2, 3, 32].map(|n| makespan_ms(&costs, n)), [24, 12, 9, 9]);
    }

    #[test]
    fn hours_have_the_digits_that_tell_something() {
        assert_eq!(
            [0.0, 0.25, 7.46, 438.2, 12_345.6].map(few_digits).join(" "),
            "0.00 0.25 7.5 438 12,346"
        );
    }
}
