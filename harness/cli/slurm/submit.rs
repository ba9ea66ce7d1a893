//! `slurm submit`: what is left of a suite, as arrays of tasks and a job that writes the report.

use std::{
    env,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, anyhow};
use clsrl_runner::{TrialStatus, trial_statuses};
use clsrl_slurm::{
    Array, Container, Jobs, ReportScript, Runtime, Settings, Slurm, TaskScript, TimeLimit,
    array_args, arrays, report_args,
};

use super::submission::Submission;
use crate::{
    exit::Exit,
    inputs::Inputs,
    options::{Check, InputOptions, SuiteOptions},
    output::{note, print},
    output_files::write_file,
    progress::Detail,
    replace,
    request::{Request, selection_words},
    stored_run::describe_run,
    task_plan::{Made, TaskOptions, TaskPlan, absolute},
    words::{count, duration},
};

/// The most elements of an array where the controller does not tell: Slurm's own default.
const MAX_ELEMENTS: usize = 1001;

/// How many trials are named that take too long.
const MAX_NAMED: usize = 5;

/// What to submit.
#[derive(Debug)]
pub struct SubmitOptions {
    /// Which suite.
    pub suite: SuiteOptions,
    /// With what.
    pub inputs: InputOptions,
    /// How the images are checked before.
    pub check: Check,
    /// Overwrite finished results of another identity.
    pub replace: bool,
    /// How it is cut into tasks.
    pub tasks: TaskOptions,
    /// What Slurm is told.
    pub slurm: SlurmOptions,
}

/// What Slurm is told of every task.
#[derive(Debug, Clone)]
pub struct SlurmOptions {
    pub partition: Option<String>,
    pub account: Option<String>,
    pub qos: Option<String>,
    pub constraint: Option<String>,
    pub time: TimeLimit,
    pub gpus_per_task: usize,
    pub cpus_per_task: Option<usize>,
    pub mem: Option<String>,
    /// How many tasks may run at a time.
    pub at_most: Option<usize>,
    /// The most elements of an array, instead of what the controller says.
    pub array_max: Option<usize>,
    pub container: Option<(String, Runtime)>,
    /// Further folders that the container sees.
    pub binds: Vec<PathBuf>,
    pub setup: Vec<String>,
    pub sbatch: Vec<String>,
    /// Seconds before the time limit at which a task is told of it.
    pub signal_before: usize,
    /// The program that the jobs run, if not this one.
    pub program: Option<PathBuf>,
    /// The partition of the job that writes the report.
    pub report_partition: Option<String>,
    /// A baseline to hold the results to, and the arguments of the gate.
    pub gate: Vec<String>,
    /// Submit beside an earlier submission whose jobs have not ended.
    pub beside: bool,
    /// Print what would be submitted, and write and submit nothing.
    pub dry_run: bool,
}

/// Submits what is left of a suite.
pub fn submit(options: &SubmitOptions, detail: Detail) -> anyhow::Result<Exit> {
    let mut request = Request::load(&options.suite)?;
    let inputs = Inputs::bind(&mut request, &options.inputs, options.check, detail)?;
    let store = request.store();
    let inputs = inputs.keeping_earlier(&store, &request.trials)?;
    let statuses = trial_statuses(&store, &request.trials, &inputs.binding)?;
    replace::check(&store, &statuses, options.replace, detail)?;
    let Some(made) = Made::of(&request, &inputs, &statuses, &options.tasks)? else {
        note("nothing is left to run: nothing is submitted");
        return Ok(Exit::Ok);
    };
    let slurm = Slurm::default();
    let given = options.slurm.array_max;
    let max_elements = || given.or_else(|| slurm.max_elements()).unwrap_or(MAX_ELEMENTS);
    let submitting = Submitting { request: &request, options, made: &made };
    let settings = submitting.settings(&Submission::next(&store))?;
    let partition = options.slurm.report_partition.clone().or(settings.partition.clone());
    let of_report = Settings { partition, ..settings.clone() };
    for settings in [settings, of_report] {
        settings.check().map_err(|fault| Exit::Usage.because(anyhow!(fault)))?;
    }
    if options.slurm.dry_run {
        let submission = Submission::next(&store);
        print(&submitting.describe(&statuses))?;
        print(&submitting.render(&submission, max_elements())?)?;
        return Ok(Exit::Ok);
    }
    if !options.slurm.beside {
        refuse_second(&Submission::all(&store), &slurm)?;
    }
    let submission = submitting.write(&Submission::create(&store)?)?;
    store.write_last_run(&describe_run(&request, &options.inputs))?;
    detail.say(submitting.describe(&statuses).trim_end());
    let jobs = submitting.call(&submission, &slurm, max_elements())?;
    print(&format!(
        "submitted {} as {}, the report as job {}\n{}\n",
        count(made.plan.tasks.len(), "task"),
        jobs.arrays
            .iter()
            .map(|array| format!("array {}", array.job))
            .collect::<Vec<_>>()
            .join(", "),
        jobs.report.as_deref().unwrap_or_default(),
        submission.dir().display(),
    ))?;
    detail.say("hint: `slurm status` with the same --suite and --out tells how it goes");
    Ok(Exit::Ok)
}

