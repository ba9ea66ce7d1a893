//! The classes of each dataset, and the pairs that are confused most.

use clsrl_spec::DatasetId;

use super::names;
use crate::{
    number::{MISSING, Printed, fixed},
    page::Page,
    summary::{Arm, Classes, Score, Survey},
    table::{Align, Table},
};

/// How many pairs of a dataset are listed where there is room, and where there is little.
const N_PAIRS: usize = 20;
const N_PAIRS_BRIEF: usize = 2;

/// How many classes of a dataset are listed where there is little room.
const N_CLASSES_BRIEF: usize = 3;

/// Writes the section, if there is any class: all of them for formats that scroll, the worst for those that do not.
pub(super) fn write(
    page: &mut Page,
    survey: &Survey,
    classes: &Classes,
    (score, frames): (Score, &str),
) {
    let targets = targets(survey, classes);
    if targets.is_empty() {
        return;
    }
    page.heading(2, "Classes");
    for &target in &targets {
        page.fold_long(target.title(), |page| {
            page.long(&accuracies(survey, classes, (target, score)));
            let confused = confused(survey, classes, target);
            if !confused.rows.is_empty() {
                page.long(&confused);
            }
        });
    }
    page.fold("Worst classes, and what is confused most", |page| {
        page.brief(&worst(survey, classes, (&targets, score), frames));
        let confused = confused_most(survey, classes, &targets);
        if !confused.rows.is_empty() {
            page.brief(&confused);
        }
    });
}

/// The datasets that have classes, in the survey's order.
fn targets(survey: &Survey, classes: &Classes) -> Vec<DatasetId> {
    let has_classes = |target: &&DatasetId| classes.targets().any(|other| other == **target);
    survey.targets.iter().filter(has_classes).copied().collect()
}

/// The arms of all these datasets, in table order.
fn arms(survey: &Survey, classes: &Classes, targets: &[DatasetId]) -> Vec<Arm> {
    let is_there = |arm: &&Arm| targets.iter().any(|&target| classes.arms(target).contains(arm));
    survey.arms.iter().filter(is_there).copied().collect()
}

fn heads<'a>(first: &[&'a str], arms: &'a [String]) -> Vec<&'a str> {
    first.iter().copied().chain(arms.iter().map(String::as_str)).collect()
}

fn accuracies(survey: &Survey, classes: &Classes, (target, score): (DatasetId, Score)) -> Table {
    let arms = arms(survey, classes, &[target]);
    let names: Vec<String> = arms.iter().map(|&arm| names::arm(survey, arm)).collect();
    let caption = format!(
        "{} by class: {} accuracy in percent, in-domain, all seeds pooled, the classes that are answered worst \
         first. Answers: those of one method.",
        target.title(),
        score.name()
    );
    let mut table = Table::of_numbers(caption, &heads(&["Class", "Answers"], &names))
        .named(format!("classes-{target}"));
    for (class, by_arm) in classes.worst_first(target, score) {
        let n_answers = by_arm.values().map(|counts| counts.n).max();
        let accuracy = |arm| fixed(by_arm.get(arm).map(|counts| counts.accuracy_pct(score)), 1);
        let first = [Printed::from(class), fixed(n_answers.map(|n| n as f64), 0)];
        table.push_plain(first.into_iter().chain(arms.iter().map(accuracy)));
    }
    table
}

fn confused(survey: &Survey, classes: &Classes, target: DatasetId) -> Table {
    let arms = arms(survey, classes, &[target]);
    let names: Vec<String> = arms.iter().map(|&arm| names::arm(survey, arm)).collect();
    let caption = format!(
        "{}, most confused: at most {N_PAIRS} pairs, the largest mean share first. Share of the answers about a class that \
         name another one, in percent, in-domain, all seeds pooled.",
        target.title()
    );
    let mut table = Table::of_numbers(caption, &heads(&["Class", "Taken for"], &names))
        .named(format!("confused-{target}"));
    table.columns[1].align = Align::Left;
    for pair in classes.most_confused(target, N_PAIRS) {
        let first = [Printed::from(pair.class), Printed::from(pair.taken_for)];
        table.push_plain(
            first
                .into_iter()
                .chain(arms.iter().map(|arm| fixed(pair.share_pct.get(arm).copied(), 1))),
        );
    }
    table
}

