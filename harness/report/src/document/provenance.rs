//! What stands below a table of results: what it rests on.

use std::collections::BTreeSet;

use clsrl_spec::lock;
use sha2::{Digest, Sha256};

use crate::{ReportContext, rows::CellRow, summary::Survey};

/// Protocol, digests, commit, seeds and limits, in a line; the same below every table of results.
pub(super) fn note(survey: &Survey, context: &ReportContext<'_>) -> String {
    let listed = |values: BTreeSet<String>| match values.is_empty() {
        true => "unknown".to_owned(),
        false => values.into_iter().collect::<Vec<_>>().join(", "),
    };
    let seeds = listed(survey.seeds.iter().map(u64::to_string).collect());
    let mut parts = vec![
        format!("Protocol {}", context.protocol.name),
        format!("seeds {seeds}"),
        format!("base weights {}", short(&context.base_weights)),
        data(survey),
        format!("commit {}", listed(survey.distinct(|row| row.commit.clone()))),
    ];
    let limits: BTreeSet<usize> =
        context.planned.iter().filter_map(|trial| trial.evaluation.limit).collect();
    if survey.done().any(|row| row.limited) {
        let at_most = limits.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
        parts.push(match at_most.is_empty() {
            true => "limited: not every image was evaluated".to_owned(),
            false => format!("limited: at most {at_most} images of a dataset"),
        });
    }
    match survey.n_unsealed() {
        0 => {}
        n => parts.push(format!(
            "{n} of {} cells from records of an earlier format, which have no seal: their counts and verdicts were \
             checked",
            survey.n_planned - survey.n_missing
        )),
    }
    format!("{}.", parts.join("; "))
}

/// One digest of what the lock has of these results' datasets, lists and images: SHA-256 over their names and
/// digests. The lock's other datasets change nothing of it.
fn data(survey: &Survey) -> String {
    let of_target = |row: &CellRow| Some((row.target.as_str(), row.made_from.data_digest.clone()?));
    let of_training =
        |row: &CellRow| Some((row.train_on?.as_str(), row.made_from.train_data_digest.clone()?));
    let digests = survey.done().flat_map(|row| [of_target(row), of_training(row)]);
    let digests: BTreeSet<(&str, String)> = digests.flatten().collect();
    if digests.is_empty() {
        return "data unknown".to_owned();
    }
    let mut hash = Sha256::new();
    for (target, digest) in digests {
        hash.update(format!("{target}\t{digest}\n"));
    }
    let digest = lock::Digest(hash.finalize().into()).short(12);
    let unlocked: Vec<&str> =
        survey.never(|row| row.locked).into_iter().map(|dataset| dataset.title()).collect();
    match unlocked.is_empty() {
        true => format!("data as locked, lock digest {digest}"),
        false => format!("data {digest}, not as locked: {}", unlocked.join(", ")),
    }
}

fn short(digest: &str) -> &str {
    if digest.is_empty() { "unknown" } else { digest.get(..12).unwrap_or(digest) }
}
