//! Estimates of made-up results, against the statistics that they are made of.

use clsrl_spec::{DatasetId, Form, MethodId, Prediction, PromptStyle, Seed};

use super::{change::Test, *};
use crate::{
    CellRow, DatasetOrder, SuiteVerdicts, TrialResults,
    made::{Grid, all_results, read},
    statistics::{
        Average, AveragedCell, Bootstrap, BootstrapPlan, Interval, Level, PairCounts, Proportion,
        Scores, SeedValues, Verdicts, holm, mcnemar,
    },
    summary::{Arm, Group, Score, Survey},
    verdicts::Repeats,
};

const TWO: [DatasetId; 2] = [DatasetId::ImageNet, DatasetId::Dtd];

const GRID: Grid<'_> = Grid {
    methods: &[MethodId::ZeroShot, MethodId::Sft, MethodId::NoThinkingClsRl],
    datasets: &TWO,
    shots: &[4],
    seeds: &[1, 2, 3],
};

fn repeats(method: MethodId, dataset: DatasetId) -> Repeats {
    let shots = if method == MethodId::ZeroShot { 0 } else { 4 };
    Arm::new(Group { method, shots }, Form::FewShot, PromptStyle::Direct).repeats(dataset, dataset)
}

fn against_zero_shot(method: MethodId, dataset: DatasetId) -> Contrast {
    Contrast { before: repeats(MethodId::ZeroShot, dataset), after: repeats(method, dataset) }
}

/// The estimates of results by the published score, as a test looks at them.
fn with<T>(
    grid: &Grid<'_>,
    change: impl FnOnce(&mut Vec<TrialResults>),
    reader: impl Fn(&TrialResults, Vec<Prediction>) -> Result<Vec<Prediction>, String>,
    look: impl FnOnce(&Estimates<'_>) -> T,
) -> T {
    let plan = grid.plan();
    let mut results = all_results(&plan);
    change(&mut results);
    let survey = Survey::new(&CellRow::all(&results).unwrap(), &plan, DatasetOrder::Coop);
    let (verdicts, _) = SuiteVerdicts::read(&results, &mut |trial, cell| {
        let own = results.iter().find(|results| results.trial == *trial).unwrap();
        reader(own, read(&results, trial, cell)?)
    });
    look(&Estimates::new(&survey, &verdicts, Score::Published))
}

fn whole<T>(grid: &Grid<'_>, look: impl FnOnce(&Estimates<'_>) -> T) -> T {
    with(grid, |_| (), |_, predictions| Ok(predictions), look)
}

/// The first `n_right` of 48 images right: what the made-up predictions are.
fn verdicts(n_right: usize) -> Verdicts {
    Verdicts::new((0..48).map(|image| (image, image < n_right))).unwrap()
}

const LEVEL: Level = Level::FIVE_PERCENT;

#[test]
fn one_run_has_wilsons_interval_and_several_seeds_students() {
    let one = Grid { seeds: &[1], ..GRID };
    whole(&one, |estimates| {
        let found = estimates.accuracy(repeats(MethodId::Sft, DatasetId::Dtd));
        let right = (found.mean.unwrap() * 0.48).round() as usize;
        let interval = Proportion::new(right, 48).unwrap().wilson_pct(LEVEL);
        assert_eq!(found.bounds, Some(Bounds::by_formula(interval, IntervalKind::Wilson)));
        assert_eq!((found.n_seeds, found.n_planned, found.n_images, found.sd), (1, 1, 48, None));
    });
    whole(&GRID, |estimates| {
        let found = estimates.accuracy(repeats(MethodId::Sft, DatasetId::ImageNet));
        // 12 + 16, and a luck of 1, 2 and 0 by seed.
        let pct = [29.0, 30.0, 28.0].map(|right| right / 0.48);
        let values = SeedValues::new(pct.to_vec()).unwrap();
        let Bounds { interval, kind, .. } = found.bounds.unwrap();
        assert_eq!(kind, IntervalKind::StudentT);
        assert!((interval.lower - values.t_interval(LEVEL).unwrap().lower).abs() < 1e-9);
        assert!((found.sd.unwrap() - values.sd().unwrap()).abs() < 1e-9);
    });
}

