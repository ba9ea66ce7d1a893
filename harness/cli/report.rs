//! `report`: from results to the frames and the Markdown report.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow};
use clsrl_report::{
    ReportContext, TrialResults, cells_frame, curves_frame, markdown_report, write_parquet,
};
use clsrl_runner::{InputNames, State, Store, TrialStatus, stored_binding, trial_statuses};
use clsrl_spec::{Binding, CellRecord, cell_identity, training_identity};

use crate::{
    args::{ReportArgs, RunArgs},
    bench::{Bench, Places},
    exit::Exit,
    output::print,
    progress::Detail,
};

/// Writes report and frames from results alone, and prints the report's path.
///
/// Without model and data it cannot be told whether results still fit to them; those that do not fit
/// to the suite or to each other are left out.
pub fn report(args: &ReportArgs, detail: Detail) -> anyhow::Result<Exit> {
    let bench = Bench::load(&args.suite)?;
    let places = Places::new(&bench.project, args.out.as_deref());
    let store = Store::new(&places.results, &bench.suite.name);
    let Some(binding) = stored_binding(&store, &bench.trials)? else {
        let dir = store.dir().display();
        let error = anyhow!("no results in `{dir}`\nhint: make them with `{}`", bench.command);
        return Err(Exit::Incomplete.because(error));
    };
    let statuses = trial_statuses(&store, &bench.trials, &binding)?;
    let path = write(&bench, &places, &store, (&statuses, &binding))?;
    print(&format!("{}\n", path.display()))?;
    let cells = || statuses.iter().flat_map(|status| &status.cells);
    let n_left = cells().filter(|(_, state)| !state.is_done()).count();
    if n_left == 0 {
        return Ok(Exit::Ok);
    }
    let n_stale = cells().filter(|(_, state)| matches!(state, State::Stale(_))).count();
    detail.say(&format!(
        "incomplete: {n_left} of {} cells are not in the report, {n_stale} of them stale\n\
         hint: `{}` makes them",
        cells().count(),
        bench.command.replacen(" run ", " plan ", 1),
    ));
    Ok(Exit::Incomplete)
}

/// Writes report and frames; returns the report's path.
pub fn write(
    bench: &Bench,
    places: &Places,
    store: &Store,
    (statuses, binding): (&[TrialStatus], &Binding),
) -> anyhow::Result<PathBuf> {
    let results: Vec<TrialResults> =
        statuses.iter().filter_map(|status| trial_results(status, binding)).collect();
    let mut cells = cells_frame(&results)?;
    let mut curves = curves_frame(&results)?;
    let names = store
        .read_inputs()
        .unwrap_or_else(|| InputNames { model: "unknown".to_owned(), data: "unknown".to_owned() });
    let markdown = markdown_report(&cells, &curves, &context(bench, binding, names))?;

    let name = &bench.suite.name;
    for dir in [&places.results, &places.reports] {
        fs::create_dir_all(dir).with_context(|| format!("cannot create `{}`", dir.display()))?;
    }
    write_parquet(&mut cells, &places.results.join(format!("{name}.parquet")))?;
    write_parquet(&mut curves, &places.results.join(format!("{name}.curves.parquet")))?;
    let path = places.reports.join(format!("{name}.md"));
    write_atomically(&path, &markdown)?;
    Ok(path)
}

/// How model and data are called in reports: without the folders around them, which are this
/// machine's own.
pub fn input_names(bench: &Bench, args: &RunArgs) -> InputNames {
    let last = |dir: &Path| match dir.canonicalize().ok().as_deref().and_then(Path::file_name) {
        Some(name) => name.to_string_lossy().into_owned(),
        None => dir.display().to_string(),
    };
    let model = match (&args.inputs.model, &bench.suite.model) {
        (Some(dir), _) => last(dir),
        (None, Some(relative)) => relative.clone(),
        (None, None) => "unknown".to_owned(),
    };
    let data = match (&args.inputs.data, bench.suite.data) {
        (Some(dir), _) => last(dir),
        (None, Some(clsrl_spec::DataSource::Drawn { seed })) => {
            format!("drawn by the program, seed {seed}")
        }
        (None, None) => "unknown".to_owned(),
    };
    InputNames { model, data }
}

fn trial_results(status: &TrialStatus, binding: &Binding) -> Option<TrialResults> {
    let State::Done(training) = &status.training else { return None };
    let trial = &status.trial;
    let done = |(cell, state): &(_, State<CellRecord>)| match state {
        State::Done(record) => {
            Some((cell_identity(trial, *cell, binding).id(), record.as_ref().clone()))
        }
        State::Stale(_) | State::Missing(_) => None,
    };
    Some(TrialResults {
        trial: trial.clone(),
        training_id: training_identity(trial, binding).id(),
        training: training.as_ref().clone(),
        cells: status.cells.iter().filter_map(done).collect(),
    })
}

fn context<'a>(bench: &'a Bench, binding: &Binding, names: InputNames) -> ReportContext<'a> {
    ReportContext {
        suite_name: bench.suite.name.clone(),
        suite_description: bench.suite.description.clone(),
        // The records say it as well, picture by picture; this holds before there are any.
        synthetic: names.data.starts_with("drawn by the program"),
        command: bench.command.clone(),
        base_model: names.model,
        base_weights: binding.base_weights.clone(),
        data: names.data,
        protocol: &bench.suite.protocol,
        planned: &bench.trials,
    }
}

fn write_atomically(path: &Path, text: &str) -> anyhow::Result<()> {
    let temporary = path.with_extension("md.tmp");
    fs::write(&temporary, text)
        .and_then(|()| fs::rename(&temporary, path))
        .with_context(|| format!("cannot write `{}`", path.display()))
}
