//! `plan`: the trials and cells of a suite, and what is done, stale or missing of them.

mod planned;
mod hours;
mod table;

use std::path::{Path, PathBuf};

use clsrl_runner::{Shard, State, TrialStatus, trial_statuses};
use clsrl_spec::Trial;

use self::planned::Plan;
use crate::{
    exit::Exit,
    inputs::{Inputs, model_dir},
    memory::Memory,
    model::float32_bytes,
    options::{Check, InputOptions, SuiteOptions},
    output::{note, print},
    output_files::create_dir,
    progress::Detail,
    replace,
    request::Request,
    stored_run::describe_run,
    task_plan::{Made, TaskOptions},
    words::count,
};

/// What `plan` is asked for.
#[derive(Debug)]
pub struct PlanOptions {
    /// What would run.
    pub suite: SuiteOptions,
    /// With what.
    pub inputs: InputOptions,
    /// The part of it that is meant; all of it if none.
    pub shard: Option<Shard>,
    /// Whether every trial is listed.
    pub list: bool,
    /// Whether to print JSON.
    pub json: bool,
    /// The file to write the plan into, and how it is cut into tasks.
    pub to: Option<(PathBuf, TaskOptions)>,
}

/// Prints the plan, or writes it for tasks.
pub fn plan(options: &PlanOptions, detail: Detail) -> anyhow::Result<Exit> {
    if let Some((to, tasks)) = &options.to {
        return write_tasks(options, (to, tasks), detail);
    }
    let mut request = Request::load(&options.suite)?.keep_shard(options.shard)?;
    let store = request.store();
    let bound = Inputs::bind_if_there(&mut request, &options.inputs, detail)?
        .map(|inputs| inputs.keeping_earlier(&store, &request.trials));
    let bound = match bound {
        Ok(inputs) => Ok(inputs?),
        Err(lacking) => Err(lacking),
    };
    let statuses = match &bound {
        Ok(inputs) => trial_statuses(&store, &request.trials, &inputs.binding)?,
        Err(lacking) => request.trials.iter().map(|trial| unbound(trial, lacking)).collect(),
    };
    let memory = memory_of(&request, &options.inputs);
    let plan = Plan::new(&request, bound.as_ref().ok(), &statuses, memory);
    print(&match (options.json, options.list) {
        (true, _) => json(&plan)?,
        (false, true) => table::trials(&plan) + &table::totals(&plan),
        (false, false) => {
            let hours = plan.hours.as_ref().map_or(String::new(), |hours| hours.render());
            let groups = table::groups(&plan, &request.trials);
            let memory = plan.memory.as_ref().map(|memory| format!("\n{}", memory.render()));
            [groups, table::totals(&plan), hours].join("\n") + &memory.unwrap_or_default()
        }
    })?;
    if let Err(lacking) = bound {
        detail.say(&format!("nothing is compared with results: {lacking}"));
    }
    Ok(Exit::Ok)
}

/// What a fine-tune takes of a GPU, where the model is there; it needs no data.
fn memory_of(request: &Request, options: &InputOptions) -> Option<Memory> {
    let dir = model_dir(&request.project, &request.suite, options.model.as_deref()).ok()?;
    let precision = request.suite.execution.precision.on(options.device.kind());
    Memory::of(&request.trials, float32_bytes(&dir)? / 4, precision)
}

/// Binds model and data, and writes what is left as tasks that any scheduler can run.
fn write_tasks(
    options: &PlanOptions,
    (to, tasks): (&Path, &TaskOptions),
    detail: Detail,
) -> anyhow::Result<Exit> {
    let mut request = Request::load(&options.suite)?;
    let inputs = Inputs::bind(&mut request, &options.inputs, Check::Fast, detail)?;
    let store = request.store();
    let inputs = inputs.keeping_earlier(&store, &request.trials)?;
    let statuses = trial_statuses(&store, &request.trials, &inputs.binding)?;
    replace::check(&store, &statuses, false, detail)?;
    let Some(made) = Made::of(&request, &inputs, &statuses, tasks)? else {
        note("nothing is left to run: no plan is written");
        return Ok(Exit::Ok);
    };
    made.plan.write(to)?;
    create_dir(store.dir())?;
    store.write_last_run(&describe_run(&request, &options.inputs))?;
    let n_tasks = made.plan.tasks.len();
    print(&format!(
        "{} in {}, from 0 to {}: `clsrl-bench run --plan {} --task N` runs one\n",
        count(made.plan.trials.len(), "trial"),
        count(n_tasks, "task"),
        n_tasks - 1,
        to.display(),
    ))?;
    Ok(Exit::Ok)
}

fn unbound(trial: &Trial, lacking: &str) -> TrialStatus {
    let missing = || lacking.to_owned();
    TrialStatus {
        trial: trial.clone(),
        training: State::Missing(missing()),
        cells: trial.cells().into_iter().map(|cell| (cell, State::Missing(missing()))).collect(),
        foreign_checkpoint: false,
    }
}

fn json(plan: &Plan) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(plan)? + "\n")
}
