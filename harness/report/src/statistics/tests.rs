//! Every formula against reference values, and at its edges.
//!
//! `reference.json` was printed by `tests/python/statistics_reference.py` (scipy, statsmodels).

use serde_json::Value;

use super::*;

fn reference(name: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("reference.json")).unwrap();
    let rows = all[name].as_array().unwrap().clone();
    assert!(!rows.is_empty(), "no reference values of {name}");
    rows
}

fn float(row: &Value, key: &str) -> f64 {
    row[key].as_f64().unwrap()
}

fn count(row: &Value, key: &str) -> usize {
    row[key].as_u64().unwrap() as usize
}

fn floats(row: &Value, key: &str) -> Vec<f64> {
    row[key].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
}

fn level(row: &Value) -> Level {
    Level::new(float(row, "alpha")).unwrap()
}

fn pairs(row: &Value) -> PairCounts {
    PairCounts::new(count(row, "n"), count(row, "worse"), count(row, "better")).unwrap()
}

fn assert_close(found: f64, expected: f64, tolerance: f64, of: &Value) {
    assert!((found - expected).abs() <= tolerance, "{found}, expected {expected}: {of}");
}

fn assert_ends(found: Interval, row: &Value, tolerance: f64) {
    let expected = floats(row, "ends");
    assert_close(found.lower, expected[0], tolerance, row);
    assert_close(found.upper, expected[1], tolerance, row);
}

#[test]
fn squared_distances_give_newcombes_interval() {
    // Newcombe 1998, example a: 56 of 70 less 48 of 80, method 10: 0.0524 to 0.3339. A mean is half of a sum.
    let wilson = |n_right, n| Proportion::new(n_right, n).unwrap().wilson_pct(Level::FIVE_PERCENT);
    let (one, other) = (wilson(56, 70), wilson(48, 80));
    let minus = Interval { lower: -other.upper, upper: -other.lower };
    let part = |estimate, interval, images| Part { estimate, interval, images };
    let found = square_and_add(&[part(80.0, one, "a"), part(-60.0, minus, "b")]).unwrap();
    assert!((2.0 * found.lower - 5.24).abs() < 0.005 && (2.0 * found.upper - 33.39).abs() < 0.005);
    // On the same images nothing is known of how they vary together: distances are added as they are.
    let same = square_and_add(&[part(80.0, one, "a"), part(80.0, one, "a")]).unwrap();
    assert!((same.lower - one.lower).abs() < 1e-9 && (same.upper - one.upper).abs() < 1e-9);
    assert_eq!(square_and_add(&[]), None);
}

#[test]
fn wilsons_interval_is_that_of_statsmodels() {
    for row in reference("wilson") {
        let proportion = Proportion::new(count(&row, "right"), count(&row, "n")).unwrap();
        assert_ends(proportion.wilson_pct(level(&row)), &row, 1e-9);
    }
}

#[test]
fn mean_spread_and_t_interval_are_those_of_scipy() {
    for row in reference("seeds") {
        let values = SeedValues::new(floats(&row, "values")).unwrap();
        assert_close(values.mean(), float(&row, "mean"), 1e-12, &row);
        assert_close(values.sd().unwrap(), float(&row, "sd"), 1e-12, &row);
        assert_ends(values.t_interval(level(&row)).unwrap(), &row, 1e-7);
    }
}

#[test]
fn mcnemars_p_values_are_those_of_statsmodels() {
    for row in reference("mcnemar") {
        let found = mcnemar(pairs(&row));
        assert_close(found.exact.get(), float(&row, "exact"), 1e-10, &row);
        assert_close(found.mid_p.get(), float(&row, "mid_p"), 1e-10, &row);
    }
}

#[test]
fn tangos_interval_solves_its_equation() {
    for row in reference("tango") {
        assert_ends(pairs(&row).score_interval_points(level(&row)), &row, 1e-5);
    }
}

#[test]
fn holms_adjustment_is_that_of_statsmodels() {
    for row in reference("holm") {
        let p_values: Vec<_> =
            floats(&row, "p").into_iter().map(|p| Probability::new(p).unwrap()).collect();
        for (found, expected) in holm(&p_values).iter().zip(floats(&row, "adjusted")) {
            assert_close(found.get(), expected, 1e-12, &row);
        }
    }
    assert_eq!(holm(&[]), []);
}

