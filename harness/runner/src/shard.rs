//! Shards: a plan in so many parts, the same on every machine.
//!
//! Trials are packed the longest first, each into the shard that has the least so far, by the table of [`cost_ms`] and
//! by nothing that a machine measured or has done. So `2/8` names the same trials everywhere and on every try.

use std::{cmp::Reverse, fmt, str::FromStr};

use clsrl_spec::Trial;

use crate::cost_ms;

/// The most shards of a plan.
const MAX_SHARDS: usize = 10_000;

/// One of so many shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Counted from 1.
    number: usize,
    of: usize,
}

impl Shard {
    /// The trials of this shard, in the order of the plan.
    pub fn select(self, plan: &[Trial]) -> Vec<Trial> {
        let costs: Vec<u64> = plan.iter().map(cost_ms).collect();
        let shards = pack(&costs, self.of);
        let own = plan.iter().zip(shards).filter(|(_, shard)| *shard == self.number - 1);
        own.map(|(trial, _)| trial.clone()).collect()
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/');
        let numbers = parts.and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
        match numbers {
            Some((number, of)) if (1..=of).contains(&number) && of <= MAX_SHARDS => {
                Ok(Shard { number, of })
            }
            _ => Err(format!("expected K/N with K from 1 to N, and N at most {MAX_SHARDS}")),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

/// The bin of every item, packed the most expensive first into the emptiest bin.
pub fn pack(costs: &[u64], n_bins: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..costs.len()).collect();
    order.sort_by_key(|&idx| (Reverse(costs[idx]), idx));
    let mut sums = vec![0_u64; n_bins.max(1)];
    let mut bins = vec![0; costs.len()];
    for idx in order {
        let emptiest = (0..sums.len()).min_by_key(|&bin| (sums[bin], bin)).unwrap_or(0);
        sums[emptiest] = sums[emptiest].saturating_add(costs[idx]);
        bins[idx] = emptiest;
    }
    bins
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use clsrl_spec::{Selection, Suite, plan};

    use super::*;

    fn whole_plan(suite: &str) -> Vec<Trial> {
        let suites = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../suites");
        let read = |name: &str| fs::read_to_string(suites.join(name)).map_err(|e| e.to_string());
        let protocols = |name: &str| read(&format!("protocols/{name}.toml"));
        let name = format!("{suite}.toml");
        let suite = Suite::parse(&read(&name).unwrap(), &name, &protocols).unwrap();
        plan(&suite, &Selection::default()).unwrap()
    }

    #[test]
    fn the_shards_of_a_plan_have_every_trial_once_and_as_much_to_do() {
        let plan = whole_plan("few-shot");
        for of in [1, 2, 3, 8, 64] {
            let shards: Vec<Vec<Trial>> =
                (1..=of).map(|number| Shard { number, of }.select(&plan)).collect();
            let mut keys: Vec<String> = shards.iter().flatten().map(Trial::key).collect();
            keys.sort();
            let mut expected: Vec<String> = plan.iter().map(Trial::key).collect();
            expected.sort();
            assert_eq!(keys, expected, "{of} shards");
            let cost = |shard: &Vec<Trial>| shard.iter().map(cost_ms).sum::<u64>();
            let (least, most) = (shards.iter().map(cost).min(), shards.iter().map(cost).max());
            // Longest first is within a third of the best there is; here it is much nearer, but for the longest trial.
            let longest = plan.iter().map(cost_ms).max().unwrap();
            assert!(most.unwrap() <= least.unwrap() + longest, "{of} shards");
        }
    }

    /// A shard names the same trials in every release, or the machines of a run may not have the same program.
    #[test]
    fn a_shard_has_the_same_trials_as_ever() {
        let keys = |text: &str| {
            let shard: Shard = text.parse().unwrap();
            shard.select(&whole_plan("smoke")).iter().map(Trial::key).collect::<Vec<_>>()
        };
        let expected = [
            "zero-shot",
            "sft.caltech101.4shot.seed1",
            "sft.food101.4shot.seed1",
            "cls-rl.oxford_pets.4shot.seed1",
            "cls-rl.oxford_flowers.4shot.seed1",
            "cls-rl.fgvc_aircraft.4shot.seed1",
            "cls-rl.sun397.4shot.seed1",
            "cls-rl.ucf101.4shot.seed1",
            "no-thinking-cls-rl.imagenet.4shot.seed1",
            "no-thinking-cls-rl.caltech101.4shot.seed1",
            "no-thinking-cls-rl.oxford_pets.4shot.seed1",
            "no-thinking-cls-rl.stanford_cars.4shot.seed1",
            "no-thinking-cls-rl.oxford_flowers.4shot.seed1",
            "no-thinking-cls-rl.sun397.4shot.seed1",
            "no-thinking-cls-rl.dtd.4shot.seed1",
            "no-thinking-cls-rl.eurosat.4shot.seed1",
            "no-thinking-cls-rl.ucf101.4shot.seed1",
        ];
        assert_eq!(keys("2/2"), expected);
        assert_eq!(keys("1/2").len() + expected.len(), whole_plan("smoke").len());
    }

    #[test]
    fn what_is_no_shard_is_refused() {
        assert_eq!("2/8".parse::<Shard>().unwrap().to_string(), "2/8");
        for text in ["", "2", "0/8", "9/8", "1/0", "-1/8", "1/2/3", "1/10001", "a/b"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_most_expensive_is_packed_first_and_ties_go_by_order() {
        assert_eq!(pack(&[1, 5, 1, 5, 2], 2), [1, 0, 1, 1, 0]);
        assert_eq!(pack(&[3, 3, 3], 3), [0, 1, 2]);
        assert_eq!(pack(&[], 3), [0; 0]);
    }
}
