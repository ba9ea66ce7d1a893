//! `gate`: holds a run to a baseline, and ends with a code that says how.

use std::{env, fs::OpenOptions, io::Write, path::Path};

use anyhow::Context;
use clap::ValueEnum;
use clsrl_report::{
    baseline::{Baseline, GateOutcome, Pairing, SavedKey, WallClock},
    gate::{MaxDrop, Overall},
    statistics::Level,
};

use crate::{
    baseline::{check_suite, find_baseline, read_baseline},
    exit::Exit,
    observed_run::{Run, is_selected, read_run},
    options::SuiteOptions,
    output::{print, print_lines},
};

/// The file that GitHub Actions shows as the job's summary.
const SUMMARY: &str = "GITHUB_STEP_SUMMARY";

/// What `gate` is asked for.
#[derive(Debug)]
pub struct GateOptions {
    /// Whose results.
    pub suite: SuiteOptions,
    /// A baseline's name in `results/baselines/`, or the path of its file.
    pub baseline: String,
    /// The largest drop in accuracy to accept.
    pub max_drop: MaxDrop,
    /// How often the gate may fail although no drop is larger than that.
    pub alpha: Level,
    /// How the outcome is printed.
    pub format: GateFormat,
    /// Whether the run's seconds are compared as well.
    pub wall_clock: bool,
}

/// How the gate's outcome is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GateFormat {
    /// Plain lines.
    Text,
    /// Markdown.
    Markdown,
    /// Annotations of GitHub Actions; Markdown goes to the job's summary if there is one.
    Github,
    /// JUnit's XML.
    Junit,
    /// JSON.
    Json,
}

/// Judges a run against a baseline and prints the outcome.
pub fn gate(options: &GateOptions) -> anyhow::Result<Exit> {
    let run = read_run(&options.suite)?;
    let path = find_baseline(&run.request.project, &options.baseline);
    let baseline = read_baseline(&run.request.project, &options.baseline)?;
    check_suite(&baseline, &run, &path)?;
    let is_asked = |key: &SavedKey| is_selected(&options.suite.selection, key);
    let pairing = Pairing {
        baseline: &baseline,
        observed: &run.observed,
        digests: &run.digests(),
        scorer: run.request.suite.protocol.scorer,
        max_drop: options.max_drop,
    };
    let name = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy();
    let suite = &run.request.suite.name;
    let mut outcome = GateOutcome::of(&pairing, options.alpha, suite, &name, &is_asked);
    outcome.notes = notes(&baseline, &run);
    if options.wall_clock {
        let timing = run.timing.as_ref().filter(|_| has_all(&baseline, &run));
        outcome.wall_clock = Some(WallClock::judge(timing, &baseline.history));
    }
    match options.format {
        GateFormat::Text => print_lines(&outcome.text()),
        GateFormat::Markdown => print(&outcome.markdown()),
        GateFormat::Github => print(&outcome.github()),
        GateFormat::Junit => print(&outcome.junit()),
        GateFormat::Json => print(&outcome.json()),
    }?;
    if let (GateFormat::Github, Some(summary)) = (options.format, env::var_os(SUMMARY)) {
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
    notes.extend(run.describe_unsealed());
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
