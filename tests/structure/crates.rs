//! Which crate depends on which, as `cargo metadata` tells it.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use serde_json::Value;

use crate::{assert_none, root};

/// Every edge between the project's own crates.
const EDGES: [(&str, &[&str]); 11] = [
    ("clsrl-files", &[]),
    ("clsrl-spec", &[]),
    ("clsrl-hub", &["clsrl-files", "clsrl-spec"]),
    ("clsrl-data", &["clsrl-files", "clsrl-spec"]),
    ("clsrl-libtorch", &[]),
    ("clsrl-vlm", &["clsrl-files", "clsrl-libtorch"]),
    ("clsrl-engine", &["clsrl-data", "clsrl-files", "clsrl-libtorch", "clsrl-spec", "clsrl-vlm"]),
    ("clsrl-runner", &["clsrl-files", "clsrl-spec"]),
    ("clsrl-report", &["clsrl-files", "clsrl-spec"]),
    (
        "clsrl-fuzz",
        &[
            "clsrl-data",
            "clsrl-engine",
            "clsrl-files",
            "clsrl-report",
            "clsrl-runner",
            "clsrl-spec",
            "clsrl-vlm",
        ],
    ),
    (
        "clsrl-bench",
        &[
            "clsrl-data",
            "clsrl-engine",
            "clsrl-files",
            "clsrl-report",
            "clsrl-runner",
            "clsrl-spec",
        ],
    ),
];

/// The only crates that may depend on a heavy one.
const HOMES: [(&str, &[&str]); 14] = [
    ("tch", &["clsrl-engine", "clsrl-libtorch", "clsrl-vlm"]),
    ("torch-sys", &["clsrl-libtorch", "clsrl-vlm"]),
    ("polars-core", &["clsrl-report"]),
    ("polars-parquet", &["clsrl-report"]),
    ("resvg", &["clsrl-report"]),
    ("krilla", &["clsrl-report"]),
    ("ureq", &["clsrl-hub"]),
    ("rustls-native-certs", &["clsrl-hub"]),
    ("sha1", &["clsrl-hub"]),
    ("image", &["clsrl-data"]),
    ("tokenizers", &["clsrl-data"]),
    ("clap", &["clsrl-bench"]),
    ("indicatif", &["clsrl-bench"]),
    ("anyhow", &["clsrl-bench"]),
];

#[test]
fn the_crates_depend_on_each_other_as_drawn() {
    let expected: BTreeMap<String, BTreeSet<String>> = EDGES
        .iter()
        .map(|(from, to)| (from.to_string(), to.iter().map(|name| name.to_string()).collect()))
        .collect();
    let own = |name: &String| expected.contains_key(name);
    let found: BTreeMap<String, BTreeSet<String>> = dependencies()
        .into_iter()
        .map(|(from, to)| (from, to.into_iter().filter(own).collect()))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn a_heavy_crate_has_one_home() {
    let mut strays = Vec::new();
    for (from, to) in dependencies() {
        for (heavy, homes) in HOMES {
            if to.contains(heavy) && !homes.contains(&from.as_str()) {
                strays.push(format!("{from} depends on {heavy}, whose home is {homes:?}"));
            }
        }
    }
    assert_none("heavy crates away from home", &strays);
}

/// The normal dependencies of each of the project's crates.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline", "--locked"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let name = |value: &Value| value["name"].as_str().unwrap().to_owned();
    let normal = |dependency: &&Value| dependency["kind"].is_null();
    let packages = metadata["packages"].as_array().unwrap();
    packages
        .iter()
        .map(|package| {
            let declared = package["dependencies"].as_array().unwrap();
            (name(package), declared.iter().filter(normal).map(name).collect())
        })
        .collect()
}

#[test]
fn a_program_without_libtorch_depends_on_nothing_of_it() {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "--package", "clsrl-bench"])
        .args(["--no-default-features", "--edges", "normal,build", "--prefix", "none"])
        .current_dir(root())
        .output()
        .unwrap();
    let text = String::from_utf8(tree.stdout).unwrap();
    assert!(text.contains("clsrl-report"), "{}", String::from_utf8_lossy(&tree.stderr));
    for torch in ["tch ", "torch-sys ", "clsrl-engine ", "clsrl-libtorch ", "clsrl-vlm "] {
        assert!(!text.lines().any(|line| line.starts_with(torch)), "{torch}in\n{text}");
    }
}
