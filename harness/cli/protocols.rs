//! The project's protocols, by name or by path.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use clsrl_files::limit;
use clsrl_spec::ProtocolFile;

use crate::{exit::Exit, names::guess, project::Project};

/// Reads a protocol by its name in `suites/protocols/`, or by its path.
pub fn read_protocol(named: &str) -> anyhow::Result<ProtocolFile> {
    let is_path = named.ends_with(".toml") || named.contains(std::path::is_separator);
    let project = Project::find()?;
    let (path, shown) = match is_path {
        true => (PathBuf::from(named), named.to_owned()),
        false => {
            let file = format!("{named}.toml");
            (project.protocols_dir().join(&file), format!("suites/protocols/{file}"))
        }
    };
    let text = clsrl_files::read_to_string(&path, limit::SETTINGS)
        .with_context(|| {
            let names = protocol_names(&project, named);
            format!("cannot read protocol `{shown}`\nhint: {names}; a path ends in `.toml`")
        })
        .map_err(|error| Exit::Usage.because(error))?;
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or(named);
    ProtocolFile::parse(&text, &shown, stem).map_err(|errors| Exit::Usage.because(errors))
}

/// Says what the project's protocols are, first the one that was probably meant.
pub fn protocol_names(project: &Project, found: &str) -> String {
    let entries = fs::read_dir(project.protocols_dir()).into_iter().flatten().flatten();
    let stem = |path: &Path| path.file_stem().and_then(|stem| stem.to_str().map(str::to_owned));
    let mut names: Vec<String> = entries.filter_map(|entry| stem(&entry.path())).collect();
    names.sort();
    let guess = guess(found, names.iter().map(String::as_str));
    format!("{guess}the project's protocols are {}", names.join(", "))
}
