//! Suites and protocols, read by their names or paths.

use std::path::Path;

use anyhow::{Context, anyhow};
use clsrl_files::limit;
use clsrl_spec::{LoraRule, ProtocolFile, Setting, Suite};

use crate::{
    exit::Exit,
    named_file::{NamedFile, PROTOCOLS, SUITES},
    options::Variant,
    project::Project,
};

/// Reads a suite as it is to be run: under the protocol that was asked for, with adapters if they were.
///
/// Either makes it another experiment, so its results go by another name.
pub fn read_variant(project: &Project, named: &str, variant: &Variant) -> anyhow::Result<Suite> {
    let mut suite = read_set(project, named, variant.protocol.as_deref(), &variant.set)?;
    if let Some(rank) = variant.lora {
        suite.protocol.lora = Some(LoraRule { rank, alpha: 2.0 * rank as f64 });
        suite.name.push_str(&format!(".lora{rank}"));
    }
    Ok(suite)
}

/// What a suite is, with the fields that were set.
pub fn describe(suite: &Suite) -> String {
    let set: Vec<String> = suite.set.iter().map(Setting::to_string).collect();
    match set.is_empty() {
        true => suite.description.clone(),
        false => format!("{}. Set: {}", suite.description.trim_end_matches('.'), set.join(", ")),
    }
}

/// Reads a suite by its name in `suites/`, or by its path.
///
/// Another protocol than the suite's own is named like it, by a file's stem.
pub fn read_suite(project: &Project, named: &str, protocol: Option<&str>) -> anyhow::Result<Suite> {
    read_set(project, named, protocol, &[])
}

/// The same with other values of some fields.
fn read_set(
    project: &Project,
    named: &str,
    protocol: Option<&str>,
    set: &[Setting],
) -> anyhow::Result<Suite> {
    let NamedFile { path, shown } = SUITES.resolve(project, named);
    let text = clsrl_files::read_to_string(&path, limit::SETTINGS)
        .with_context(|| {
            format!("cannot read suite `{shown}`\nhint: {}", SUITES.hint(project, named))
        })
        .map_err(|error| Exit::Usage.because(error))?;
    let protocols = |name: &str| read_protocol_of(project, &path, name);
    if let Some(fault) = protocol.and_then(|name| protocols(name).err()) {
        return Err(Exit::Usage.because(anyhow!(
            "--protocol names no protocol: {fault}\nhint: {}; others are looked for in `protocols` \
             beside the suite's file",
            PROTOCOLS.list(project, protocol.unwrap_or_default())
        )));
    }
    Suite::parse_set(&text, &shown, &protocols, protocol, set).map_err(|errors| {
        Exit::Usage.because(match set.is_empty() {
            true => errors.into(),
            false => {
                anyhow!("{errors}\nhint: the lines are those of the files with the values of --set")
            }
        })
    })
}

/// A suite's protocol lies beside it, in `protocols/`, or in the project.
fn read_protocol_of(project: &Project, suite: &Path, name: &str) -> Result<String, String> {
    let file = format!("{name}.toml");
    let beside = suite.with_file_name("protocols").join(&file);
    let path = if beside.is_file() { beside } else { project.protocols_dir().join(&file) };
    clsrl_files::read_to_string(&path, limit::SETTINGS)
        .map_err(|error| format!("cannot read `{}`: {error}", path.display()))
}

/// Reads a protocol by its name in `suites/protocols/`, or by its path.
pub fn read_protocol(named: &str) -> anyhow::Result<ProtocolFile> {
    let project = Project::find()?;
    let NamedFile { path, shown } = PROTOCOLS.resolve(&project, named);
    let text = clsrl_files::read_to_string(&path, limit::SETTINGS)
        .with_context(|| {
            format!("cannot read protocol `{shown}`\nhint: {}", PROTOCOLS.hint(&project, named))
        })
        .map_err(|error| Exit::Usage.because(error))?;
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or(named);
    ProtocolFile::parse(&text, &shown, stem).map_err(|errors| Exit::Usage.because(errors))
}
