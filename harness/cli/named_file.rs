//! Files that are given by their names in the project or by their paths: suites, protocols, baselines.

use std::{
    fs,
    path::{self, PathBuf},
};

use crate::{names::guess, project::Project};

/// A kind of files that have names.
#[derive(Debug, Clone, Copy)]
pub struct FileKind {
    /// The folder in the project.
    dir: &'static str,
    /// Whether it is written, not a part of the project.
    is_made: bool,
    /// What file names end with.
    extension: &'static str,
    /// What several are called.
    plural: &'static str,
}

/// Suites.
pub const SUITES: FileKind =
    FileKind { dir: "suites", is_made: false, extension: "toml", plural: "suites" };

/// Protocols.
pub const PROTOCOLS: FileKind =
    FileKind { dir: "suites/protocols", is_made: false, extension: "toml", plural: "protocols" };

/// Baselines.
pub const BASELINES: FileKind =
    FileKind { dir: "results/baselines", is_made: true, extension: "json", plural: "baselines" };

/// The file that was meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedFile {
    /// Where it is.
    pub path: PathBuf,
    /// The same for a message: as it was given, or relative to the project.
    pub shown: String,
}

impl FileKind {
    /// Finds the file: what ends in the extension or has a separator is a path, everything else a name.
    pub fn resolve(self, project: &Project, named: &str) -> NamedFile {
        let FileKind { dir, extension, .. } = self;
        let is_path =
            named.ends_with(&format!(".{extension}")) || named.contains(path::is_separator);
        if is_path {
            return NamedFile { path: PathBuf::from(named), shown: named.to_owned() };
        }
        let shown = format!("{dir}/{named}.{extension}");
        NamedFile { path: self.place(project, &shown), shown }
    }

    /// The names that the project has, with a guess at what was meant.
    pub fn list(self, project: &Project, named: &str) -> String {
        let names = self.names(project);
        let plural = self.plural;
        if names.is_empty() {
            return format!("the project has no {plural}");
        }
        let guess = guess(named, names.iter().map(String::as_str));
        format!("{guess}the project's {plural} are {}", names.join(", "))
    }

    /// The same for the hint of a file that cannot be read.
    pub fn hint(self, project: &Project, named: &str) -> String {
        format!("{}; a path ends in `.{}`", self.list(project, named), self.extension)
    }

    fn place(self, project: &Project, relative: &str) -> PathBuf {
        match self.is_made {
            true => project.work_path(relative),
            false => project.path(relative),
        }
    }

    fn names(self, project: &Project) -> Vec<String> {
        let entries = fs::read_dir(self.place(project, self.dir)).into_iter().flatten().flatten();
        let extension = format!(".{}", self.extension);
        let mut names: Vec<String> = entries
            .filter_map(|entry| {
                Some(entry.file_name().to_str()?.strip_suffix(&extension)?.to_owned())
            })
            .collect();
        names.sort();
        names
    }
}
