//! Documents and scripts, against the sources that they speak of.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use clsrl_spec::{Form, MethodId, PromptStyle, RewardId};

use crate::{assert_none, files_below, read, root, tracked_files};

const PARSE_PYTHON: &str = "import ast, sys; ast.parse(open(sys.argv[1]).read())";

#[test]
fn the_readme_lists_the_exit_codes_of_the_program() {
    assert_eq!(exit_codes_of_readme(), exit_codes_of_program());
}

#[test]
fn a_test_that_the_invariants_name_is_there() {
    let sources: String = ["harness", "tests"]
        .into_iter()
        .flat_map(files_below)
        .filter(|file| file.extension().is_some_and(|extension| extension == "rs"))
        .map(|file| read(file.to_str().expect("our file names are ASCII")))
        .collect();
    let invariants = read("harness/INVARIANTS.md");
    let named: Vec<&str> = invariants
        .lines()
        .filter(|line| line.starts_with('|'))
        .filter_map(|row| row.trim_end_matches('|').rsplit('|').next())
        .flat_map(|guards| guards.split('`').skip(1).step_by(2))
        .collect();
    assert!(10 < named.len(), "too few tests named: {named:?}");
    let is_missing = |name: &&str| !sources.contains(&format!("fn {name}("));
    let missing = named.into_iter().filter(is_missing).map(str::to_owned);
    assert_none("tests that INVARIANTS.md names in vain", &missing.collect::<Vec<_>>());
}

#[test]
fn the_architecture_is_read_in_one_sitting() {
    let n_words = read("harness/ARCHITECTURE.md").split_whitespace().count();
    assert!(n_words <= 2_000, "it has {n_words} words, expected at most 2000");
}

#[test]
fn a_split_file_is_fetched_from_where_its_dataset_says_that_it_is() {
    let sources = read("harness/sources/sources.toml");
    let files = files_below("harness/data/src/datasets").into_iter();
    let ids: Vec<String> = files
        .flat_map(|file| {
            let text = read(file.to_str().expect("our file names are ASCII"));
            let ids = text.split("drive_id: \"").skip(1);
            ids.filter_map(|rest| rest.split('"').next().map(str::to_owned)).collect::<Vec<_>>()
        })
        .collect();
    assert!(8 < ids.len());
    let strays: Vec<String> =
        ids.into_iter().filter(|id| !sources.contains(&format!("drive = \"{id}\""))).collect();
    assert_none("files that sources.toml has elsewhere", &strays);
}

#[test]
fn the_suites_readme_explains_every_field() {
    let mut fields = BTreeSet::new();
    for file in suite_files() {
        let table = read(file.to_str().expect("our file names are ASCII")).parse().unwrap();
        add_fields(&table, &mut fields);
    }
    assert!(60 < fields.len(), "too few fields: {fields:?}");
    fields.insert("limit".to_owned()); // no suite of ours has one
    assert_explained("fields", fields);
}

#[test]
fn the_suites_readme_explains_every_name() {
    let mut names: BTreeSet<String> = BTreeSet::new();
    names.extend(MethodId::ALL.map(|method| method.to_string()));
    names.extend(PromptStyle::ALL.map(|style| style.to_string()));
    names.extend(Form::ALL.map(|form| form.to_string()));
    names.extend(RewardId::ALL.map(|reward| reward.as_str().to_owned()));
    let stem = |file: PathBuf| file.file_stem().unwrap().to_str().unwrap().to_owned();
    names.extend(suite_files().into_iter().map(stem));
    assert_explained("names", names);
}

#[test]
fn every_script_is_executable_and_parses() {
    let mut findings = Vec::new();
    for script in scripts() {
        let path = root().join(&script);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        if mode & 0o111 == 0 {
            findings.push(format!("{}: not executable", script.display()));
        }
        let parsed = match read(script.to_str().unwrap()).lines().next() {
            Some("#!/usr/bin/env bash") => Command::new("bash").arg("-n").arg(&path).output(),
            Some("#!/usr/bin/env python3") => {
                Command::new("python3").args(["-c", PARSE_PYTHON]).arg(&path).output()
            }
            other => panic!("{}: first line {other:?}, expected bash or python3", script.display()),
        };
        let parsed = parsed.unwrap();
        if !parsed.status.success() {
            let errors = String::from_utf8_lossy(&parsed.stderr);
            findings.push(format!("{}: {}", script.display(), errors.trim()));
        }
    }
    assert_none("scripts", &findings);
}

