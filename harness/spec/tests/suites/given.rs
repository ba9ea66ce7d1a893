//! The project's own suites, for tests.

use std::{fs, path::PathBuf};

use clsrl_spec::{Suite, SuiteErrors};

/// The folder `suites/`.
pub fn suites_dir() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../suites"))
}

/// The text of a suite file.
pub fn suite_text(name: &str) -> String {
    let path = suites_dir().join(format!("{name}.toml"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The text of a protocol file.
pub fn protocol_text(name: &str) -> String {
    let path = suites_dir().join(format!("protocols/{name}.toml"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Reads a suite's text with the project's protocols.
pub fn parse(text: &str) -> Result<Suite, SuiteErrors> {
    Suite::parse(text, "suites/mine.toml", &|name| {
        let path = suites_dir().join(format!("protocols/{name}.toml"));
        fs::read_to_string(path).map_err(|_| "there is no such file".to_owned())
    })
}

/// One of the project's suites.
pub fn suite(name: &str) -> Suite {
    parse(&suite_text(name)).unwrap_or_else(|errors| panic!("{errors}"))
}