#[test]
fn the_detectable_change_solves_connors_equation() {
    for row in reference("detectable") {
        let design = Design {
            n: count(&row, "n"),
            discordance: Discordance::new(float(&row, "discordance")).unwrap(),
            level: level(&row),
            power: Probability::new(float(&row, "power")).unwrap(),
        };
        let found = minimum_detectable_change(design).unwrap();
        assert_close(found, float(&row, "points"), 1e-9, &row);
    }
}

/// The cells of a reference row, all of the same fine-tunes or each of its own.
fn bootstrap_of(row: &Value) -> Bootstrap {
    let tables = row["cells"].as_array().unwrap();
    let cells: Vec<Scores> = tables.iter().map(scores_of).collect();
    let names: Vec<String> = (0..cells.len()).map(|at| at.to_string()).collect();
    let shared = row["shared"].as_bool().unwrap();
    let cells: Vec<_> = cells
        .iter()
        .zip(&names)
        .map(|(scores, name)| AveragedCell {
            fine_tunes: if shared { "all" } else { name },
            images: name,
            scores,
        })
        .collect();
    Bootstrap::new(&Average::new(&cells).unwrap(), plan(level(row)))
}

fn plan(level: Level) -> BootstrapPlan<'static> {
    BootstrapPlan { level, seed: 1, name: "a" }
}

/// Verdicts that change as a table of −1, 0 and 1, seeds by images, tells.
fn scores_of(table: &Value) -> Scores {
    let rows: Vec<Vec<i64>> = serde_json::from_value(table.clone()).unwrap();
    let verdicts = |row: &Vec<i64>, right: i64| {
        Verdicts::new(row.iter().enumerate().map(|(at, &change)| (at, change == right))).unwrap()
    };
    let runs: Vec<_> = rows.iter().map(|row| (verdicts(row, -1), verdicts(row, 1))).collect();
    let runs: Vec<_> =
        (1..).zip(&runs).map(|(seed, (before, after))| (seed, before, after)).collect();
    Scores::of_change(&runs).unwrap()
}

#[test]
fn the_bootstrap_is_that_of_whole_rows() {
    for row in reference("bootstrap") {
        let found = bootstrap_of(&row);
        let error = float(&row, "standard_error");
        assert_close(found.mean_pct, float(&row, "mean"), 1e-9, &row);
        // The reference has 40,000 resamples: its standard error is good to about 0.4 %, an end to 1.5 %.
        assert_close(found.standard_error, error, 0.02 * error, &row);
        let lattice = 100.0 / 48.0 / row["cells"][0].as_array().unwrap().len() as f64;
        let lattice = lattice / row["cells"].as_array().unwrap().len() as f64;
        assert_ends(found.interval, &row, 0.06 * error + lattice);
    }
}

#[test]
fn the_same_plan_gives_the_same_resamples_and_another_name_others() {
    let row = &reference("bootstrap")[1];
    let scores = scores_of(&row["cells"][0]);
    let cell = AveragedCell { fine_tunes: "a", images: "a", scores: &scores };
    let average = Average::new(&[cell]).unwrap();
    let first = plan(Level::FIVE_PERCENT);
    let other = BootstrapPlan { name: "b", ..first };
    let drawn = [first, first, other].map(|plan| Bootstrap::drawn(&average, plan));
    assert_eq!(drawn[0], drawn[1]);
    assert_ne!(drawn[0].standard_error, drawn[2].standard_error);
    // What is worked out has no stream.
    let [one, another] = [first, other].map(|plan| Bootstrap::new(&average, plan));
    assert_eq!(one, another);
    assert_eq!(one.end_error, 0.0);
}

