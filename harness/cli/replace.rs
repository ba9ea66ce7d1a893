//! What a run would write over, reported before it starts: finished results are replaced only where that is asked for.

use anyhow::anyhow;
use clsrl_runner::{Replaced, State, Store, TrialStatus, find_replaced};

use crate::{exit::Exit, progress::Detail, stored_run::why_missing};

/// How many trials are named of each reason.
const MAX_TRIALS: usize = 5;

/// Refuses to write over finished results of another model, other data or other settings, unless they are to be
/// replaced; then it is reported, and so is what is damaged.
pub fn check(
    store: &Store,
    statuses: &[TrialStatus],
    replace: bool,
    detail: Detail,
) -> anyhow::Result<()> {
    let groups = find_replaced(statuses);
    if !groups.is_empty() {
        let message = describe_groups(&groups);
        if !replace {
            return Err(Exit::Usage.because(anyhow!(
                "finished results in `{}` are not those that this run makes, which would replace them\n{message}\n\
                 hint: keep them, and give this run another folder with --out DIR\n\
                 hint: --replace writes over them",
                store.dir().display()
            )));
        }
        detail.say(&format!("replaced in `{}`\n{message}", store.dir().display()));
    }
    let why = why_missing(statuses, &|state| matches!(state, State::Missing(_)));
    if !why.is_empty() {
        detail.say(&format!("made again{why}"));
    }
    Ok(())
}

fn describe_groups(groups: &[(Vec<String>, Replaced)]) -> String {
    let lines = groups.iter().map(|(reasons, Replaced { n_fine_tunes, n_cells, trials })| {
        let counted = |n: usize, what: &str| match n {
            0 => None,
            1 => Some(format!("1 {what}")),
            n => Some(format!("{n} {what}s")),
        };
        let counts = [counted(*n_fine_tunes, "fine-tune"), counted(*n_cells, "cell")];
        let counts: Vec<String> = counts.into_iter().flatten().collect();
        let mut names: Vec<String> = trials.iter().take(MAX_TRIALS).cloned().collect();
        if MAX_TRIALS < trials.len() {
            names.push(format!("{} more trials", trials.len() - MAX_TRIALS));
        }
        format!("  {} of {}: {}", counts.join(" and "), names.join(", "), reasons.join("; "))
    });
    lines.collect::<Vec<_>>().join("\n")
}