#[test]
fn one_run_on_each_side_is_mcnemars_with_the_score_interval() {
    whole(&Grid { seeds: &[1], ..GRID }, |estimates| {
        let found = estimates.change(against_zero_shot(MethodId::Sft, DatasetId::ImageNet));
        let pairs = PairCounts::new(48, 0, 17).unwrap();
        assert!((found.estimate.mean.unwrap() - pairs.change_points()).abs() < 1e-9);
        let bounds = found.estimate.bounds.unwrap();
        assert_eq!(bounds.interval, pairs.score_interval_points(LEVEL));
        assert_eq!(bounds.kind, IntervalKind::Score);
        let tested = found.tested.unwrap();
        assert_eq!((tested.test, tested.p), (Test::McNemar, mcnemar(pairs).mid_p));
        assert_eq!(found.is_significant(), Some(true));
        assert!(found.bootstrap.is_some());
    });
}

#[test]
fn several_seeds_are_resampled_from_a_stream_that_is_named_after_them() {
    whole(&GRID, |estimates| {
        let contrast = against_zero_shot(MethodId::Sft, DatasetId::ImageNet);
        let found = estimates.change(contrast);
        let runs: Vec<(Seed, Verdicts, Verdicts)> =
            [(1, 29), (2, 30), (3, 28)].map(|(seed, n)| (seed, verdicts(12), verdicts(n))).into();
        let runs: Vec<_> = runs.iter().map(|(seed, old, new)| (*seed, old, new)).collect();
        let scores = Scores::of_change(&runs).unwrap();
        let (fine_tunes, images) = ("sft.imagenet.4shot", "imagenet.few-shot");
        let average =
            Average::new(&[AveragedCell { fine_tunes, images, scores: &scores }]).unwrap();
        let name =
            "published: sft.imagenet.4shot → imagenet.direct against zero-shot → imagenet.direct";
        let plan = BootstrapPlan { level: LEVEL, seed: 1, name };
        let bootstrap = Bootstrap::new(&average, plan);
        assert_eq!(found.bootstrap, Some(bootstrap.interval));
        assert_eq!(found.estimate.bounds.unwrap().kind, IntervalKind::Bootstrap);
        let tested = found.tested.unwrap();
        assert_eq!((tested.test, tested.p), (Test::Bootstrap, bootstrap.p_no_change));
        let detectable = tested.detectable.unwrap();
        assert!((detectable - 2.801_585 * bootstrap.standard_error).abs() < 1e-5);
    });
}

#[test]
fn a_family_has_holms_p_values_in_its_order() {
    whole(&Grid { seeds: &[1], ..GRID }, |estimates| {
        let contrasts = TWO.map(|dataset| against_zero_shot(MethodId::NoThinkingClsRl, dataset));
        let family = estimates.family(&contrasts);
        let alone: Vec<_> = contrasts
            .iter()
            .map(|&contrast| estimates.change(contrast).tested.unwrap().p)
            .collect();
        let together: Vec<_> = family.iter().map(|change| change.tested.unwrap().p_holm).collect();
        assert_eq!(together, holm(&alone));
        assert_ne!(together, alone);
    });
}

#[test]
fn two_methods_are_paired_seed_by_seed() {
    let contrast = Contrast {
        before: repeats(MethodId::Sft, DatasetId::Dtd),
        after: repeats(MethodId::NoThinkingClsRl, DatasetId::Dtd),
    };
    let drop_first = |results: &mut Vec<TrialResults>| {
        results.retain(|results| results.trial.method != MethodId::Sft || results.trial.seed != 1);
    };
    let found = with(&GRID, drop_first, |_, all| Ok(all), |estimates| estimates.change(contrast));
    assert_eq!((found.estimate.n_seeds, found.estimate.n_planned), (2, 3));
    assert!(found.estimate.is_incomplete() && found.tested.is_ok());
}

#[test]
fn an_average_is_resampled_over_all_its_datasets() {
    whole(&GRID, |estimates| {
        let cells = TWO.map(|dataset| repeats(MethodId::Sft, dataset));
        let found = estimates.average(&cells);
        let means = cells.map(|cells| estimates.accuracy(cells).mean.unwrap());
        assert!((found.mean.unwrap() - (means[0] + means[1]) / 2.0).abs() < 1e-9);
        assert_eq!((found.n_images, found.n_seeds), (96, 3));
        let Bounds { interval, kind, .. } = found.bounds.unwrap();
        assert!(interval.has(found.mean.unwrap()) && kind == IntervalKind::Bootstrap);
    });
}

