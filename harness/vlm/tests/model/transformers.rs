//! What is saved here, loaded there: by transformers, where a Python has it.

use std::{path::Path, process::Command};

use crate::{golden::Goldens, tiny};

/// A Python with these packages: `CLSRL_PYTHON`, else `python3`.
pub fn python_with(packages: &[&str]) -> Option<String> {
    let python = std::env::var("CLSRL_PYTHON").unwrap_or_else(|_| "python3".into());
    let packages = packages.join(", ");
    let asked = Command::new(&python).args(["-c", &format!("import {packages}")]).output();
    let has_all = asked.is_ok_and(|output| output.status.success());
    if !has_all {
        eprintln!("skipped: `{python}` lacks one of {packages}");
    }
    has_all.then_some(python)
}

fn python() -> Option<String> {
    python_with(&["torch", "transformers"])
}

fn check(python: &str, dir: &Path) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/python/load_saved_model.py");
    let output = Command::new(python).arg(script).arg(dir).args(["1", "2", "3"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn transformers_loads_a_published_model_that_was_saved_again() {
    let (Some(python), Some(goldens)) = (python(), Goldens::open()) else { return };
    let dir = tempfile::tempdir().unwrap();
    goldens.model().save(dir.path(), &goldens.model_dir()).unwrap();
    check(&python, dir.path());
}

#[test]
fn transformers_loads_a_model_that_was_made_here() {
    let Some(python) = python() else { return };
    let dir = tempfile::tempdir().unwrap();
    tiny::model().save(dir.path(), dir.path()).unwrap();
    check(&python, dir.path());
}
