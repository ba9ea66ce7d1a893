//! `report`: from results to the frames and the documents.

mod documents;
mod finished;
mod in_short;

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, anyhow};
use clsrl_data::datasets::{shared_names, shared_names_of_drawn, standard_split};
use clsrl_report::{
    CellRow, DatasetOrder, FrameFormat, InShort, LeftOut, ReadPredictions, Report, ReportContext,
    ReportRows, SamplePaths, Samples, StepRow, TrialResults, TrialRow, write_frame, write_samples,
};
use clsrl_runner::{LastRun, State, Store, TrialStatus, stored_binding, trial_statuses};
use clsrl_spec::{Binding, CellRecord, DataSource, DatasetId, Suite};

use self::finished::without;
pub use self::{
    documents::{DocumentFormat, create_dir, remove_others},
    finished::{provenance, read_predictions, trial_results, why_missing},
};
use crate::{
    against_paper,
    args::{Against, ReportArgs, RunArgs, SelectionArgs},
    exit::Exit,
    hub,
    output::{note, print},
    pictures::{pictures_dir, thumbnails},
    progress::Detail,
    project::Project,
    request::{Places, Request, selected_suite},
    words::duration,
};

/// The name of a model or of data that nobody remembers.
const UNKNOWN: &str = "unknown";

/// The results of a suite's last run, as they are found without model and data.
pub struct Found {
    /// The suite and the part of it that the last run asked for.
    pub request: Request,
    /// Where results and reports go.
    pub places: Places,
    /// The results folder.
    pub store: Store,
    /// What the results were made with, as far as they tell.
    pub binding: Binding,
    /// The part of the suite.
    pub selection: SelectionArgs,
}

/// How a report and its frames are written.
pub struct Writing<'a> {
    /// The suite.
    pub request: &'a Request,
    /// Where results and reports go.
    pub places: &'a Places,
    /// The results folder.
    pub store: &'a Store,
    /// What the results were made with.
    pub binding: &'a Binding,
    /// The files' name, without an extension.
    pub name: String,
    /// What is written, and how.
    pub wanted: Wanted<'a>,
}

/// Which files of a report are wanted.
#[derive(Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// The formats of the frames beside Parquet.
    pub frames: &'a [FrameFormat],
    /// The formats of the documents; all if none is named.
    pub documents: &'a [DocumentFormat],
    /// The order of datasets in tables.
    pub order: DatasetOrder,
    /// The folder of the datasets' folders, for the pictures of samples; none where there is none.
    pub data_dir: Option<&'a Path>,
}

/// What was written of a report.
pub struct Written {
    /// The documents, or another file of theirs if none of them was wanted; the first to be read is the last.
    pub paths: Vec<PathBuf>,
    /// What they begin with.
    pub in_short: InShort,
    /// How it went.
    pub exit: Exit,
}

impl Written {
    /// The end of a verb: the averages in short, a line on what was done, and the paths; if it is to be quiet,
    /// the paths alone.
    pub fn told(&self, done: &str, detail: Detail) -> String {
        let paths: String = self.paths.iter().map(|path| format!("{}\n", path.display())).collect();
        match detail {
            Detail::Quiet => paths,
            _ => format!("{}\n{done}\n{paths}", in_short::text(&self.in_short)),
        }
    }
}

/// Writes report and frames of the last run from results alone; prints the averages in short and the paths.
///
/// Without model and data it cannot be told whether results still fit to them; those that do not fit
/// to the suite or to each other are left out.
pub fn report(args: &ReportArgs, detail: Detail) -> anyhow::Result<Exit> {
    let began = Instant::now();
    let found = find(&args.suite, &args.selection, args.out.as_deref())?;
    let Found { request, places, store, binding, .. } = &found;
    let _lock = store.lock_report()?;
    let statuses = trial_statuses(store, &request.trials, binding)?;
    let is_complete = found.check(&statuses, detail)?;
    let data_dir = pictures_dir(request, store, args.data.as_deref(), detail)?;
    let ReportArgs { frames, format: documents, order, .. } = args;
    let wanted = Wanted { frames, documents, order: *order, data_dir: data_dir.as_deref() };
    let written = write(request, places, store, (&statuses, binding), wanted)?;
    let exit = written.exit;
    print(&written.told(&format!("report written in {}", duration(began.elapsed())), detail))?;
    if args.against == Some(Against::Paper) || against_paper::is_there(places, &request.suite.name)
    {
        let path = against_paper::write(&found, &args.suite, &statuses, documents)?;
        print(&format!("{}\n", path.display()))?;
    }
    Ok(if is_complete { exit } else { Exit::Incomplete })
}

