//! Verdicts on small made-up changes.

use super::*;
use crate::statistics::{Average, AveragedCell, Level, Scores, StatisticsError, Verdicts};

/// A comparison of one cell, one seed: so many images, of which some went wrong and some right.
fn compare(n: usize, n_worse: usize, n_better: usize, max_drop: f64) -> Comparison {
    let verdicts = |right: &dyn Fn(usize) -> bool| {
        Verdicts::new((0..n).map(|image| (image, right(image)))).unwrap()
    };
    let before = verdicts(&|image| image < n - n_better);
    let after = verdicts(&|image| n_worse <= image);
    let scores = Scores::of_change(&[(1, &before, &after)]).unwrap();
    let cell = AveragedCell { fine_tunes: "a", images: "a", scores: &scores };
    Comparison {
        name: "dtd.thinking".into(),
        evidence: Evidence::Changes(Average::new(&[cell]).unwrap()),
        max_drop: MaxDrop::new(max_drop).unwrap(),
    }
}

fn absent(absence: Absence) -> Comparison {
    Comparison { evidence: Evidence::Absent(absence), ..compare(1, 0, 0, 1.0) }
}

fn judge_alone(comparison: Comparison) -> Judged {
    judge(&[vec![comparison]], Level::FIVE_PERCENT).remove(0).remove(0)
}

fn needed(comparison: Comparison) -> Needed {
    match judge_alone(comparison).verdict {
        Verdict::Inconclusive(needed) => needed,
        verdict => unreachable!("expected an open comparison, found {verdict:?}"),
    }
}

#[test]
fn a_verdict_is_where_the_interval_lies() {
    let verdict = |n_worse, max_drop| judge_alone(compare(528, n_worse, 0, max_drop)).verdict;
    assert_eq!(verdict(0, 1.0), Verdict::Pass);
    assert_eq!(verdict(60, 1.0), Verdict::Fail);
    assert!(matches!(verdict(6, 1.0), Verdict::Inconclusive(_)));
}

#[test]
fn an_unchanged_cell_of_few_images_does_not_pass_a_small_drop() {
    assert!(matches!(judge_alone(compare(48, 0, 0, 1.0)).verdict, Verdict::Inconclusive(_)));
    assert_eq!(judge_alone(compare(48, 0, 0, 6.0)).verdict, Verdict::Pass);
}

#[test]
fn a_gain_passes_and_never_fails() {
    assert_eq!(judge_alone(compare(48, 0, 20, 0.0)).verdict, Verdict::Pass);
}

#[test]
fn as_many_images_as_said_would_settle_it() {
    let further = needed(compare(48, 0, 0, 1.0)).images.unwrap();
    // The score interval without a change reaches z² / (n + z²); the widths' law of the root says more.
    assert!(matches!(judge_alone(compare(48 + further, 0, 0, 1.0)).verdict, Verdict::Pass));
    let open = compare(480, 14, 4, 1.0);
    let further = needed(open).images.unwrap();
    let times = 1 + further / 480;
    let settled = judge_alone(compare(480 * (times + 1), 14 * (times + 1), 4 * (times + 1), 1.0));
    assert_eq!(settled.verdict, Verdict::Fail, "after {further} further images");
}

#[test]
fn seeds_are_no_advice_where_nothing_differs_nor_numbers_at_the_border() {
    assert_eq!(needed(compare(48, 0, 0, 1.0)).seeds, None);
    let at_the_border = needed(compare(100, 2, 1, 1.0));
    assert_eq!(at_the_border, Needed { images: None, seeds: None });
}

#[test]
fn what_is_not_there_is_never_a_pass() {
    let unlike = Absence::Unlike(StatisticsError::Empty { what: "images" });
    let word = |comparisons: Vec<Comparison>| {
        overall(judge(&[comparisons], Level::FIVE_PERCENT).iter().flatten())
    };
    let pass = || compare(528, 0, 0, 1.0);
    let fail = || compare(528, 60, 0, 1.0);
    for absence in [Absence::Missing, Absence::Failed, Absence::Stale, unlike] {
        assert_eq!(word(vec![pass(), absent(absence)]), Overall::Incomplete);
    }
    let differs = || absent(Absence::LockDiffers);
    assert_eq!(word(vec![pass(), absent(Absence::Missing), differs()]), Overall::LockDiffers);
    assert_eq!(word(vec![differs(), fail()]), Overall::Fail);
    assert_eq!(word(vec![pass(), compare(48, 0, 0, 1.0)]), Overall::Inconclusive);
    assert_eq!(word(vec![pass(), pass()]), Overall::Pass);
    assert_eq!(word(Vec::new()), Overall::Inconclusive);
}

#[test]
fn many_comparisons_share_the_level_and_what_fails_leaves_it_to_the_rest() {
    let weak = || compare(48, 6, 0, 1.0);
    assert_eq!(judge_alone(weak()).verdict, Verdict::Fail);
    let with = |other: Comparison, n: usize| {
        let mut family = vec![other; n];
        family.push(weak());
        judge(&[family], Level::FIVE_PERCENT)[0][n].clone()
    };
    assert!(matches!(with(compare(48, 0, 0, 1.0), 40).verdict, Verdict::Inconclusive(_)));
    assert_eq!(with(compare(48, 40, 0, 1.0), 40).verdict, Verdict::Fail);
    let families = [vec![weak()], vec![compare(48, 0, 0, 1.0); 40], vec![absent(Absence::Missing)]];
    let fail_level = judge(&families, Level::FIVE_PERCENT)[0][0].measured.unwrap().fail_level;
    assert_eq!(fail_level.get(), 0.025, "two families have something to judge");
}

#[test]
fn an_allowed_drop_is_a_number_of_points() {
    for bad in [f64::NAN, -1.0, f64::INFINITY, 100.5] {
        assert!(MaxDrop::new(bad).is_err(), "{bad}");
    }
    let message = MaxDrop::new(-1.0).unwrap_err().to_string();
    assert_eq!(message, "the allowed drop is -1 points, expected a number from 0 to 100");
}

#[test]
fn the_spread_between_datasets_widens_an_average_of_one_seed() {
    let widths = [[6, 6, 6, 6, 6, 6], [0, 18, 0, 18, 0, 0]].map(|n_worse| {
        let scores = n_worse.map(|n_worse| {
            let right = |from: usize| Verdicts::new((0..48).map(|at| (at, from <= at))).unwrap();
            Scores::of_change(&[(1, &right(0), &right(n_worse))]).unwrap()
        });
        let names = ["a", "b", "c", "d", "e", "f"];
        let cells: Vec<_> = scores
            .iter()
            .zip(names)
            .map(|(scores, name)| AveragedCell { fine_tunes: name, images: name, scores })
            .collect();
        let average = Average::new(&cells).unwrap();
        crate::statistics::Change::of(&average).interval_points(Level::FIVE_PERCENT).half_width()
    });
    assert!(1.5 * widths[0] < widths[1], "{widths:?}");
}
