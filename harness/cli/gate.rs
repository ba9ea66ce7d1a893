//! `gate`: holds a run to a baseline, and ends with a code that says how.

use std::{env, fs::OpenOptions, io::Write, path::Path};

use anyhow::Context;
use clsrl_report::{
    baseline::{Baseline, GateOutcome, Pairing, SavedKey, WallClock},
    gate::Overall,
};

use crate::{
    args::{GateArgs, GateFormat},
    baseline::{check_suite, read_baseline},
    exit::Exit,
    observed::{Run, baseline_path, is_selected, read},
    output::print,
};

/// The file that GitHub Actions shows as the job's summary.
const SUMMARY: &str = "GITHUB_STEP_SUMMARY";

/// Judges a run against a baseline and prints the outcome.
pub fn gate(args: &GateArgs) -> anyhow::Result<Exit> {
    let run = read(&args.suite, &args.selection, args.out.as_deref())?;
    let path = baseline_path(&run.request.project, &args.baseline);
    let baseline = read_baseline(&path)?;
    check_suite(&baseline, &run, &path)?;
    let is_asked = |key: &SavedKey| is_selected(&args.selection, key);
    let pairing = Pairing {
        baseline: &baseline,
        observed: &run.observed,
        digests: &run.digests(),
        scorer: run.request.suite.protocol.scorer,
        max_drop: args.max_drop,
    };
    let name = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy();
    let suite = &run.request.suite.name;
    let mut outcome = GateOutcome::of(&pairing, args.alpha, suite, &name, &is_asked);
    outcome.notes = notes(&baseline, &run);
    if args.wall_clock {
        let timing = run.timing.as_ref().filter(|_| has_all(&baseline, &run));
        outcome.wall_clock = Some(WallClock::judge(timing, &baseline.history));
    }
    print(&match args.format {
        GateFormat::Text => outcome.text(),
        GateFormat::Markdown => outcome.markdown(),
        GateFormat::Github => outcome.github(),
        GateFormat::Junit => outcome.junit(),
        GateFormat::Json => outcome.json(),
    })?;
    if let (GateFormat::Github, Some(summary)) = (args.format, env::var_os(SUMMARY)) {
        append(Path::new(&summary), &outcome.markdown())?;
    }
    Ok(match outcome.overall() {
        Overall::Pass => Exit::Ok,
        Overall::Fail => Exit::Regression,
        Overall::Incomplete => Exit::Incomplete,
        Overall::Inconclusive => Exit::Inconclusive,
        Overall::LockDiffers => Exit::Differs,
    })
}

/// What the verdicts do not say.
fn notes(baseline: &Baseline, run: &Run) -> Vec<String> {
    let found = (&run.binding.device_kind, &run.binding.precision);
    let expected = (&baseline.device_kind, &baseline.precision);
    let mut notes = Vec::new();
    if found != expected && !found.0.is_empty() {
        notes.push(format!(
            "the baseline was made on {} in {}, this run on {} in {}",
            expected.0, expected.1, found.0, found.1
        ));
    }
    if !baseline.is_sealed {
        notes.push(
            "the baseline is of an earlier format, without a seal: nothing tells whether it is what was saved"
                .to_owned(),
        );
    }
    notes.extend(run.told_unsealed());
    notes
}

/// Whether a run has the baseline's cells and no others: only then are its seconds comparable.
fn has_all(baseline: &Baseline, run: &Run) -> bool {
    let mut keys: Vec<SavedKey> = run.observed.iter().map(|observed| observed.key).collect();
    keys.sort();
    keys.into_iter().eq(baseline.cells.iter().map(|cell| cell.key))
}

fn append(path: &Path, text: &str) -> anyhow::Result<()> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .and_then(|mut file| {
            // Another gate of the same job may write its own; where nothing can be locked both just append.
            let _ = file.lock();
            file.write_all(text.as_bytes())
        })
        .with_context(|| format!("cannot write the job's summary `{}`", path.display()))
}