/// Finds the results of a suite's last run, or of a selection.
pub fn find(named: &str, selection: &SelectionArgs, out: Option<&Path>) -> anyhow::Result<Found> {
    let project = Project::find()?;
    let suite = selected_suite(&project, named, selection)?;
    let places = Places::new(&project, out);
    let store = Store::new(&places.results, &suite.name);
    let unselected = unselected(selection);
    let selection = match store.read_last_run()? {
        Some(last_run) if *selection == unselected => last_selection(last_run, unselected),
        _ => selection.clone(),
    };
    let request = Request::of(project, suite, named, &selection)?;
    match stored_binding(&store, &request.trials)? {
        Some(binding) => Ok(Found { request, places, store, binding, selection }),
        None => Err(nothing(&request, &store, "there are no results")),
    }
}

impl Found {
    /// Whether all cells are done, told if some are not; an error if none is.
    pub fn check(&self, statuses: &[TrialStatus], detail: Detail) -> anyhow::Result<bool> {
        let states: Vec<&State<CellRecord>> =
            statuses.iter().flat_map(|status| &status.cells).map(|(_, state)| state).collect();
        let n_done = states.iter().filter(|state| state.is_done()).count();
        if n_done == 0 {
            let stale = states.iter().find(|state| matches!(state, State::Stale(_)));
            let reasons = stale.or(states.first()).map_or(Vec::new(), |state| state.reasons());
            let why = format!("there is no result that fits ({})", reasons.join("; "));
            return Err(nothing(&self.request, &self.store, &why));
        }
        if n_done < states.len() {
            detail.say(&format!(
                "incomplete: {} of {} cells are missing{}\nhint: `{}` makes them",
                states.len() - n_done,
                states.len(),
                why_missing(statuses, &|_| true),
                self.request.command,
            ));
        }
        Ok(n_done == states.len())
    }
}

fn nothing(request: &Request, store: &Store, why: &str) -> anyhow::Error {
    let dir = store.dir().display();
    Exit::Incomplete.because(anyhow!("{why} in `{dir}`\nhint: `{}` makes them", request.command))
}

/// Writes documents and frames of what is done.
pub fn write(
    request: &Request,
    places: &Places,
    store: &Store,
    (statuses, binding): (&[TrialStatus], &Binding),
    wanted: Wanted<'_>,
) -> anyhow::Result<Written> {
    let results: Vec<TrialResults> =
        statuses.iter().filter_map(|status| trial_results(status, binding)).collect();
    let name = request.suite.name.clone();
    let writing = Writing { request, places, store, binding, name, wanted };
    writing.write(&results, &mut |trial, cell| read_predictions(store, statuses, (trial, cell)))
}

impl Writing<'_> {
    /// Writes report and frames; tells of cells without samples, which make the whole incomplete.
    pub fn write(
        &self,
        results: &[TrialResults],
        read: &mut ReadPredictions<'_>,
    ) -> anyhow::Result<Written> {
        let context = ReportContext {
            frames: self.name.clone(),
            ..context(self.request, self.store, self.binding, self.wanted.order)?
        };
        let dir = &self.places.results;
        fs::create_dir_all(dir).with_context(|| format!("cannot create `{}`", dir.display()))?;
        let stem = |frame: &str| self.places.results.join(format!("{}{frame}", self.name));
        let formats = self.formats_at(&stem(""));
        // The samples come first: what they cannot be read of any more is in no other file either.
        let (samples, classes) = (stem(".samples"), stem(".classes"));
        let paths = SamplePaths { samples: &samples, classes: &classes };
        let Samples { verdicts, shown, left_out } = write_samples(results, paths, &formats, read)?;
        let results = &without(results, &left_out);
        for LeftOut { trial, cell, reason } in &left_out {
            note(&format!("warning: cell `{cell}` of trial `{trial}` is left out: {reason}"));
        }
        let results = &named(results, &context);
        let cells = CellRow::all(results)?;
        let trials = TrialRow::all(results);
        let steps = StepRow::all(results);
        for format in &formats {
            write_frame(&cells, &format.at(&stem("")), *format)?;
            write_frame(&trials, &format.at(&stem(".trials")), *format)?;
            write_frame(&steps, &format.at(&stem(".curves")), *format)?;
        }
        let rows =
            ReportRows { cells: &cells, trials: &trials, steps: &steps, verdicts: &verdicts };
        let report = Report::new(rows, &context)?;
        let html = || {
            let thumbnails = self.wanted.data_dir.map(|dir| thumbnails(&shown, dir));
            report.html(&shown, &thumbnails.unwrap_or_default())
        };
        for format in &formats {
            write_frame(report.transfer(), &format.at(&stem(".transfer")), *format)?;
        }
        let wanted = self.wanted.documents;
        let paths = documents::write((&report, &html), &self.places.reports, &self.name, wanted)?;
        let exit = if left_out.is_empty() { Exit::Ok } else { Exit::Incomplete };
        Ok(Written { paths, in_short: report.in_short(), exit })
    }

    /// Parquet, what is asked for, and what is there already: no file may tell of other results.
    fn formats_at(&self, cells: &Path) -> Vec<FrameFormat> {
        let is_wanted = |format: &FrameFormat| {
            *format == FrameFormat::Parquet
                || self.wanted.frames.contains(format)
                || format.at(cells).exists()
        };
        FrameFormat::ALL.into_iter().filter(is_wanted).collect()
    }
}

