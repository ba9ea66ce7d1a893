//! The worked-out distribution against every resample there is, and against many that are drawn.

use super::*;
use crate::statistics::{
    AveragedCell, Bootstrap, BootstrapPlan, Interval, Level, Scores, Verdicts,
};

const N_PLACES: usize = 1 << 14;

/// A cell: names of its fine-tunes and images, and its changes of −1, 0 and 1, seeds by images.
type Cell<'a> = (&'a str, &'a str, Vec<Vec<i8>>);

fn average(cells: &[Cell<'_>]) -> Average {
    let scores: Vec<Scores> = cells.iter().map(|(_, _, rows)| scores(rows)).collect();
    let cells = cells.iter().zip(&scores).map(|((fine_tunes, images, _), scores)| AveragedCell {
        fine_tunes,
        images,
        scores,
    });
    Average::new(&cells.collect::<Vec<_>>()).unwrap()
}

fn scores(rows: &[Vec<i8>]) -> Scores {
    let verdicts = |row: &Vec<i8>, right: i8| {
        Verdicts::new(row.iter().enumerate().map(|(at, &change)| (at, change == right))).unwrap()
    };
    let runs: Vec<_> = rows.iter().map(|row| (verdicts(row, -1), verdicts(row, 1))).collect();
    let runs: Vec<_> = (1..).zip(&runs).map(|(seed, (old, new))| (seed, old, new)).collect();
    Scores::of_change(&runs).unwrap()
}

/// All ways of drawing `n` of `n` with replacement, each as often as it happens.
fn draws(n: usize) -> Vec<Vec<usize>> {
    (0..n.pow(n as u32))
        .map(|number| {
            let mut times = vec![0; n];
            (0..n).for_each(|place| times[number / n.pow(place as u32) % n] += 1);
            times
        })
        .collect()
}

/// The means of all resamples there are, sorted.
fn all_means(average: &Average) -> Vec<f64> {
    let mut seeds: Vec<Vec<Vec<usize>>> = vec![Vec::new()];
    for &n in &average.n_seeds {
        let with = |times: &Vec<Vec<usize>>, drawn| [times.clone(), vec![drawn]].concat();
        seeds = seeds
            .iter()
            .flat_map(|times| draws(n).into_iter().map(|drawn| with(times, drawn)))
            .collect();
    }
    let mut means = Vec::new();
    for times in &seeds {
        let mut sums = vec![0.0];
        for target in &average.targets {
            let weights = average.weights(target, times);
            // Images of one kind stand side by side.
            let kinds: Vec<usize> = target
                .patterns
                .iter()
                .enumerate()
                .flat_map(|(kind, (_, n))| vec![kind; *n])
                .collect();
            let of_draw = |drawn: Vec<usize>| {
                let mut times = vec![0; target.patterns.len()];
                drawn.iter().zip(&kinds).for_each(|(n, kind)| times[*kind] += n);
                target.mean(&times, &weights)
            };
            let own: Vec<f64> = draws(target.n_images).into_iter().map(of_draw).collect();
            sums = sums.iter().flat_map(|sum| own.iter().map(move |own| sum + own)).collect();
        }
        means.extend(sums.iter().map(|mean| 100.0 * mean));
    }
    means.sort_by(f64::total_cmp);
    means
}

fn check_against_all(cells: &[Cell<'_>]) {
    let average = average(cells);
    let distribution = Distribution::of(&average, N_PLACES).unwrap();
    assert_eq!(distribution.error, 0.0);
    assert!((distribution.masses.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    let all = all_means(&average);
    let n = all.len() as f64;
    for share in [0.0101, 0.025, 0.1, 0.333, 0.5, 0.9, 0.975] {
        // The first value that is not below so many of all.
        let rank = (share * n).ceil() as usize - 1;
        let (lower, upper) = (all[rank], all[all.len() - 1 - rank]);
        assert!((distribution.lower(share) - lower).abs() < 1e-9, "{share} of {cells:?}");
        assert!((distribution.upper(share) - upper).abs() < 1e-9, "{share} of {cells:?}");
    }
    let mean = all.iter().sum::<f64>() / n;
    let deviation = (all.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n).sqrt();
    assert!((distribution.deviation() - deviation).abs() < 1e-9);
    let share =
        |is_in: &dyn Fn(f64) -> bool| all.iter().filter(|&&value| is_in(value)).count() as f64 / n;
    let (below, above) = distribution.beyond_zero();
    assert!((below - share(&|value| value < 1e-9)).abs() < 1e-12);
    assert!((above - share(&|value| -1e-9 < value)).abs() < 1e-12);
}

#[test]
fn all_resamples_of_one_seed_are_counted() {
    check_against_all(&[("a", "x", vec![vec![1, 0, -1, 1, 0]])]);
    check_against_all(&[("a", "x", vec![vec![1, 1, 0]]), ("b", "y", vec![vec![-1, 0, 0, 1]])]);
    check_against_all(&[("a", "x", vec![vec![0, 0, 0]])]);
}

#[test]
fn all_resamples_of_several_seeds_are_counted() {
    let two = vec![vec![1, 0, -1], vec![1, 1, 0]];
    check_against_all(&[("a", "x", two.clone())]);
    check_against_all(&[("a", "x", vec![vec![1, 0, -1], vec![0, 1, 0], vec![1, 1, 1]])]);
    check_against_all(&[("a", "x", two.clone()), ("b", "y", vec![vec![0, 1]])]);
}

#[test]
fn what_is_shared_is_drawn_once() {
    let (one, two) = (vec![vec![1, 0, -1], vec![1, 1, 0]], vec![vec![0, 0, 1], vec![-1, 1, 1]]);
    // The same fine-tunes on two targets, two on one target, and two on two.
    check_against_all(&[("a", "x", one.clone()), ("a", "y", two.clone())]);
    check_against_all(&[("a", "x", one.clone()), ("b", "x", two.clone())]);
    check_against_all(&[
        ("a", "x", one.clone()),
        ("a", "y", vec![vec![1], vec![0]]),
        ("b", "x", two),
    ]);
}

/// Scores that differ by seed and image, as if drawn.
fn mixed(n_seeds: usize, n_images: usize, salt: usize) -> Vec<Vec<i8>> {
    let score =
        |seed: usize, at: usize| match (at * 7919 + seed * 104_729 / (1 + at % 3) + salt * 31) % 17
        {
            0..6 => 1,
            6..9 => -1,
            _ => 0,
        };
    (0..n_seeds).map(|seed| (0..n_images).map(|at| score(seed, at)).collect()).collect()
}

#[test]
fn drawn_resamples_agree_with_the_worked_out_distribution() {
    let cells: Vec<Vec<Cell<'_>>> = vec![
        vec![("a", "x", mixed(1, 48, 1)), ("b", "y", mixed(1, 48, 2))],
        vec![("a", "x", mixed(3, 48, 3)), ("b", "y", mixed(3, 36, 4)), ("c", "z", mixed(2, 50, 5))],
        vec![("a", "x", mixed(3, 61, 6)), ("a", "y", mixed(3, 97, 7)), ("a", "z", mixed(3, 89, 8))],
        // Sizes of targets without a common multiple within reach.
        vec![
            ("a", "x", mixed(2, 1692, 9)),
            ("b", "y", mixed(2, 2463, 10)),
            ("c", "z", mixed(1, 3783, 11)),
        ],
    ];
    for cells in cells {
        let average = average(&cells);
        let plan = BootstrapPlan { level: Level::FIVE_PERCENT, seed: 1, name: "drawn" };
        let (worked_out, drawn) =
            (Bootstrap::new(&average, plan), Bootstrap::drawn(&average, plan));
        let near = drawn.end_error + worked_out.end_error + 1e-9;
        let ends = |interval: Interval| [interval.lower, interval.upper];
        for (a, b) in ends(worked_out.interval).iter().zip(ends(drawn.interval)) {
            assert!((a - b).abs() <= near, "{worked_out:?}, {drawn:?}");
        }
        assert!((worked_out.standard_error / drawn.standard_error - 1.0).abs() < 0.05);
    }
}

#[test]
fn more_places_move_no_end_by_more_than_was_said() {
    let cells = [
        ("a", "x", mixed(1, 1692, 1)),
        ("b", "y", mixed(1, 2463, 2)),
        ("c", "z", mixed(1, 3783, 3)),
    ];
    let average = average(&cells);
    let [coarse, fine] = [1 << 8, 1 << 16].map(|n| Distribution::of(&average, n).unwrap());
    assert!(0.0 < fine.error && fine.error < coarse.error / 100.0);
    for share in [0.025, 0.5, 0.975] {
        let near = coarse.error + fine.error;
        assert!((coarse.lower(share) - fine.lower(share)).abs() <= near, "{share}");
        assert!((coarse.upper(share) - fine.upper(share)).abs() <= near, "{share}");
    }
}

#[test]
fn ways_of_drawing_seeds_are_all_there_are() {
    for n in 1..=5 {
        let ways = ways_of_seeds(n).unwrap();
        assert!((ways.iter().map(|(probability, _)| probability).sum::<f64>() - 1.0).abs() < 1e-12);
        for (probability, times) in ways {
            let seen = draws(n).iter().filter(|drawn| **drawn == times).count() as f64;
            assert!((probability - seen / (n as f64).powi(n as i32)).abs() < 1e-12, "{times:?}");
        }
    }
    assert!(ways_of_seeds(MAX_SEEDS + 1).is_none());
}
