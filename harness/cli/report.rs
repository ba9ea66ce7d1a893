//! `report`: from results to the frames and the Markdown report.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow};
use clsrl_data::datasets::standard_split;
use clsrl_report::{
    ReportContext, TrialResults, cells_frame, curves_frame, markdown_report, write_parquet,
};
use clsrl_runner::{LastRun, State, Store, TrialStatus, stored_binding, trial_statuses};
use clsrl_spec::{
    Binding, CellRecord, DataSource, DatasetId, Suite, cell_identity, training_identity,
};

use crate::{
    args::{ReportArgs, RunArgs, SelectionArgs},
    bench::{Bench, Places, read_suite},
    exit::Exit,
    output::print,
    progress::Detail,
    project::Project,
};

/// The name of a model or of data that nobody remembers.
const UNKNOWN: &str = "unknown";

/// Writes report and frames of the last run from results alone, and prints the report's path.
///
/// Without model and data it cannot be told whether results still fit to them; those that do not fit
/// to the suite or to each other are left out.
pub fn report(args: &ReportArgs, detail: Detail) -> anyhow::Result<Exit> {
    let project = Project::find()?;
    let suite = read_suite(&project, &args.suite, args.selection.protocol.as_deref())?;
    let places = Places::new(&project, args.out.as_deref());
    let store = Store::new(&places.results, &suite.name);
    let protocol = args.selection.protocol.clone();
    let unselected = SelectionArgs { protocol, ..SelectionArgs::default() };
    let selection = match store.read_last_run() {
        Some(last_run) if args.selection == unselected => last_selection(last_run, unselected),
        _ => args.selection.clone(),
    };
    let bench = Bench::of(project, suite, &args.suite, &selection)?;
    let nothing = |why: &str| {
        let dir = store.dir().display();
        let error = anyhow!("{why} in `{dir}`\nhint: `{}` makes them", bench.command);
        Exit::Incomplete.because(error)
    };
    let Some(binding) = stored_binding(&store, &bench.trials)? else {
        return Err(nothing("there are no results"));
    };
    let statuses = trial_statuses(&store, &bench.trials, &binding)?;
    let states: Vec<&State<CellRecord>> =
        statuses.iter().flat_map(|status| &status.cells).map(|(_, state)| state).collect();
    let n_done = states.iter().filter(|state| state.is_done()).count();
    if n_done == 0 {
        let stale = states.iter().find(|state| matches!(state, State::Stale(_)));
        let reasons = stale.or(states.first()).map_or(Vec::new(), |state| state.reasons());
        return Err(nothing(&format!("there is no result that fits ({})", reasons.join("; "))));
    }
    let path = write(&bench, &places, &store, (&statuses, &binding))?;
    print(&format!("{}\n", path.display()))?;
    if n_done == states.len() {
        return Ok(Exit::Ok);
    }
    detail.say(&format!(
        "incomplete: {} of {} cells are missing\nhint: `{}` makes them",
        states.len() - n_done,
        states.len(),
        bench.command,
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
    let markdown = markdown_report(&cells, &curves, &context(bench, store, binding))?;

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

/// What this run asks for. Model and data are named without the folders around them, which are this
/// machine's own.
pub fn last_run(bench: &Bench, args: &RunArgs) -> LastRun {
    let last = |dir: &Path| match dir.canonicalize().ok().as_deref().and_then(Path::file_name) {
        Some(name) => name.to_string_lossy().into_owned(),
        None => dir.display().to_string(),
    };
    let SelectionArgs { methods, datasets, shots, seeds, limit, .. } = args.selection.clone();
    let (model, data) = (args.inputs.model.as_deref(), args.inputs.data.as_deref());
    LastRun {
        model: model.map_or_else(|| suites_model(&bench.suite), last),
        data: data.map_or_else(|| suites_data(&bench.suite), last),
        methods,
        datasets,
        shots,
        seeds,
        limit,
    }
}

fn last_selection(last_run: LastRun, unselected: SelectionArgs) -> SelectionArgs {
    let LastRun { methods, datasets, shots, seeds, limit, .. } = last_run;
    SelectionArgs { methods, datasets, shots, seeds, limit, ..unselected }
}

fn suites_model(suite: &Suite) -> String {
    suite.model.clone().unwrap_or_else(|| UNKNOWN.to_owned())
}

fn suites_data(suite: &Suite) -> String {
    match suite.data {
        Some(DataSource::Drawn { seed }) => format!("drawn by the program, seed {seed}"),
        None => UNKNOWN.to_owned(),
    }
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

fn context<'a>(bench: &'a Bench, store: &Store, binding: &Binding) -> ReportContext<'a> {
    let suite = &bench.suite;
    let (of_suite, unknown) =
        ((suites_model(suite), suites_data(suite)), (UNKNOWN.to_owned(), UNKNOWN.to_owned()));
    let last_run = store.read_last_run();
    let (model, data) = last_run.map_or(unknown, |last_run| (last_run.model, last_run.data));
    let given = |flag: &str, is_given: bool| if is_given { flag } else { "" }.to_owned();
    ReportContext {
        suite_name: suite.name.clone(),
        suite_description: suite.description.clone(),
        // The records say it as well; this holds before there are any.
        synthetic: suite.data.is_some() && data == of_suite.1,
        command: bench.command.clone()
            + &given(" --model DIR", model != of_suite.0)
            + &given(" --data DIR", data != of_suite.1),
        base_model: model,
        base_weights: binding.base_weights.clone(),
        data,
        protocol: &suite.protocol,
        standard_lists: DatasetId::ALL
            .into_iter()
            .filter_map(|id| Some((id, standard_split(id)?)))
            .collect(),
        planned: &bench.trials,
    }
}

fn write_atomically(path: &Path, text: &str) -> anyhow::Result<()> {
    let temporary = path.with_extension("md.tmp");
    fs::write(&temporary, text)
        .and_then(|()| fs::rename(&temporary, path))
        .with_context(|| format!("cannot write `{}`", path.display()))
}