#[test]
fn where_nothing_differs_the_interval_has_a_width_and_something_is_detectable() {
    let same = |results: &mut Vec<TrialResults>| {
        for (_, record) in results.iter_mut().flat_map(|results| &mut results.cells) {
            (record.outcome.n_correct_published, record.outcome.n_correct_strict) = (48, 48);
        }
    };
    with(
        &GRID,
        same,
        |_, all| Ok(all),
        |estimates| {
            let contrasts = TWO.map(|dataset| against_zero_shot(MethodId::Sft, dataset));
            let found = estimates.average_change(&contrasts);
            let Bounds { interval: Interval { lower, upper }, kind, .. } =
                found.estimate.bounds.unwrap();
            assert!(lower < -0.5 && 0.5 < upper && kind == IntervalKind::Score, "{lower} {upper}");
            assert_eq!(found.tested.unwrap().p.get(), 1.0);
            assert!(0.0 < found.detectable_if_none().unwrap());
        },
    );
}

#[test]
fn where_every_answer_is_right_average_and_parts_have_intervals_that_go_together() {
    let right = |n: usize| {
        move |results: &mut Vec<TrialResults>| {
            for (_, record) in results.iter_mut().flat_map(|results| &mut results.cells) {
                (record.outcome.n_correct_published, record.outcome.n_correct_strict) = (n, n);
            }
        }
    };
    let cells = TWO.map(|dataset| repeats(MethodId::Sft, dataset));
    let all = |_: &TrialResults, all| Ok(all);
    for (seeds, n_right) in [(&[1, 2, 3][..], 48), (&[1][..], 48), (&[1, 2][..], 0)] {
        let grid = Grid { seeds, ..GRID };
        let (part, average) = with(&grid, right(n_right), all, |estimates| {
            (estimates.accuracy(cells[0]).bounds, estimates.average(&cells).bounds)
        });
        let (part, average) = (part.unwrap(), average.unwrap());
        assert_eq!((part.kind, average.kind), (IntervalKind::Wilson, IntervalKind::Newcombe));
        assert_eq!(part.interval, Proportion::new(n_right, 48).unwrap().wilson_pct(LEVEL));
        let root_of_two = part.interval.half_width() / average.interval.half_width();
        assert!((root_of_two - 2f64.sqrt()).abs() < 1e-9, "{part:?} {average:?}");
        assert!(average.interval.has(100.0 * n_right as f64 / 48.0));
    }
    // One seed less sure than the others is enough of a spread for Student.
    let two = Grid { seeds: &[1, 2], ..GRID };
    let but_one = |results: &mut Vec<TrialResults>| {
        right(48)(results);
        let own = results.iter_mut().find(|own| own.trial.key() == "sft.imagenet.4shot.seed2");
        own.unwrap()
            .cells
            .iter_mut()
            .for_each(|(_, record)| record.outcome.n_correct_published = 47);
    };
    let kinds = with(&two, but_one, all, |estimates| {
        [estimates.accuracy(cells[0]), estimates.average(&cells)]
            .map(|one| one.bounds.unwrap().kind)
    });
    assert_eq!(kinds, [IntervalKind::StudentT, IntervalKind::Bootstrap]);
}

#[test]
fn a_harmonic_mean_that_no_seed_moves_has_no_interval() {
    let same = |results: &mut Vec<TrialResults>| {
        for (_, record) in results.iter_mut().flat_map(|results| &mut results.cells) {
            record.outcome.n_correct_published = 48;
            record.outcome.n_correct_strict = 48;
        }
    };
    let found = with(
        &GRID,
        same,
        |_, all| Ok(all),
        |estimates| {
            let [one, other] = TWO.map(|dataset| [repeats(MethodId::Sft, dataset)]);
            estimates.harmonic(&one, &other)
        },
    );
    assert!((found.mean.unwrap() - 100.0).abs() < 1e-9);
    assert_eq!(found.bounds, None);
}

#[test]
fn without_predictions_there_is_a_mean_and_no_test() {
    let unread = |results: &TrialResults, all| match results.trial.method {
        MethodId::Sft => Err("half-written".to_owned()),
        _ => Ok(all),
    };
    with(
        &Grid { seeds: &[1], ..GRID },
        |_| (),
        unread,
        |estimates| {
            let cells = TWO.map(|dataset| repeats(MethodId::Sft, dataset));
            assert_eq!(estimates.accuracy(cells[0]).bounds.unwrap().kind, IntervalKind::Wilson);
            let average = estimates.average(&cells);
            assert!(average.mean.is_some() && average.bounds.is_none());
            let change = estimates.change(against_zero_shot(MethodId::Sft, DatasetId::Dtd));
            assert!(change.estimate.mean.is_some() && change.estimate.bounds.is_none());
            assert_eq!(change.tested.unwrap_err(), Untested::NoVerdicts);
            assert!(estimates.parsed(cells[0]).is_none());
        },
    );
}

