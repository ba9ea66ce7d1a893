//! How long the suite `few-shot` takes on so many GPUs, and what is lost where they are killed at random.
//!
//! usage: cargo bench --profile dev -p clsrl-runner --bench simulate
//!
//! Trials take what the table of costs says, the longest that waits begins first. A killed GPU comes back after five
//! minutes; its trial waits before all others, and begins at its last checkpoint or anew. Nothing here was measured.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
    error::Error,
    io::{self, Write},
    path::Path,
};

use clsrl_runner::cost_ms;
use clsrl_spec::{Selection, Stream, Suite, plan};

const HOUR: u64 = 3_600_000;

/// How long a GPU is away that was killed.
const AWAY: u64 = HOUR / 12;

/// How often the middle of a trial is kept.
const EVERY: u64 = HOUR / 3;

/// One kill in so many hours of a GPU, on the mean.
const KILLED_EVERY: [u64; 3] = [168, 24, 6];

const N_GPUS: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];

/// What became of a grid.
#[derive(Default)]
struct Outcome {
    makespan: u64,
    lost: u64,
    n_kills: usize,
}

/// A grid on so many GPUs, each killed at random times if it is.
struct Grid<'a> {
    costs: &'a [u64],
    n_gpus: usize,
    killed_every: Option<u64>,
    keeps_every: Option<u64>,
}

impl Grid<'_> {
    fn simulate(&self) -> Outcome {
        let mut chance = Stream::new(1, &["simulation"]);
        let mut next_kill = |from: u64| {
            let mean = self.killed_every? * HOUR;
            // A number above zero and at most one.
            let share = (1 + chance.below(1 << 30)) as f64 / (1_u64 << 30) as f64;
            Some(from + (-share.ln() * mean as f64) as u64)
        };
        let mut order = self.costs.to_vec();
        order.sort_unstable_by_key(|&cost| Reverse(cost));
        // What is left of each trial that waits, and since when it does.
        let mut waiting: VecDeque<(u64, u64)> = order.into_iter().map(|cost| (cost, 0)).collect();
        let mut outcome = Outcome::default();
        // When GPUs become free, the soonest first.
        let mut free: BinaryHeap<Reverse<(u64, usize)>> =
            (0..self.n_gpus).map(|gpu| Reverse((0, gpu))).collect();
        let mut kills: Vec<Option<u64>> = (0..self.n_gpus).map(|_| next_kill(0)).collect();
        while let Some(Reverse((idle_since, gpu))) = free.pop() {
            // The first that waits by then, else the one that does soonest.
            let at = waiting.iter().position(|&(_, since)| since <= idle_since);
            let soonest = || (0..waiting.len()).min_by_key(|&at| waiting[at].1);
            let taken = at.or_else(soonest).and_then(|at| waiting.remove(at));
            let Some((left, since)) = taken else { break };
            let now = idle_since.max(since);
            // Kills of a GPU that had nothing to do harm nobody.
            while kills[gpu].is_some_and(|kill| kill < now) {
                kills[gpu] = next_kill(now);
            }
            match kills[gpu].filter(|&kill| kill < now + left) {
                None => {
                    outcome.makespan = outcome.makespan.max(now + left);
                    free.push(Reverse((now + left, gpu)));
                }
                Some(kill) => {
                    let done = kill - now;
                    let kept = self.keeps_every.map_or(0, |every| done / every * every);
                    outcome.lost += done - kept;
                    outcome.n_kills += 1;
                    waiting.push_front((left - kept, kill));
                    free.push(Reverse((kill + AWAY, gpu)));
                    kills[gpu] = next_kill(kill + AWAY);
                }
            }
        }
        outcome
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let suites = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../suites");
    let read = |name: &str| {
        clsrl_files::read_to_string(&suites.join(name), clsrl_files::limit::SETTINGS)
            .map_err(|error| error.to_string())
    };
    let protocols = |name: &str| read(&format!("protocols/{name}.toml"));
    let suite = Suite::parse(&read("few-shot.toml")?, "few-shot.toml", &protocols)
        .map_err(|error| format!("{error:?}"))?;
    let trials = plan(&suite, &Selection::default()).map_err(|error| format!("{error:?}"))?;
    let costs: Vec<u64> = trials.iter().map(cost_ms).collect();
    let hours = |ms: u64| ms as f64 / HOUR as f64;
    let mut text = format!(
        "{} trials, {:.0} hours of one GPU, the longest {:.1}, by a table of estimates.\n\n\
         | GPUs | hours | one kill in | kills | lost hours | hours | lost with checkpoints | hours |\n\
         |---:|---:|---:|---:|---:|---:|---:|---:|\n",
        costs.len(),
        hours(costs.iter().sum()),
        hours(costs.iter().copied().max().unwrap_or(0)),
    );
    for n_gpus in N_GPUS {
        let grid = |killed_every, keeps_every| {
            Grid { costs: &costs, n_gpus, killed_every, keeps_every }.simulate()
        };
        let undisturbed = hours(grid(None, None).makespan);
        for every in KILLED_EVERY {
            // Where most trials are longer than the time between two kills, nothing but checkpoints ends them.
            let (without, with) = (grid(Some(every), None), grid(Some(every), Some(EVERY)));
            text += &format!(
                "| {n_gpus} | {undisturbed:.1} | {every} h | {} | {:.1} | {:.1} | {:.1} | {:.1} |\n",
                without.n_kills,
                hours(without.lost),
                hours(without.makespan),
                hours(with.lost),
                hours(with.makespan),
            );
        }
    }
    io::stdout().write_all(text.as_bytes())?;
    Ok(())
}