/// In an empty folder as home and cache, so that one that sets up or builds is seen by what it leaves there.
#[test]
fn the_help_of_every_script_says_what_it_does_and_does_nothing() {
    let mut findings = Vec::new();
    for script in scripts() {
        let home = tempfile::tempdir().unwrap();
        let output = Command::new(root().join(&script))
            .arg("--help")
            .current_dir(home.path())
            .env("HOME", home.path())
            .env("XDG_CACHE_HOME", home.path())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() || !text.contains("usage:") {
            findings.push(format!("{}: {}, {text:?}", script.display(), output.status));
        }
        if fs::read_dir(home.path()).unwrap().next().is_some() {
            findings.push(format!("{} leaves something behind", script.display()));
        }
    }
    assert_none("scripts without help", &findings);
}

#[test]
fn no_file_names_a_place_on_somebodys_machine() {
    let Some(files) = tracked_files() else {
        eprintln!("skipped: not a git checkout, so nobody can tell which files are tracked");
        return;
    };
    // In two parts, so that this file passes as well.
    let places = [concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/Us", "ers/")];
    let mut findings = Vec::new();
    for file in files {
        // Models and images are not text.
        let Ok(text) = fs::read_to_string(root().join(&file)) else { continue };
        for (n, line) in text.lines().enumerate() {
            if places.iter().any(|place| line.contains(place)) {
                findings.push(format!("{}:{}: {}", file.display(), n + 1, line.trim()));
            }
        }
    }
    assert_none("paths of a machine", &findings);
}

/// The suites and protocols.
fn suite_files() -> Vec<PathBuf> {
    let mut files = files_below("suites");
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    files
}

/// The keys of a suite or protocol at every depth, but not the datasets of a value that differs by dataset.
fn add_fields(table: &toml::Table, fields: &mut BTreeSet<String>) {
    for (key, value) in table {
        fields.insert(key.clone());
        match value {
            toml::Value::Table(inner) if !inner.contains_key("default") => {
                add_fields(inner, fields);
            }
            _ => {}
        }
    }
}

/// Fails unless every word stands between backticks in `suites/README.md`.
fn assert_explained(what: &str, words: BTreeSet<String>) {
    let readme = read("suites/README.md");
    let is_apart = |c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-');
    let explained: BTreeSet<&str> =
        readme.split('`').skip(1).step_by(2).flat_map(|code| code.split(is_apart)).collect();
    let missing: Vec<String> =
        words.into_iter().filter(|word| !explained.contains(word.as_str())).collect();
    assert_none(&format!("{what} that suites/README.md does not explain"), &missing);
}

/// `.ci/run` and the scripts, which are the files of their folder without an extension.
fn scripts() -> Vec<PathBuf> {
    let mut scripts = files_below("harness/scripts");
    scripts.retain(|file| file.extension().is_none());
    scripts.push(Path::new(".ci/run").to_owned());
    assert!(3 < scripts.len(), "too few scripts: {scripts:?}");
    scripts
}

/// Rows like `| 0 | all went well |`.
fn exit_codes_of_readme() -> Vec<(u8, String)> {
    let readme = read("README.md");
    let rows = readme.lines().filter_map(|line| {
        let mut columns = line.strip_prefix('|')?.split('|').map(str::trim);
        Some((columns.next()?.parse().ok()?, columns.next()?.to_owned()))
    });
    rows.collect()
}

/// Lines like `Ok = 0,` and `Exit::Ok => "all went well",`.
fn exit_codes_of_program() -> Vec<(u8, String)> {
    let source = read("harness/cli/exit.rs");
    let lines = || source.lines().map(|line| line.trim().trim_end_matches(','));
    let meaning = |name: &str| {
        let start = format!("Exit::{name} => \"");
        let found = lines().find_map(|line| line.strip_prefix(&start)?.strip_suffix('"'));
        found.unwrap_or_else(|| panic!("no meaning of {name}")).to_owned()
    };
    let codes = lines().filter_map(|line| {
        let (name, code) = line.split_once(" = ")?;
        Some((code.parse().ok()?, meaning(name)))
    });
    let codes: Vec<(u8, String)> = codes.collect();
    assert!(8 < codes.len(), "too few exit codes: {codes:?}");
    codes
}