/// The worst classes of every dataset in one table; a range over the arms, because all of them are wider than a page.
fn worst(
    survey: &Survey,
    classes: &Classes,
    (targets, score): (&[DatasetId], Score),
    frames: &str,
) -> Table {
    let caption = format!(
        "The {N_CLASSES_BRIEF} classes of each dataset that are answered worst: {} accuracy in percent, \
         in-domain, all seeds pooled. Range: over the methods. All classes are in {frames}.classes.parquet.",
        score.name()
    );
    let mut table = brief(caption, "Class", &["Answers"]);
    for &target in targets {
        let arms = arms(survey, classes, &[target]);
        for (class, by_arm) in classes.worst_first(target, score).into_iter().take(N_CLASSES_BRIEF)
        {
            let accuracies: Vec<f64> =
                by_arm.values().map(|counts| counts.accuracy_pct(score)).collect();
            let n_answers = by_arm.values().map(|counts| counts.n).max();
            let best = arms.iter().filter_map(|arm| Some((arm, by_arm.get(arm)?)));
            let best = best
                .max_by(|(_, a), (_, b)| a.accuracy_pct(score).total_cmp(&b.accuracy_pct(score)));
            table.push_plain([
                target.title().into(),
                class.into(),
                fixed(n_answers.map(|n| n as f64), 0),
                range(&accuracies),
                name_of(survey, best.map(|(&arm, _)| arm), &accuracies),
            ]);
        }
    }
    table
}

/// The pairs of every dataset that are confused most, in one table.
fn confused_most(survey: &Survey, classes: &Classes, targets: &[DatasetId]) -> Table {
    let caption = format!(
        "The {N_PAIRS_BRIEF} pairs of each dataset that are confused most: share of the answers about a class \
         that name the other one, in percent, in-domain, all seeds pooled. Range: over the methods."
    );
    let mut table = brief(caption, "Class", &["Taken for"]);
    table.columns[2].align = Align::Left;
    for &target in targets {
        for pair in classes.most_confused(target, N_PAIRS_BRIEF) {
            let shares: Vec<f64> = pair.share_pct.values().copied().collect();
            let least = pair.share_pct.iter().min_by(|(_, a), (_, b)| a.total_cmp(b));
            table.push_plain([
                target.title().into(),
                pair.class.into(),
                pair.taken_for.into(),
                range(&shares),
                name_of(survey, least.map(|(&arm, _)| arm), &shares),
            ]);
        }
    }
    table
}

/// An empty table of one row a class or a pair.
fn brief(caption: String, what: &str, more: &[&str]) -> Table {
    let heads = [&["Dataset", what], more, &["Range", "Best"]].concat();
    let mut table = Table::of_numbers(caption, &heads);
    for at in [1, heads.len() - 1] {
        table.columns[at].align = Align::Left;
    }
    table
}

/// The arm that is best; none where all have the same number.
fn name_of(survey: &Survey, best: Option<Arm>, values: &[f64]) -> Printed {
    let differs = values.iter().any(|value| *value != values[0]);
    match best.filter(|_| differs) {
        Some(arm) => names::arm(survey, arm).into(),
        None => MISSING.into(),
    }
}

/// From the smallest to the largest of some percentages.
fn range(values: &[f64]) -> Printed {
    let least = values.iter().copied().min_by(f64::total_cmp);
    let most = values.iter().copied().max_by(f64::total_cmp);
    match least == most {
        true => fixed(least, 1),
        false => format!("{} to {}", fixed(least, 1), fixed(most, 1)).into(),
    }
}

#[cfg(test)]
mod tests;