#[test]
fn cells_of_the_same_images_vary_together() {
    let table = serde_json::json!([vec![1; 24].into_iter().chain(vec![0; 24]).collect::<Vec<_>>()]);
    let scores = scores_of(&table);
    let cell = |fine_tunes, images| AveragedCell { fine_tunes, images, scores: &scores };
    let error = |cells: &[AveragedCell<'_>]| {
        let average = Average::new(cells).unwrap();
        Bootstrap::new(&average, plan(Level::FIVE_PERCENT)).standard_error
    };
    let one = error(&[cell("a", "x")]);
    let same = error(&[cell("a", "x"), cell("b", "x")]);
    let apart = error(&[cell("a", "x"), cell("b", "y")]);
    assert!((same / one - 1.0).abs() < 1e-9, "{same} of {one}");
    assert!((apart / one - 0.5f64.sqrt()).abs() < 1e-9, "{apart} of {one}");
}

#[test]
fn no_change_has_no_bootstrapped_width_and_a_p_value_of_one() {
    let scores = scores_of(&serde_json::json!([[0, 0, 0], [0, 0, 0]]));
    let cell = AveragedCell { fine_tunes: "a", images: "a", scores: &scores };
    let found = Bootstrap::new(&Average::new(&[cell]).unwrap(), plan(Level::FIVE_PERCENT));
    assert_eq!(found.interval, Interval { lower: 0.0, upper: 0.0 });
    assert_eq!(found.p_no_change.get(), 1.0);
    let interval = scores.pairs().score_interval_points(Level::FIVE_PERCENT);
    assert!(30.0 < interval.half_width(), "the score interval keeps its width: {interval:?}");
}

#[test]
fn what_is_no_number_or_not_there_is_refused_at_the_door() {
    for bad in [f64::NAN, f64::INFINITY, -0.1, 1.1] {
        assert!(Level::new(bad).is_err() && Probability::new(bad).is_err(), "{bad}");
        assert!(Discordance::new(bad).is_err(), "{bad}");
    }
    assert!(Level::new(0.0).is_err() && Discordance::new(0.0).is_err());
    let nan = SeedValues::new(vec![1.0, f64::NAN]).unwrap_err();
    assert_eq!(nan.to_string(), "value 1 is NaN, expected a finite number");
    let empty = [
        SeedValues::new(Vec::new()).err(),
        Proportion::new(0, 0).err(),
        PairCounts::new(0, 0, 0).err(),
        Verdicts::new([]).err(),
        Scores::of_accuracy(&[]).err(),
        Average::new(&[]).err(),
    ];
    let found = empty.map(|error| error.unwrap().to_string());
    let images = "there are no images";
    let expected =
        ["there are no seeds", images, images, images, "there are no seeds", "there are no cells"];
    assert_eq!(found, expected);
    assert!(Proportion::new(3, 2).is_err() && PairCounts::new(3, 2, 2).is_err());
}

#[test]
fn one_seed_has_a_mean_and_no_spread() {
    let one = SeedValues::new(vec![70.0]).unwrap();
    assert_eq!((one.mean(), one.sd(), one.t_interval(Level::FIVE_PERCENT)), (70.0, None, None));
}

#[test]
fn only_verdicts_on_the_same_images_are_compared() {
    let verdicts = |images: &[usize]| Verdicts::new(images.iter().map(|&at| (at, true)));
    let twice = verdicts(&[3, 1, 3]).unwrap_err();
    assert_eq!(twice.to_string(), "image 3 has more than one verdict");
    let (long, short) = (verdicts(&[2, 0, 1]).unwrap(), verdicts(&[0, 5]).unwrap());
    let unlike = Scores::of_change(&[(1, &long, &short)]).unwrap_err();
    let expected = "the images of seed 1 differ: 3 expected, 2 found, 1 shared";
    assert_eq!(unlike.to_string(), expected);
    assert!(Scores::of_accuracy(&[(1, long.clone()), (2, short)]).is_err());
    let repeated = Scores::of_accuracy(&[(7, long.clone()), (7, long)]).unwrap_err();
    assert_eq!(repeated.to_string(), "seed 7 is there more than once");
}

