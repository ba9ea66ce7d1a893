//! The batch scripts of a submission, as a person would write them.
//!
//! The program replaces the shell (`exec`), and Slurm signals the batch process alone (`B:`): so the program learns of
//! the time limit, and its workers do not. Under `srun`, or behind a shell that waits for a child, they would.

use std::path::{Path, PathBuf};

use crate::{Container, Runtime, Settings};

/// What the tasks of an array run; its first argument is the number of the array's first task.
#[derive(Debug)]
pub struct TaskScript<'a> {
    /// What it asks Slurm for.
    pub settings: &'a Settings,
    /// The program that computes.
    pub program: &'a Path,
    /// The plan whose task it runs.
    pub plan: &'a Path,
    /// The folder that the program takes for its project.
    pub home: &'a Path,
}

/// What runs when all tasks have ended, however that was.
#[derive(Debug)]
pub struct ReportScript<'a> {
    /// What it asks Slurm for, but for GPUs and their like.
    pub settings: &'a Settings,
    /// Another partition than the tasks', for one that takes no job without a GPU.
    pub partition: Option<&'a str>,
    /// The folder that the program takes for its project.
    pub home: &'a Path,
    /// Command lines, each of which runs whatever became of those before.
    pub commands: &'a [Vec<String>],
}

impl TaskScript<'_> {
    /// The script's text.
    pub fn render(&self) -> String {
        let TaskScript { settings, program, plan, home } = self;
        let mut options = Options::new(settings, settings.partition.as_deref());
        options.add("job-name", &settings.job_name);
        options.add("time", &settings.time.to_string());
        if 0 < settings.gpus_per_task {
            options.add("gpus-per-task", &settings.gpus_per_task.to_string());
        }
        options
            .add_given("cpus-per-task", settings.cpus_per_task.map(|n| n.to_string()).as_deref());
        options.add_given("mem", settings.mem.as_deref());
        options.add_given("constraint", settings.constraint.as_deref());
        // Of a node that fails too, whose first copy may still run; claims see to that.
        options.add_flag("requeue");
        options.add("open-mode", "append");
        options.add("signal", &format!("B:USR1@{}", settings.signal_before.as_secs()));
        options.add("output", &log_pattern(&settings.log_dir, "%A_%a.log"));
        let container = settings.container.as_ref();
        if let Some(Container { image, runtime: Runtime::Pyxis, binds }) = container {
            options.add("container-image", image);
            let mounts: Vec<String> =
                binds.iter().map(|bind| format!("{0}:{0}", bind.display())).collect();
            options.add("container-mounts", &mounts.join(","));
        }
        options.lines.extend(settings.extra.iter().map(|arg| format!("#SBATCH {arg}")));
        let mut body = vec![
            format!("export CLSRL_HOME={}", quote(&home.display().to_string())),
            "task=$(( ${1:-0} + SLURM_ARRAY_TASK_ID ))".to_owned(),
        ];
        if container.is_some_and(|container| container.runtime == Runtime::Apptainer) {
            // Where the site cleans the environment of images, this still names the task's GPU.
            body.push(
                "[ -z \"${CUDA_VISIBLE_DEVICES+set}\" ] || export APPTAINERENV_CUDA_VISIBLE_DEVICES=\"$CUDA_VISIBLE_DEVICES\""
                    .to_owned(),
            );
        }
        body.extend(settings.setup.iter().cloned());
        let run = [quote_path(program), "run --plan".to_owned(), quote_path(plan)].join(" ");
        body.push(format!("exec {}{run} --task \"$task\"", self.within()));
        script("Runs one task of a plan; submit it as an array.", &options.lines, &body)
    }

    /// What the program runs within, if that stands before it.
    fn within(&self) -> String {
        match &self.settings.container {
            Some(Container { image, runtime: Runtime::Apptainer, binds }) => {
                let nv = if 0 < self.settings.gpus_per_task { " --nv" } else { "" };
                let binds: String =
                    binds.iter().map(|bind| format!(" --bind {}", quote_path(bind))).collect();
                format!("apptainer exec{nv}{binds} {} ", quote(image))
            }
            _ => String::new(),
        }
    }
}

impl ReportScript<'_> {
    /// The script's text.
    pub fn render(&self) -> String {
        let ReportScript { settings, partition, home, commands } = self;
        let mut options = Options::new(settings, partition.or(settings.partition.as_deref()));
        options.add("job-name", &format!("{}-report", settings.job_name));
        options.add("time", "1:00:00");
        options.add("open-mode", "append");
        options.add("output", &log_pattern(&settings.log_dir, "report.log"));
        let mut body = vec![format!("export CLSRL_HOME={}", quote(&home.display().to_string()))];
        body.extend(settings.setup.iter().cloned());
        body.push("code=0".to_owned());
        for command in *commands {
            let words: Vec<String> = command.iter().map(|word| quote(word)).collect();
            body.push(format!("{} || code=$?", words.join(" ")));
        }
        body.push("exit $code".to_owned());
        script(
            "Writes the report when every task has ended, whatever failed.",
            &options.lines,
            &body,
        )
    }
}

/// Lines for `sbatch`.
struct Options {
    lines: Vec<String>,
}

impl Options {
    /// What all jobs of a submission ask for.
    fn new(settings: &Settings, partition: Option<&str>) -> Self {
        let mut options = Options { lines: Vec::new() };
        options.add("ntasks", "1");
        options.add("chdir", &settings.work_dir.display().to_string());
        options.add_given("partition", partition);
        options.add_given("account", settings.account.as_deref());
        options.add_given("qos", settings.qos.as_deref());
        options
    }

    fn add(&mut self, name: &str, value: &str) {
        self.lines.push(format!("#SBATCH --{name}={}", quote_option(value)));
    }

    fn add_given(&mut self, name: &str, value: Option<&str>) {
        value.into_iter().for_each(|value| self.add(name, value));
    }

    fn add_flag(&mut self, name: &str) {
        self.lines.push(format!("#SBATCH --{name}"));
    }
}

fn script(what: &str, options: &[String], body: &[String]) -> String {
    let parts = [&["#!/bin/bash".to_owned(), format!("# {what}")], options, &[String::new()], body];
    parts.concat().join("\n") + "\n"
}

/// A log's path as Slurm fills it in: a percent sign of a folder stands for itself.
fn log_pattern(dir: &Path, name: &str) -> String {
    format!("{}/{name}", dir.display().to_string().replace('%', "%%"))
}

fn quote_path(path: &Path) -> String {
    quote(&path.display().to_string())
}

/// A word as a shell reads it.
pub fn quote(word: &str) -> String {
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

/// A value as `sbatch` reads it behind `#SBATCH`, where a blank would end it.
fn quote_option(value: &str) -> String {
    match value.chars().any(|c| c.is_whitespace() || c == '#') {
        true => format!("\"{value}\""),
        false => value.to_owned(),
    }
}

fn is_plain(char: char) -> bool {
    char.is_ascii_alphanumeric() || "/._-+:,=@%".contains(char)
}

/// Folders without those that lie in others of them.
pub(crate) fn outermost(mut dirs: Vec<PathBuf>) -> Vec<PathBuf> {
    dirs.sort();
    dirs.dedup();
    let all = dirs.clone();
    dirs.retain(|dir| !all.iter().any(|other| other != dir && dir.starts_with(other)));
    dirs
}

impl Container {
    /// An image that sees these folders.
    pub fn new(image: String, runtime: Runtime, dirs: Vec<PathBuf>) -> Self {
        Container { image, runtime, binds: outermost(dirs) }
    }
}

#[cfg(test)]
mod tests;
