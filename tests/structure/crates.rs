//! Which crate depends on which, as `cargo metadata` tells it.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use serde_json::Value;

use crate::{assert_none, files_below, read, root};

/// Every edge between the project's own crates.
const EDGES: [(&str, &[&str]); 15] = [
    ("clsrl-files", &[]),
    ("clsrl-spec", &[]),
    ("clsrl-hub", &["clsrl-files", "clsrl-spec"]),
    ("clsrl-sources", &["clsrl-files", "clsrl-spec"]),
    ("clsrl-data", &["clsrl-files", "clsrl-spec"]),
    ("clsrl-tiny", &["clsrl-data", "clsrl-files", "clsrl-spec"]),
    ("clsrl-libtorch", &[]),
    ("clsrl-vlm", &["clsrl-files", "clsrl-libtorch"]),
    ("clsrl-engine", &["clsrl-data", "clsrl-files", "clsrl-libtorch", "clsrl-spec", "clsrl-vlm"]),
    (
        "clsrl-lab",
        &[
            "clsrl-data",
            "clsrl-engine",
            "clsrl-files",
            "clsrl-libtorch",
            "clsrl-spec",
            "clsrl-tiny",
            "clsrl-vlm",
        ],
    ),
    ("clsrl-runner", &["clsrl-files", "clsrl-spec"]),
    ("clsrl-slurm", &[]),
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
            "clsrl-tiny",
            "clsrl-vlm",
        ],
    ),
    (
        "clsrl-bench",
        &[
            "clsrl-data",
            "clsrl-engine",
            "clsrl-files",
            "clsrl-hub",
            "clsrl-lab",
            "clsrl-libtorch",
            "clsrl-report",
            "clsrl-runner",
            "clsrl-slurm",
            "clsrl-sources",
            "clsrl-spec",
            "clsrl-tiny",
            "clsrl-vlm",
        ],
    ),
];

/// The only crates that may depend on a heavy one.
const HOMES: [(&str, &[&str]); 20] = [
    ("tch", &["clsrl-engine", "clsrl-lab", "clsrl-libtorch", "clsrl-vlm"]),
    ("torch-sys", &["clsrl-libtorch", "clsrl-vlm"]),
    ("polars-core", &["clsrl-report"]),
    ("polars-parquet", &["clsrl-report"]),
    ("resvg", &["clsrl-report"]),
    ("krilla", &["clsrl-report"]),
    ("prost", &["clsrl-report"]),
    ("ureq", &["clsrl-hub"]),
    ("rustls-native-certs", &["clsrl-hub"]),
    ("sha1", &["clsrl-hub"]),
    ("image", &["clsrl-data", "clsrl-tiny"]),
    ("tokenizers", &["clsrl-data", "clsrl-tiny"]),
    ("md-5", &["clsrl-hub"]),
    ("tar", &["clsrl-sources"]),
    ("zip", &["clsrl-sources"]),
    ("clap", &["clsrl-bench"]),
    ("clap_complete", &["clsrl-bench"]),
    ("clap_mangen", &["clsrl-bench"]),
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
    for features in [&[][..], &["--features", "fetch"]] {
        let tree = program_without_default_features(features);
        for torch in
            ["tch ", "torch-sys ", "clsrl-engine ", "clsrl-lab ", "clsrl-libtorch ", "clsrl-vlm "]
        {
            assert!(!tree.lines().any(|line| line.starts_with(torch)), "{torch}in\n{tree}");
        }
    }
}

#[test]
fn a_program_without_fetch_depends_on_no_network() {
    for features in [&[][..], &["--features", "libtorch"]] {
        let tree = program_without_default_features(features);
        for network in ["ureq ", "rustls ", "ring ", "http "] {
            assert!(!tree.lines().any(|line| line.starts_with(network)), "{network}in\n{tree}");
        }
    }
}

#[test]
fn no_source_but_the_hubs_names_the_network() {
    let words = [
        "std::net",
        "net::Tcp",
        "net::Udp",
        "TcpStream",
        "UdpSocket",
        "TcpListener",
        "ToSocketAddrs",
    ];
    let sources = files_below("harness").into_iter().filter(|file| {
        let is_test = file.iter().any(|part| part == "tests");
        file.extension().is_some_and(|extension| extension == "rs")
            && !is_test
            && !file.starts_with("harness/hub")
    });
    let mut strays = Vec::new();
    for file in sources {
        let text = read(file.to_str().expect("our file names are ASCII"));
        let found = words.iter().filter(|word| text.contains(**word));
        strays.extend(found.map(|word| format!("{}: {word}", file.display())));
    }
    assert_none("sources that use the network by themselves", &strays);
}

/// The packages of a program with these features alone, one a line.
fn program_without_default_features(features: &[&str]) -> String {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "--package", "clsrl-bench"])
        .args(["--no-default-features", "--edges", "normal,build", "--prefix", "none"])
        .args(features)
        .current_dir(root())
        .output()
        .unwrap();
    let text = String::from_utf8(tree.stdout).unwrap();
    assert!(text.contains("clsrl-report"), "{}", String::from_utf8_lossy(&tree.stderr));
    text
}
