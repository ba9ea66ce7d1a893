//! The inputs of a target: those that are kept in the project, and those that a session found.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Inputs by the order in which they were found, seeds first.
#[derive(Debug, Default)]
pub struct Corpus {
    /// The inputs.
    pub inputs: Vec<Vec<u8>>,
}

/// The folder of a target's seeds.
pub fn corpus_dir(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target)
}

impl Corpus {
    /// Reads the seeds of a target, in the order of their names.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub fn read(dir: &Path) -> io::Result<Self> {
        let listed = fs::read_dir(dir)?.map(|entry| Ok(entry?.path()));
        let mut paths = listed.collect::<io::Result<Vec<PathBuf>>>()?;
        paths.sort();
        let read = |path: &PathBuf| clsrl_files::read(path, clsrl_files::limit::SETTINGS);
        Ok(Corpus { inputs: paths.iter().map(read).collect::<io::Result<_>>()? })
    }
}
