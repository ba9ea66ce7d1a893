//! A suite as the user asked for it: its file, the selected trials, and where its results go.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow};
use clsrl_files::limit;
use clsrl_spec::{LoraRule, Selection, Suite, Trial};

use crate::{
    args::SelectionArgs, exit::Exit, names::guess, project::Project, protocols::protocol_names,
};

/// A suite and the part of it that the user asked for.
pub struct Request {
    /// The project.
    pub project: Project,
    /// The suite.
    pub suite: Suite,
    /// The trials of the selection; never empty.
    pub trials: Vec<Trial>,
    /// The command that makes these results, without the inputs of this machine.
    pub command: String,
}

impl Request {
    /// Reads the suite and plans the selection.
    pub fn load(named: &str, selected: &SelectionArgs) -> anyhow::Result<Self> {
        let project = Project::find()?;
        let suite = selected_suite(&project, named, selected)?;
        Request::of(project, suite, named, selected)
    }

    /// Plans a part of a suite that was read as `named`.
    pub fn of(
        project: Project,
        suite: Suite,
        named: &str,
        selected: &SelectionArgs,
    ) -> anyhow::Result<Self> {
        let trials = clsrl_spec::plan(&suite, &selection(selected))
            .map_err(|error| Exit::NothingSelected.because(error))?;
        Ok(Request { command: command(&project, named, selected), project, suite, trials })
    }
}

/// Where results and reports of a suite go.
pub struct Places {
    /// The folder of the suites' results folders and frames.
    pub results: PathBuf,
    /// The folder of the reports.
    pub reports: PathBuf,
}

impl Places {
    /// The project's own folders, or one folder for everything.
    pub fn new(project: &Project, out: Option<&Path>) -> Self {
        match out {
            Some(dir) => Places { results: dir.to_owned(), reports: dir.to_owned() },
            None => Places { results: project.path("results"), reports: project.path("reports") },
        }
    }
}

/// Reads a suite as it is to be run: under the protocol that was asked for, with adapters if they were.
///
/// Either makes it another experiment, so its results go by another name.
pub fn selected_suite(
    project: &Project,
    named: &str,
    selected: &SelectionArgs,
) -> anyhow::Result<Suite> {
    let mut suite = read_suite(project, named, selected.protocol.as_deref())?;
    if let Some(rank) = selected.lora {
        suite.protocol.lora = Some(LoraRule { rank, alpha: 2.0 * rank as f64 });
        suite.name.push_str(&format!(".lora{rank}"));
    }
    Ok(suite)
}

/// Reads a suite by its name in `suites/`, or by its path.
///
/// Another protocol than the suite's own is named like it, by a file's stem.
pub fn read_suite(project: &Project, named: &str, protocol: Option<&str>) -> anyhow::Result<Suite> {
    let is_path = named.ends_with(".toml") || named.contains(std::path::is_separator);
    let path = match is_path {
        true => PathBuf::from(named),
        false => project.suites_dir().join(format!("{named}.toml")),
    };
    let shown = if is_path { named.to_owned() } else { format!("suites/{named}.toml") };
    let text = clsrl_files::read_to_string(&path, limit::SETTINGS)
        .with_context(|| {
            format!("cannot read suite `{shown}`\nhint: {}", suites_hint(project, named))
        })
        .map_err(|error| Exit::Usage.because(error))?;
    let protocols = |name: &str| read_protocol(project, &path, name);
    if let Some(fault) = protocol.and_then(|name| protocols(name).err()) {
        return Err(Exit::Usage.because(anyhow!(
            "--protocol names no protocol: {fault}\nhint: {}; others are looked for in `protocols` \
             beside the suite's file",
            protocol_names(project, protocol.unwrap_or_default())
        )));
    }
    Suite::parse_under(&text, &shown, &protocols, protocol)
        .map_err(|errors| Exit::Usage.because(errors))
}

/// A protocol lies beside its suite, in `protocols/`, or in the project.
fn read_protocol(project: &Project, suite: &Path, name: &str) -> Result<String, String> {
    let file = format!("{name}.toml");
    let beside = suite.with_file_name("protocols").join(&file);
    let path = if beside.is_file() { beside } else { project.protocols_dir().join(&file) };
    clsrl_files::read_to_string(&path, limit::SETTINGS)
        .map_err(|error| format!("cannot read `{}`: {error}", path.display()))
}

fn suites_hint(project: &Project, named: &str) -> String {
    let entries = fs::read_dir(project.suites_dir()).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(".toml")?.to_owned()))
        .collect();
    names.sort();
    let guess = guess(named, names.iter().map(String::as_str));
    format!("{guess}the project's suites are {}; a path ends in `.toml`", names.join(", "))
}

fn selection(args: &SelectionArgs) -> Selection {
    fn axis<T: Clone>(wanted: &[T]) -> Option<Vec<T>> {
        Some(wanted.to_vec()).filter(|wanted| !wanted.is_empty())
    }
    Selection {
        methods: axis(&args.methods),
        datasets: axis(&args.datasets),
        shots: axis(&args.shots),
        seeds: axis(&args.seeds),
        limit: args.limit,
    }
}

fn command(project: &Project, named: &str, args: &SelectionArgs) -> String {
    fn list<T: ToString>(flag: &str, wanted: &[T]) -> String {
        if wanted.is_empty() {
            return String::new();
        }
        let wanted: Vec<String> = wanted.iter().map(T::to_string).collect();
        format!(" --{flag} {}", wanted.join(","))
    }
    // The same text whether the suite was named or its file given.
    let path = Path::new(named);
    let is_ours = path.parent().and_then(|dir| dir.canonicalize().ok())
        == project.suites_dir().canonicalize().ok();
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    let shown = stem.filter(|_| is_ours).unwrap_or(named);
    [
        format!("clsrl-bench run --suite {shown}"),
        list("methods", &args.methods),
        list("datasets", &args.datasets),
        list("shots", &args.shots),
        list("seeds", &args.seeds),
        list("limit", args.limit.as_slice()),
        list("protocol", args.protocol.as_slice()),
        list("lora", args.lora.as_slice()),
    ]
    .concat()
}

/// An error for an input that neither the suite nor the user names.
pub fn lacks(suite: &Suite, what: &str, flag: &str) -> anyhow::Error {
    Exit::Usage.because(anyhow!(
        "suite `{}` names no {what}\nhint: give a folder with --{flag} DIR",
        suite.name
    ))
}
