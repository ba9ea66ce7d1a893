//! `report`: writes the report of a suite's last run again, from its results alone.

use std::{path::PathBuf, time::Instant};

use clsrl_runner::trial_statuses;

use crate::{
    against_paper,
    exit::Exit,
    options::SuiteOptions,
    output::print,
    progress::Detail,
    report_writer::{ReportFormats, ReportWriter},
    sample_images::sample_images_dir,
    stored_run::StoredRun,
    words::duration,
};

/// What `report` is asked for.
#[derive(Debug)]
pub struct ReportOptions {
    /// Whose results.
    pub suite: SuiteOptions,
    /// Which files.
    pub formats: ReportFormats,
    /// The folder that holds the datasets' folders, for the images of samples.
    pub data: Option<PathBuf>,
    /// Whether results are compared with the paper's numbers.
    pub against_paper: bool,
}

/// Writes report and frames of the last run; prints the averages in short and the paths.
///
/// Without model and data it is unknown whether results still fit to them; those that do not fit
/// to the suite or to each other are left out.
pub fn report(options: &ReportOptions, detail: Detail) -> anyhow::Result<Exit> {
    let began = Instant::now();
    let run = StoredRun::find(&options.suite)?;
    let StoredRun { request, store, binding } = &run;
    let _lock = store.lock_report()?;
    let statuses = trial_statuses(store, &request.trials, binding)?;
    let is_complete = run.is_complete(&statuses, detail)?;
    let data_dir = sample_images_dir(request, store, options.data.as_deref(), detail)?;
    let ReportOptions { formats, .. } = options;
    let writer = ReportWriter::new(request, store, binding, formats, data_dir.as_deref(), detail);
    let written = writer.write_done(&statuses)?;
    print(&written.render(&format!("report written in {}", duration(began.elapsed())), detail))?;
    if options.against_paper || against_paper::exists(request) {
        let path = against_paper::write(&writer, &statuses, &formats.documents)?;
        print(&format!("{}\n", path.display()))?;
    }
    Ok(if is_complete { written.exit } else { Exit::Incomplete })
}
