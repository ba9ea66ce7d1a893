//! From results to the files of a report: frames first, then documents.

mod documents;
mod in_short;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use clsrl_data::datasets::{shared_names, standard_split};
use clsrl_report::{
    CellRow, DatasetOrder, FrameFormat, FrameSizes, InShort, LeftOut, ReadPredictions, Report,
    ReportContext, ReportRows, SamplePaths, Samples, ShownSamples, StepRow, TrialResults, TrialRow,
    write_frame, write_samples,
};
use clsrl_runner::{Store, TrialStatus};
use clsrl_spec::{Binding, DatasetId, Trial};
use clsrl_tiny::shared_names_of_drawn;

pub use self::documents::DocumentFormat;
use crate::{
    exit::Exit,
    output::note,
    output_files::create_dir,
    progress::Detail,
    request::Request,
    sample_images::thumbnails,
    stored_run::{InputNames, read_predictions, trial_results},
    suites::describe,
};

/// How often it is said how far answers are read.
const EVERY: Duration = Duration::from_secs(2);

/// Which files of a report are wanted.
#[derive(Debug, Clone, Default)]
pub struct ReportFormats {
    /// The formats of the frames beside Parquet.
    pub frames: Vec<FrameFormat>,
    /// The formats of the documents; all if none is named.
    pub documents: Vec<DocumentFormat>,
    /// The order of datasets in tables.
    pub order: DatasetOrder,
}

/// What a report is made of, and where it goes.
pub struct ReportWriter<'a> {
    /// The suite.
    pub request: &'a Request,
    /// The results folder.
    pub store: &'a Store,
    /// What the results were made with.
    pub binding: &'a Binding,
    /// The files' name, without an extension.
    pub name: String,
    /// What is written.
    pub formats: &'a ReportFormats,
    /// The folder of the datasets' folders, for the images of samples; none where there is none.
    pub data_dir: Option<&'a Path>,
    /// How much is told while answers are read.
    pub detail: Detail,
}

/// What frames were made of, and what they leave.
pub struct Frames {
    /// The report of the same rows.
    pub report: Report,
    /// Those of its samples that a report shows.
    pub shown: ShownSamples,
    /// The rows of its cells.
    pub cells: Vec<CellRow>,
    /// Rows of every frame.
    pub sizes: FrameSizes,
    /// The cells without samples, which are in no frame.
    pub left_out: Vec<LeftOut>,
}

/// The path of a frame by its suffix: nothing for the cells, `.samples` and so on.
pub type FramePath<'a> = dyn Fn(&str) -> PathBuf + 'a;

/// What was written of a report.
pub struct WrittenReport {
    /// The documents, or another file of theirs if none of them was wanted; the first to be read is the last.
    pub paths: Vec<PathBuf>,
    /// What they begin with.
    pub in_short: InShort,
    /// How it went.
    pub exit: Exit,
}

impl WrittenReport {
    /// Renders the end of a verb: the averages in short, a line on what was done, and the paths; if it is to be
    /// quiet, the paths alone.
    pub fn render(&self, done: &str, detail: Detail) -> String {
        let paths: String = self.paths.iter().map(|path| format!("{}\n", path.display())).collect();
        match detail {
            Detail::Quiet => paths,
            _ => format!("{}\n{done}\n{paths}", in_short::render(&self.in_short)),
        }
    }
}

impl<'a> ReportWriter<'a> {
    /// A writer of the suite's own report.
    pub fn new(
        request: &'a Request,
        store: &'a Store,
        binding: &'a Binding,
        formats: &'a ReportFormats,
        data_dir: Option<&'a Path>,
        detail: Detail,
    ) -> Self {
        let name = request.suite.name.clone();
        ReportWriter { request, store, binding, name, formats, data_dir, detail }
    }

    /// Writes documents and frames of what is done.
    pub fn write_done(&self, statuses: &[TrialStatus]) -> anyhow::Result<WrittenReport> {
        let results: Vec<TrialResults> =
            statuses.iter().filter_map(|status| trial_results(status, self.binding)).collect();
        self.write(&results, &mut |trial, cell| {
            read_predictions(self.store, statuses, (trial, cell))
        })
    }

    /// Writes report and frames; tells of cells without samples, which make the whole incomplete.
    pub fn write(
        &self,
        results: &[TrialResults],
        read: &mut ReadPredictions<'_>,
    ) -> anyhow::Result<WrittenReport> {
        let dir = &self.request.places.results;
        create_dir(dir)?;
        let stem = |frame: &str| dir.join(format!("{}{frame}", self.name));
        let formats = self.frame_formats(&stem(""));
        let Frames { report, shown, left_out, .. } =
            self.write_frames(results, read, (&stem, &formats))?;
        let html = || {
            let thumbnails = self.data_dir.map(|dir| thumbnails(&shown, dir));
            report.html(&shown, &thumbnails.unwrap_or_default())
        };
        let (reports, wanted) = (&self.request.places.reports, &self.formats.documents);
        let paths = documents::write((&report, &html), reports, &self.name, wanted)?;
        let exit = if left_out.is_empty() { Exit::Ok } else { Exit::Incomplete };
        Ok(WrittenReport { paths, in_short: report.in_short(), exit })
    }

