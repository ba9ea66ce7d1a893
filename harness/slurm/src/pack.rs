//! Trials into tasks that fit a time limit, and tasks into arrays that fit a site's.

use std::{cmp::Reverse, time::Duration};

/// How much longer than expected a trial may take.
const MARGIN: f64 = 1.25;

/// The share of a time limit that is given away.
const SHARE: f64 = 0.95;

/// Trials in tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// The trials of each task by their index, the longest first.
    pub tasks: Vec<Vec<usize>>,
    /// The trials that may not end within one task's time, by their index.
    pub too_long: Vec<usize>,
}

/// Packs trials of these seconds into as few tasks as fit the time limit, or into so many if a number is given, where
/// each task has so many slots.
pub fn pack_tasks(
    seconds: &[f64],
    limit: Duration,
    n_slots: usize,
    n_tasks: Option<usize>,
) -> Packed {
    let room = limit.as_secs_f64() * SHARE / MARGIN;
    let too_long: Vec<usize> = (0..seconds.len()).filter(|&idx| room < seconds[idx]).collect();
    let mut order: Vec<usize> = (0..seconds.len()).collect();
    order.sort_by(|&a, &b| seconds[b].total_cmp(&seconds[a]).then(a.cmp(&b)));
    let mut tasks: Vec<(f64, Vec<usize>)> = Vec::new();
    if let Some(n_tasks) = n_tasks {
        tasks = vec![(0.0, Vec::new()); n_tasks.clamp(1, seconds.len().max(1))];
    }
    let room = room * n_slots.max(1) as f64;
    for idx in order {
        let fits = match n_tasks {
            // The emptiest, whatever the limit.
            Some(_) => tasks.iter_mut().min_by(|a, b| a.0.total_cmp(&b.0)),
            // The first with room.
            None => tasks.iter_mut().find(|(sum, _)| sum + seconds[idx] <= room),
        };
        match fits {
            Some((sum, task)) => {
                *sum += seconds[idx];
                task.push(idx);
            }
            None => tasks.push((seconds[idx], vec![idx])),
        }
    }
    // What takes longest starts first, if not everything can start at once.
    tasks.sort_by_key(|(sum, task)| (Reverse((sum * 1e3) as u64), task.first().copied()));
    let tasks = tasks.into_iter().map(|(_, task)| task).filter(|task| !task.is_empty());
    Packed { tasks: tasks.collect(), too_long }
}

/// Cuts so many tasks into arrays of at most so many: the first task of each, and their number.
pub fn arrays(n_tasks: usize, max_elements: usize) -> Vec<(usize, usize)> {
    let max_elements = max_elements.max(1);
    let firsts = (0..n_tasks).step_by(max_elements);
    firsts.map(|first| (first, max_elements.min(n_tasks - first))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn tasks_fit_the_limit_with_a_margin_and_the_longest_come_first() {
        // Room for 2,736 seconds.
        let packed = pack_tasks(&[1000.0, 500.0, 2700.0, 1700.0, 36.0], HOUR, 1, None);
        assert_eq!(packed.tasks, [vec![2, 4], vec![3, 0], vec![1]]);
        assert!(packed.too_long.is_empty());
        let two_slots = pack_tasks(&[1000.0, 500.0, 2700.0, 1700.0, 36.0], HOUR, 2, None);
        assert_eq!(two_slots.tasks, [vec![2, 3, 0, 4], vec![1]]);
    }

    #[test]
    fn a_trial_that_no_task_can_end_is_told_and_has_one_for_itself() {
        let packed = pack_tasks(&[10.0, 9000.0, 2736.0], HOUR, 1, None);
        assert_eq!(packed.tasks, [vec![1], vec![2], vec![0]]);
        assert_eq!(packed.too_long, [1]);
    }

    #[test]
    fn a_number_of_tasks_is_kept_and_shared_evenly() {
        let seconds = [5.0, 4.0, 3.0, 3.0, 3.0];
        let packed = pack_tasks(&seconds, HOUR, 1, Some(2));
        assert_eq!(packed.tasks, [vec![1, 2, 4], vec![0, 3]]);
        assert_eq!(pack_tasks(&seconds, HOUR, 1, Some(100)).tasks.len(), 5, "none is empty");
        assert!(pack_tasks(&[], HOUR, 1, Some(3)).tasks.is_empty());
    }

    #[test]
    fn every_trial_is_in_one_task() {
        let seconds: Vec<f64> = (0..496).map(|n| f64::from(n * 7919 % 27_000)).collect();
        for (limit, n_tasks) in [(8, None), (24, None), (4, None), (8, Some(16))] {
            let packed = pack_tasks(&seconds, HOUR * limit, 1, n_tasks);
            let mut all: Vec<usize> = packed.tasks.concat();
            all.sort_unstable();
            assert_eq!(all, (0..496).collect::<Vec<_>>());
        }
    }

    #[test]
    fn arrays_have_at_most_the_sites_number_of_elements() {
        assert_eq!(arrays(71, 1001), [(0, 71)]);
        assert_eq!(arrays(250, 100), [(0, 100), (100, 100), (200, 50)]);
        assert_eq!(arrays(0, 100), []);
    }
}
