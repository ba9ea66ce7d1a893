//! The accuracy tables.

use clsrl_spec::{DatasetId, Form};

use super::names;
use crate::{
    number::{fixed, signed},
    summary::{Arm, Scores, Stat, Survey},
    table::{Cell, Table},
};

/// In-domain accuracy: methods down, datasets across, each method with its change below.
pub(super) fn table(survey: &Survey, scores: &Scores) -> Table {
    let seeds = match survey.seeds.len() {
        0 | 1 => String::new(),
        n => format!(" Mean over {n} seeds; ± sd is their standard deviation (n − 1)."),
    };
    let caption = format!(
        "In-domain accuracy in percent by the {} score: {}. A trained method is evaluated on the \
         dataset that it was trained on; change: in points, against zero-shot under the same \
         prompt.{seeds}",
        scores.score.name(),
        scores.score.meaning()
    );
    captioned(survey, scores, caption)
}

/// The same by the verdict that the protocol does not count.
pub(super) fn table_of_other_score(survey: &Survey, scores: &Scores) -> Table {
    let (name, meaning) = (scores.score.name(), scores.score.meaning());
    captioned(survey, scores, format!("The same by the {name} score: {meaning}."))
}

fn captioned(survey: &Survey, scores: &Scores, caption: String) -> Table {
    let heads = names::heads("Method", &survey.in_domain, &["Avg"]);
    let mut table = Table::of_numbers(caption, &heads);
    let mut is_any_incomplete = false;
    for &arm in &survey.arms {
        let stats = row(survey, scores, arm);
        is_any_incomplete |= stats.iter().any(|&stat| names::is_incomplete(stat));
        let means = stats.iter().map(|&stat| names::mean(stat));
        table.push_plain(std::iter::once(names::arm(survey, arm)).chain(means));
        if stats.iter().any(|stat| stat.sd.is_some()) {
            let sds = stats.iter().map(|stat| Cell::italic(fixed(stat.sd, 1)));
            table.push(std::iter::once(Cell::italic("± sd")).chain(sds).collect());
        }
        if let Some(changes) = changes(survey, scores, arm, &stats) {
            table.push(std::iter::once(Cell::italic("change")).chain(changes).collect());
        }
    }
    for &form in &survey.forms {
        table.push_plain(chance(survey, scores, form));
    }
    if is_any_incomplete {
        table.caption.push_str(names::INCOMPLETE_NOTE);
    }
    table
}

fn row(survey: &Survey, scores: &Scores, arm: Arm) -> Vec<Stat> {
    let stats = survey.in_domain.iter().map(|&dataset| scores.on(arm, dataset));
    stats.chain([scores.average(arm)]).collect()
}

fn changes(survey: &Survey, scores: &Scores, arm: Arm, stats: &[Stat]) -> Option<Vec<Cell>> {
    let zero_shot = scores.zero_shot_of(arm).filter(|_| arm.is_trained())?;
    let references = row(survey, scores, zero_shot);
    let change = |(stat, reference): (&Stat, &Stat)| {
        Cell::italic(signed(names::difference(stat.mean, reference.mean), 1))
    };
    Some(stats.iter().zip(&references).map(change).collect())
}

fn chance(survey: &Survey, scores: &Scores, form: Form) -> Vec<String> {
    let chances: Vec<Option<f64>> =
        survey.in_domain.iter().map(|&dataset: &DatasetId| scores.chance(form, dataset)).collect();
    let average = names::mean_of_all(chances.iter().copied());
    let shown = chances.into_iter().chain([average]).map(|chance| fixed(chance, 1));
    let name = match survey.forms.len() {
        0 | 1 => "Chance".to_owned(),
        _ => format!("Chance ({form})"),
    };
    std::iter::once(name).chain(shown).collect()
}