    /// Writes the frames, each at the path that `stem` gives without the format's extension, and tells of cells without
    /// samples.
    pub fn write_frames(
        &self,
        results: &[TrialResults],
        read: &mut ReadPredictions<'_>,
        (stem, formats): (&FramePath<'_>, &[FrameFormat]),
    ) -> anyhow::Result<Frames> {
        let context = self.context()?;
        let mut reading = Reading::of(results, self.detail);
        let read = &mut |trial: &Trial, cell| {
            reading.advance();
            read(trial, cell)
        };
        // The samples come first: what they cannot be read of any more is in no other file either.
        let (samples, classes) = (stem(".samples"), stem(".classes"));
        let paths = SamplePaths { samples: &samples, classes: &classes };
        let Samples { verdicts, shown, classes, n_rows: (n_samples, n_classes), left_out } =
            write_samples(results, paths, formats, read)?;
        let results = &without(results, &left_out);
        for LeftOut { trial, cell, reason } in &left_out {
            note(&format!("warning: cell `{cell}` of trial `{trial}` is left out: {reason}"));
        }
        let results = &name_inputs(results, &context);
        let cells = CellRow::all(results)?;
        let trials = TrialRow::all(results);
        let steps = StepRow::all(results);
        for &format in formats {
            write_frame(&cells, &format.at(&stem("")), format)?;
            write_frame(&trials, &format.at(&stem(".trials")), format)?;
            write_frame(&steps, &format.at(&stem(".curves")), format)?;
        }
        let rows = ReportRows {
            cells: &cells,
            trials: &trials,
            steps: &steps,
            verdicts: &verdicts,
            classes: &classes,
        };
        let report = Report::new(rows, &context)?;
        for &format in formats {
            write_frame(report.transfer(), &format.at(&stem(".transfer")), format)?;
        }
        let sizes = FrameSizes {
            cells: cells.len(),
            trials: trials.len(),
            samples: n_samples,
            classes: n_classes,
            curves: steps.len(),
            transfer: report.transfer().len(),
        };
        Ok(Frames { report, shown, cells, sizes, left_out })
    }

    /// Parquet, what is asked for, and what is there already: no file may tell of other results.
    fn frame_formats(&self, cells: &Path) -> Vec<FrameFormat> {
        let is_wanted = |format: &FrameFormat| {
            *format == FrameFormat::Parquet
                || self.formats.frames.contains(format)
                || format.at(cells).exists()
        };
        FrameFormat::ALL.into_iter().filter(is_wanted).collect()
    }

    /// What the report says of the run besides its results.
    fn context(&self) -> anyhow::Result<ReportContext<'a>> {
        let Request { suite, command, trials, .. } = self.request;
        let of_suite = InputNames::of_suite(suite);
        let names = InputNames::read(self.store)?;
        let given = |flag: &str, is_given: bool| if is_given { flag } else { "" }.to_owned();
        let synthetic = names.is_drawn(suite);
        Ok(ReportContext {
            suite_name: suite.name.clone(),
            suite_description: describe(suite),
            // The records say it as well; this holds before there are any.
            synthetic,
            frames: self.name.clone(),
            command: command.clone()
                + &given(" --model DIR", names.model != of_suite.model)
                + &given(" --data DIR", names.data != of_suite.data),
            base_model: names.model,
            base_weights: self.binding.base_weights.clone(),
            data: names.data,
            protocol: &suite.protocol,
            standard_lists: DatasetId::ALL
                .into_iter()
                .filter_map(|id| Some((id, standard_split(id)?)))
                .collect(),
            order: self.formats.order,
            shared_names: if synthetic { shared_names_of_drawn() } else { shared_names() },
            planned: trials,
        })
    }
}

/// How far the answers are read; said where that takes long.
struct Reading {
    detail: Detail,
    n_read: usize,
    n_cells: usize,
    said: Instant,
}

impl Reading {
    fn of(results: &[TrialResults], detail: Detail) -> Self {
        let n_cells = results.iter().map(|results| results.cells.len()).sum();
        Reading { detail, n_read: 0, n_cells, said: Instant::now() }
    }

    fn advance(&mut self) {
        self.n_read += 1;
        if EVERY <= self.said.elapsed() {
            self.said = Instant::now();
            let so_far = format!("reading answers: {} of {} cells", self.n_read, self.n_cells);
            self.detail.say(&so_far);
        }
    }
}

/// The results but for these cells.
fn without(results: &[TrialResults], left_out: &[LeftOut]) -> Vec<TrialResults> {
    let mut results = results.to_vec();
    for TrialResults { trial, cells, .. } in &mut results {
        let key = trial.key();
        cells.retain(|(_, record)| {
            !left_out.iter().any(|out| out.trial == key && out.cell == record.outcome.cell)
        });
    }
    results
}

/// The results, which know themselves what they were made from, with the names of suite and model.
fn name_inputs(results: &[TrialResults], context: &ReportContext<'_>) -> Vec<TrialResults> {
    let mut results = results.to_vec();
    for TrialResults { provenance, .. } in &mut results {
        provenance.suite.clone_from(&context.suite_name);
        provenance.model.clone_from(&context.base_model);
    }
    results
}