/// Two submissions at a time do no harm, but are rarely meant.
fn refuse_second(earlier: &[Submission], slurm: &Slurm) -> anyhow::Result<()> {
    for submission in earlier.iter().rev() {
        // Without an answer nobody knows, and claims keep them apart all the same.
        let queued = slurm.queue(&submission.read_jobs()?).unwrap_or_default();
        if !queued.is_empty() {
            return Err(Exit::Usage.because(anyhow!(
                "submission {} has {} in the queue\n\
                 hint: `slurm status` tells of them, `slurm cancel` ends them; --beside submits all the same, and \
                 each trial is still run by one task at a time",
                submission.number,
                count(queued.len(), "job")
            )));
        }
    }
    Ok(())
}

/// A submission that is about to be.
struct Submitting<'a> {
    request: &'a Request,
    options: &'a SubmitOptions,
    made: &'a Made,
}

impl Submitting<'_> {
    /// What there is to do, in how many tasks, and what may not work.
    fn describe(&self, statuses: &[TrialStatus]) -> String {
        let Made { plan, is_measured, too_long } = self.made;
        let time = self.options.slurm.time;
        let mut lines = vec![format!(
            "{}: {} of {} to run in {} of at most {time}",
            plan.suite,
            plan.trials.len(),
            count(statuses.len(), "trial"),
            count(plan.tasks.len(), "task"),
        )];
        if let (Some(seconds), Some(is_measured)) = (&plan.seconds, is_measured) {
            let all = Duration::try_from_secs_f64(seconds.iter().sum()).unwrap_or_default();
            let by = match is_measured {
                true => "by the time of what is done",
                false => "by a table of estimates for one H200; nothing was measured here",
            };
            lines.push(format!("  about {} on one slot, {by}", duration(all)));
        }
        if !too_long.is_empty() {
            let mut named = too_long.iter().take(MAX_NAMED).cloned().collect::<Vec<_>>();
            if MAX_NAMED < too_long.len() {
                named.push(format!("{} more", too_long.len() - MAX_NAMED));
            }
            lines.push(format!(
                "  {} may not end within {time}: {}\n  hint: each goes on in its next job where it was cut off; a longer --time saves loading again",
                count(too_long.len(), "trial"),
                named.join(", ")
            ));
        }
        lines.join("\n") + "\n"
    }

    /// The scripts, and the calls of `sbatch`, as they would be.
    fn render(&self, submission: &Submission, max_elements: usize) -> anyhow::Result<String> {
        let settings = self.settings(submission)?;
        let mut text = String::new();
        for (path, script) in self.scripts(submission, &settings) {
            text += &format!("\n--- {}\n{script}", path.display());
        }
        text += "\n--- submitted by\n";
        let mut after = Vec::new();
        for (number, (first, n)) in
            arrays(self.made.plan.tasks.len(), max_elements).into_iter().enumerate()
        {
            let at_most = self.options.slurm.at_most;
            let args = array_args(&submission.task_script(), first, n, at_most);
            text += &format!("sbatch --parsable {}\n", words(&args));
            after.push(format!("ARRAY{}", number + 1));
        }
        let args = report_args(&submission.report_script(), &after);
        text += &format!("sbatch --parsable {}\n", words(&args));
        Ok(text)
    }

    /// Writes the submission's folder.
    fn write(&self, submission: &Submission) -> anyhow::Result<Submission> {
        let settings = self.settings(submission)?;
        self.made.plan.write(&submission.plan_path())?;
        let program = match &self.options.slurm.program {
            Some(program) => program.clone(),
            None => env::current_exe().context("the program cannot find itself")?,
        };
        clsrl_files::copy_program(&program, &submission.program())
            .with_context(|| format!("cannot copy `{}`", program.display()))?;
        for (path, script) in self.scripts(submission, &settings) {
            write_file(&path, script)?;
        }
        Ok(submission.clone())
    }

    /// Calls `sbatch`; each job is noted as soon as it has a number.
    fn call(
        &self,
        submission: &Submission,
        slurm: &Slurm,
        max_elements: usize,
    ) -> anyhow::Result<Jobs> {
        let mut jobs = Jobs::default();
        let broken_off = |jobs: &Jobs| match jobs.arrays.is_empty() {
            true => "nothing was submitted".to_owned(),
            false => format!(
                "{} submitted already\nhint: `slurm cancel` takes them back",
                count(jobs.arrays.len(), "array")
            ),
        };
        for (first, n) in arrays(self.made.plan.tasks.len(), max_elements) {
            let at_most = self.options.slurm.at_most;
            let args = array_args(&submission.task_script(), first, n, at_most);
            let taken = slurm.submit(&args).with_context(|| broken_off(&jobs))?;
            jobs.cluster = taken.cluster;
            jobs.arrays.push(Array { job: taken.job, first, n });
            submission.write_jobs(&jobs)?;
        }
        let after: Vec<String> = jobs.arrays.iter().map(|array| array.job.clone()).collect();
        let args = report_args(&submission.report_script(), &after);
        jobs.report = Some(slurm.submit(&args).with_context(|| broken_off(&jobs))?.job);
        submission.write_jobs(&jobs)?;
        Ok(jobs)
    }

    fn scripts(&self, submission: &Submission, settings: &Settings) -> [(PathBuf, String); 2] {
        let (program, plan) = (submission.program(), submission.plan_path());
        let home = self.request.project.root();
        let tasks = TaskScript { settings, program: &program, plan: &plan, home };
        let partition = self.options.slurm.report_partition.as_deref();
        let commands = self.report_commands(&program);
        let report = ReportScript { settings, partition, home, commands: &commands };
        [(submission.task_script(), tasks.render()), (submission.report_script(), report.render())]
    }

    /// `report`, and `gate` if there is a baseline.
    fn report_commands(&self, program: &Path) -> Vec<Vec<String>> {
        let SuiteOptions { suite, selection, variant, out } = &self.options.suite;
        let words = selection_words(&self.request.project, suite, selection, variant);
        let out: Vec<String> =
            out.iter().flat_map(|out| ["--out".to_owned(), shown(out)]).collect();
        let call = |verb: &str, more: &[String]| {
            let verb = [shown(program), verb.to_owned()];
            [&verb, words.as_slice(), &out, more].concat()
        };
        let data = self.options.inputs.data.dir.iter();
        let data: Vec<String> = data.flat_map(|dir| ["--data".to_owned(), shown(dir)]).collect();
        let gate = Some(&self.options.slurm.gate).filter(|gate| !gate.is_empty());
        let report = call("report", &data);
        [report].into_iter().chain(gate.map(|gate| call("gate", gate))).collect()
    }

    fn settings(&self, submission: &Submission) -> anyhow::Result<Settings> {
        let options = self.options.slurm.clone();
        let work_dir = env::current_dir().context("the current folder cannot be found")?;
        let container = match options.container {
            Some((image, runtime)) => {
                let TaskPlan { inputs, results, .. } = &self.made.plan;
                let mut dirs = vec![self.request.project.root().to_owned(), results.clone()];
                dirs.extend(inputs.folders());
                for dir in &options.binds {
                    dirs.push(absolute(dir)?);
                }
                dirs.push(work_dir.clone());
                Some(Container::new(image, runtime, dirs))
            }
            None => None,
        };
        Ok(Settings {
            job_name: format!("clsrl-{}", self.made.plan.suite),
            partition: options.partition,
            account: options.account,
            qos: options.qos,
            constraint: options.constraint,
            time: options.time,
            gpus_per_task: options.gpus_per_task,
            cpus_per_task: options.cpus_per_task,
            mem: options.mem,
            signal_before: Duration::from_secs(options.signal_before as u64),
            container,
            setup: options.setup,
            extra: options.sbatch,
            work_dir,
            log_dir: absolute(&submission.logs())?,
        })
    }
}

/// A path that means the same in any folder.
fn shown(path: &Path) -> String {
    absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

fn words(args: &[String]) -> String {
    args.iter().map(|arg| clsrl_slurm::quote(arg)).collect::<Vec<_>>().join(" ")
}