#[test]
fn what_is_not_done_has_no_mean_and_says_what_was_planned() {
    let none = |results: &mut Vec<TrialResults>| {
        results.retain(|results| results.trial.method != MethodId::Sft);
    };
    with(
        &GRID,
        none,
        |_, all| Ok(all),
        |estimates| {
            let cells = repeats(MethodId::Sft, DatasetId::Dtd);
            let found = estimates.accuracy(cells);
            assert_eq!((found.mean, found.n_seeds, found.n_planned), (None, 0, 3));
            let change = estimates.change(against_zero_shot(MethodId::Sft, DatasetId::Dtd));
            assert_eq!((change.estimate.mean, change.tested), (None, Err(Untested::NotDone)));
            assert_eq!(
                estimates.average(&[cells, repeats(MethodId::ZeroShot, DatasetId::Dtd)]).mean,
                None
            );
        },
    );
}

#[test]
fn a_fine_tune_counts_under_the_seeds_that_all_its_targets_have() {
    let first = |results: &mut Vec<TrialResults>| {
        let key = "sft.dtd.4shot.seed2";
        let own = results.iter_mut().find(|results| results.trial.key() == key).unwrap();
        own.cells.remove(0);
    };
    with(
        &GRID,
        first,
        |_, all| Ok(all),
        |estimates| {
            let arm = Arm::new(
                Group { method: MethodId::Sft, shots: 4 },
                Form::FewShot,
                PromptStyle::Direct,
            );
            let contrasts = TWO.map(|target| Contrast {
                before: repeats(MethodId::ZeroShot, target),
                after: arm.repeats(DatasetId::Dtd, target),
            });
            let found = estimates.average_change(&contrasts);
            assert_eq!((found.estimate.n_seeds, found.estimate.n_planned), (2, 3));
            assert!(found.bootstrap.unwrap().has(found.estimate.mean.unwrap()));
        },
    );
}

#[test]
fn a_harmonic_mean_is_that_of_the_averages_and_its_spread_that_of_seeds() {
    whole(&GRID, |estimates| {
        let (one, other) = TWO.map(|dataset| [repeats(MethodId::Sft, dataset)]).into();
        let found = estimates.harmonic(&one, &other);
        let means = [one, other].map(|cells| estimates.average(&cells).mean.unwrap());
        let expected = 2.0 * means[0] * means[1] / (means[0] + means[1]);
        assert!((found.mean.unwrap() - expected).abs() < 1e-9);
        let by_seed = [(29.0, 45.0), (30.0, 46.0), (28.0, 44.0)]
            .map(|(one, other): (f64, f64)| 2.0 * one * other / (one + other) / 0.48);
        let values = SeedValues::new(by_seed.to_vec()).unwrap();
        assert!((found.sd.unwrap() - values.sd().unwrap()).abs() < 1e-9);
        assert_eq!(found.bounds.unwrap().kind, IntervalKind::StudentT);
    });
}

#[test]
fn the_best_is_bold_and_what_is_not_significantly_worse_is_known() {
    whole(&Grid { seeds: &[1], ..GRID }, |estimates| {
        let arms = [MethodId::ZeroShot, MethodId::Sft, MethodId::NoThinkingClsRl].map(|method| {
            let shots = if method == MethodId::ZeroShot { 0 } else { 4 };
            Arm::new(Group { method, shots }, Form::FewShot, PromptStyle::Direct)
        });
        let rows = standings(estimates, &arms, &TWO, |_| Some(arms[0]));
        let ranks: Vec<_> = rows.iter().map(|row| row[0].rank).collect();
        // 12, 29 and 24 of 48 right: 17 more, and 5 fewer (mid-p 0.03, Holm 0.06).
        assert_eq!(ranks, [Some(Rank::Worse), Some(Rank::Best), Some(Rank::NotWorse)]);
        assert!(rows[0][0].change.is_none() && rows[2][0].change.is_some());
    });
}
