//! Where the project's own files are: suites, the tiny model, results, reports.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail};

/// The folder that holds `suites/` and `harness/`.
#[derive(Debug, Clone)]
pub struct Project {
    root: PathBuf,
}

impl Project {
    /// Finds the project: `CLSRL_HOME`, else the nearest folder upwards from the current one, else
    /// the one that the program was built in.
    pub fn find() -> anyhow::Result<Self> {
        if let Some(home) = env::var_os("CLSRL_HOME") {
            let root = PathBuf::from(home);
            if is_project(&root) {
                return Ok(Project { root });
            }
            bail!(
                "CLSRL_HOME is `{}`, expected a folder that holds `suites` and `harness`",
                root.display()
            );
        }
        let current = env::current_dir().context("the current folder cannot be found")?;
        let built_in = Path::new(env!("CARGO_MANIFEST_DIR"));
        match current.ancestors().chain([built_in]).find(|dir| is_project(dir)) {
            Some(root) => Ok(Project { root: root.to_owned() }),
            None => bail!(
                "no project found upwards from `{}`, expected a folder that holds `suites` and \
                 `harness`\nhint: go to the project, or name it in CLSRL_HOME",
                current.display()
            ),
        }
    }

    /// Its folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of the suites.
    pub fn suites_dir(&self) -> PathBuf {
        self.root.join("suites")
    }

    /// The folder of the protocols.
    pub fn protocols_dir(&self) -> PathBuf {
        self.suites_dir().join("protocols")
    }

    /// A file that a suite names, relative to the project.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// The commit of the project, with `-dirty` if its files differ; none outside a checkout.
    pub fn commit(&self, n_digits: usize) -> Option<String> {
        let head = self.git(&["rev-parse", &format!("--short={n_digits}"), "HEAD"])?;
        // Results are ignored by git; reports are generated as well and say nothing about the program.
        match self.git(&["status", "--porcelain", "--", ".", ":(exclude)reports"]) {
            Some(changes) if changes.is_empty() => Some(head),
            _ => Some(format!("{head}-dirty")),
        }
    }

    fn git(&self, args: &[&str]) -> Option<String> {
        let mut git = Command::new("git");
        git.arg("-C").arg(&self.root).args(args);
        if let Some(parent) = self.root.parent() {
            // Another checkout around the project is not the program's.
            git.env("GIT_CEILING_DIRECTORIES", parent);
        }
        let output = git.output().ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

fn is_project(dir: &Path) -> bool {
    dir.join("suites").is_dir() && dir.join("harness").is_dir()
}