/// The results, which know themselves what they were made from, with the names of suite and model.
fn named(results: &[TrialResults], context: &ReportContext<'_>) -> Vec<TrialResults> {
    let mut results = results.to_vec();
    for TrialResults { provenance, .. } in &mut results {
        provenance.suite.clone_from(&context.suite_name);
        provenance.model.clone_from(&context.base_model);
    }
    results
}

/// What this run asks for. Model and data are named without the folders around them, which are this
/// machine's own.
pub fn last_run(request: &Request, args: &RunArgs) -> LastRun {
    let SelectionArgs { methods, datasets, shots, seeds, limit, .. } = args.selection.clone();
    let (model, data) = (args.inputs.model.as_deref(), args.inputs.data.as_deref());
    LastRun {
        model: model.map_or_else(|| suites_model(&request.suite), given_name),
        data: data.map_or_else(|| suites_data(&request.suite), folder_name),
        methods,
        datasets,
        shots,
        seeds,
        limit,
    }
}

/// Nothing selected but, perhaps, a protocol and adapters: they name another suite.
pub fn unselected(selection: &SelectionArgs) -> SelectionArgs {
    let SelectionArgs { protocol, lora, .. } = selection.clone();
    SelectionArgs { protocol, lora, ..SelectionArgs::default() }
}

/// The last part of a folder's path.
fn folder_name(dir: &Path) -> String {
    match dir.canonicalize().ok().as_deref().and_then(Path::file_name) {
        Some(name) => name.to_string_lossy().into_owned(),
        None => dir.display().to_string(),
    }
}

/// The name of a model as it was given: of a folder, or of one that was fetched.
fn given_name(given: &Path) -> String {
    model_name(&hub::dir_of(given).unwrap_or_else(|_| given.to_owned()))
}

/// The name of a model's folder; in Hugging Face's cache, `models--ORG--NAME/snapshots/COMMIT`, the
/// model's name.
fn model_name(dir: &Path) -> String {
    let whole = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    let cached = whole.parent().filter(|parent| parent.ends_with("snapshots")).and_then(|parent| {
        let folder = parent.parent()?.file_name()?.to_str()?;
        Some(folder.strip_prefix("models--")?.rsplit("--").next()?.to_owned())
    });
    cached.unwrap_or_else(|| folder_name(dir))
}

/// What the last run asked for.
pub fn last_selection(last_run: LastRun, unselected: SelectionArgs) -> SelectionArgs {
    let LastRun { methods, datasets, shots, seeds, limit, .. } = last_run;
    SelectionArgs { methods, datasets, shots, seeds, limit, ..unselected }
}

/// Model and data of the last run, by name.
pub fn inputs(store: &Store) -> anyhow::Result<(String, String)> {
    let unknown = || (UNKNOWN.to_owned(), UNKNOWN.to_owned());
    Ok(store.read_last_run()?.map_or_else(unknown, |last_run| (last_run.model, last_run.data)))
}

/// Whether these are the drawn pictures of a suite.
pub fn is_drawn(suite: &Suite, data: &str) -> bool {
    suite.data.is_some() && data == suites_data(suite)
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

fn context<'a>(
    request: &'a Request,
    store: &Store,
    binding: &Binding,
    order: DatasetOrder,
) -> anyhow::Result<ReportContext<'a>> {
    let suite = &request.suite;
    let of_suite = (suites_model(suite), suites_data(suite));
    let (model, data) = inputs(store)?;
    let given = |flag: &str, is_given: bool| if is_given { flag } else { "" }.to_owned();
    let synthetic = is_drawn(suite, &data);
    Ok(ReportContext {
        suite_name: suite.name.clone(),
        suite_description: suite.description.clone(),
        // The records say it as well; this holds before there are any.
        synthetic,
        frames: suite.name.clone(),
        command: request.command.clone()
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
        order,
        shared_names: if synthetic { shared_names_of_drawn() } else { shared_names() },
        planned: &request.trials,
    })
}

/// Writes a document so that it is there whole or not at all.
pub fn write_atomically(path: &Path, text: impl AsRef<[u8]>) -> anyhow::Result<()> {
    clsrl_files::replace(path, text.as_ref())
        .with_context(|| format!("cannot write `{}`", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_named_by_its_folder_and_in_a_cache_by_the_model() {
        let dir = tempfile::tempdir().unwrap();
        for (path, expected) in [
            ("Qwen2-VL-2B-Instruct", "Qwen2-VL-2B-Instruct"),
            ("models--Qwen--Qwen2-VL-2B-Instruct/snapshots/895c3a49", "Qwen2-VL-2B-Instruct"),
            ("mine/snapshots/last", "last"),
        ] {
            let path = dir.path().join(path);
            fs::create_dir_all(&path).unwrap();
            assert_eq!(model_name(&path), expected);
        }
    }
}