#[test]
fn an_average_gives_every_cell_the_same_weight() {
    let short =
        Scores::of_accuracy(&[(1, Verdicts::new([(0, true), (1, true)]).unwrap())]).unwrap();
    let long = Verdicts::new((0..8).map(|at| (at, at < 2))).unwrap();
    let long = Scores::of_accuracy(&[(1, long.clone()), (2, long)]).unwrap();
    let cell = |name, scores| AveragedCell { fine_tunes: name, images: name, scores };
    let average = Average::new(&[cell("short", &short), cell("long", &long)]).unwrap();
    assert_eq!(average.mean_pct(), (100.0 + 25.0) / 2.0);
    assert_eq!((average.n_cells(), average.n_images(), average.fewest_seeds()), (2, 10, 1));
    assert_eq!((short.mean_pct(), long.mean_pct()), (100.0, 25.0));
    let unlike = [cell("one", &short), cell("one", &long)];
    let error = Average::new(&unlike).unwrap_err().to_string();
    assert_eq!(error, "the seeds of `one` differ between cells of one average");
}

#[test]
fn a_change_too_small_for_its_images_is_not_called_detectable() {
    let design = |n, discordance| Design {
        n,
        discordance: Discordance::new(discordance).unwrap(),
        level: Level::FIVE_PERCENT,
        power: Probability::new(0.8).unwrap(),
    };
    assert_eq!(minimum_detectable_change(design(48, 0.02)), None);
    assert_eq!(minimum_detectable_change(design(0, 0.5)), None);
    assert!(minimum_detectable_change(design(48, 0.2)).is_some());
    let never = PairCounts::new(48, 0, 0).unwrap();
    assert_eq!(Discordance::seen(never).get(), 0.02);
}

#[test]
fn a_change_under_one_seed_is_bounded_as_its_pairs_and_under_several_by_t_as_well() {
    for row in reference("bootstrap").iter().take(2) {
        let scores = scores_of(&row["cells"][0]);
        let cell = AveragedCell { fine_tunes: "a", images: "a", scores: &scores };
        let change = Change::of(&Average::new(&[cell]).unwrap());
        let level = Level::FIVE_PERCENT;
        match scores.by_seed_pct().t_interval(level) {
            None => {
                let (found, of_pairs) =
                    (change.interval_points(level), scores.pairs().score_interval_points(level));
                assert_close(found.lower, of_pairs.lower, 1e-9, row);
                assert_close(found.upper, of_pairs.upper, 1e-9, row);
            }
            Some(over_seeds) => {
                let reach = change.reach_above(level.shared_by(2));
                assert_close(reach.seeds, over_seeds.half_width(), 1e-9, row);
                assert!(0.0 < reach.images && reach.seeds < reach.whole());
            }
        }
    }
}

#[test]
fn a_change_of_so_many_standard_errors_is_detectable() {
    // scipy: norm.isf(0.025) + norm.isf(0.2), norm.isf(0.005) + norm.isf(0.1)
    let detectable = |error, level, power| {
        let (level, power) = (Level::new(level).unwrap(), Probability::new(power).unwrap());
        detectable_by_error(error, level, power)
    };
    assert!((detectable(1.0, 0.05, 0.8) - 2.801585218).abs() < 1e-8);
    assert!((detectable(2.5, 0.01, 0.9) - 2.5 * 3.857380869).abs() < 1e-7);
    assert_eq!(detectable(0.0, 0.05, 0.8), 0.0);
}

#[test]
fn a_change_that_goes_one_way_is_detectable_from_connors_equation_at_its_own_discordance() {
    let power = Probability::new(0.8).unwrap();
    for n in [16, 48, 528, 1692] {
        let points = detectable_one_way(n, Level::FIVE_PERCENT, power).unwrap();
        // A little more, so that rounding does not leave too few images for the change.
        let discordance = Discordance::new(points / 100.0 * (1.0 + 1e-9)).unwrap();
        let design = Design { n, discordance, level: Level::FIVE_PERCENT, power };
        let by_connor = minimum_detectable_change(design).unwrap();
        assert!((by_connor - points).abs() < 1e-6, "{n}: {by_connor}, {points}");
    }
    // scipy: brentq(lambda d: sqrt(48 d) - 1.9599639845 - 0.8416212336 sqrt(1 - d), 0, 1)
    let of_48 = detectable_one_way(48, Level::FIVE_PERCENT, power).unwrap();
    assert!((of_48 - 15.564650176).abs() < 1e-6, "{of_48}");
    assert_eq!(detectable_one_way(3, Level::FIVE_PERCENT, power), None);
}
