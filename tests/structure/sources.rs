//! What every Rust file keeps to.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::{assert_none, files_below, read, root};

const MAX_LINES: usize = 400;
const NAMES_THAT_SAY_NOTHING: [&str; 5] = ["utils", "common", "helpers", "base", "imp"];

// In two parts, so that this file keeps to them as well.
const ESCAPES: [&str; 5] = [
    concat!("#[", "allow"),
    concat!("#![", "allow"),
    concat!("#[", "ignore"),
    concat!("todo", "!("),
    concat!("unimplemented", "!("),
];

#[test]
fn every_file_says_first_what_it_owns() {
    let silent = |file: &&PathBuf| !text(file).starts_with("//! ");
    assert_none("files without a first `//!` line", &names(rust_files().iter().filter(silent)));
}

#[test]
fn no_file_outgrows_its_noun() {
    let long = non_test_files().into_iter().filter_map(|file| {
        let n_lines = code(&text(&file)).len();
        (MAX_LINES < n_lines).then(|| format!("{}: {n_lines} lines", file.display()))
    });
    assert_none("files of over 400 lines without their tests", &long.collect::<Vec<_>>());
}

#[test]
fn a_file_name_says_something() {
    let empty = |file: &&PathBuf| {
        let parts = file.with_extension("");
        parts.iter().any(|part| NAMES_THAT_SAY_NOTHING.iter().any(|name| part == *name))
    };
    assert_none("files whose name says nothing", &names(rust_files().iter().filter(empty)));
}

#[test]
fn no_lint_is_silenced_and_nothing_is_left_open() {
    let mut findings = Vec::new();
    for file in rust_files() {
        findings.extend(lines_with(&file, text(&file).lines().enumerate(), &ESCAPES));
    }
    assert_none("escapes", &findings);
}

#[test]
fn nothing_outside_tests_unwraps() {
    let mut findings = Vec::new();
    for file in non_test_files() {
        findings.extend(lines_with(&file, code(&text(&file)), &[".unwrap()"]));
    }
    assert_none("unwraps outside tests", &findings);
}

#[test]
fn a_module_of_several_files_is_a_file_beside_its_folder() {
    let is_left = |file: &&PathBuf| file.ends_with("mod.rs");
    assert_none(
        "`foo/mod.rs`, which is `foo.rs` here",
        &names(rust_files().iter().filter(is_left)),
    );
}

#[test]
fn files_import_each_other_in_no_circle() {
    let script = root().join("harness/scripts/house");
    let output = Command::new(script).arg("--circles").output().unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    assert_none("circles of imports", &text.lines().map(str::to_owned).collect::<Vec<_>>());
}

/// Who may know the arguments: the program's entry, and what completions and the man page say of them.
const KNOW_ARGUMENTS: [&str; 2] = ["harness/cli/main.rs", "harness/cli/shell.rs"];

#[test]
fn what_clap_parses_does_not_travel_below_the_arguments() {
    let mut findings = Vec::new();
    for file in non_test_files() {
        let is_argument = file.starts_with("harness/cli/args") || file.ends_with("cli/args.rs");
        let may = KNOW_ARGUMENTS.iter().any(|known| file.ends_with(known));
        if file.starts_with("harness/cli") && !is_argument && !may {
            findings.extend(lines_with(&file, code(&text(&file)), &["args::"]));
        }
    }
    assert_none("files that know the arguments", &findings);
}

/// What opens a file for reading by itself.
const OPENERS: [&str; 10] = [
    "File::open(",
    "fs::read(",
    "fs::read_to_string(",
    "use std::fs::read",
    ".read(true)",
    "from_file(&",
    "from_path(",
    "read_safetensors(",
    "image::open(",
    "Mmap",
];

/// Who may, beside `clsrl-files`, and why.
const MAY_OPEN: [(&str, &str); 7] = [
    ("harness/engine/src/machine.rs", "the kernel's own word on this process"),
    ("harness/cli/ending.rs", "the kernel's own word on this process"),
    ("harness/vlm/src/device.rs", "the kernel's own word on this machine"),
    ("harness/vlm/build.rs", "libtorch's headers, while building"),
    ("build.rs", "the project's own files, while building"),
    ("harness/report/benches/samples.rs", "the project's own files, in a bench"),
    ("harness/data/benches/input/photographs.rs", "a bench"),
];

#[test]
fn only_clsrl_files_opens_files_for_reading() {
    let mut findings = Vec::new();
    for file in non_test_files() {
        let shown = file.display().to_string();
        let may = MAY_OPEN.iter().any(|&(name, _)| name == shown);
        if !may && !shown.starts_with("harness/files/") && !shown.starts_with("tests/") {
            findings.extend(lines_with(&file, code(&text(&file)), &OPENERS));
        }
    }
    assert_none("readers that do not go through clsrl-files", &findings);
}

/// What gives a file its name by itself.
const WRITERS: [&str; 9] = [
    "fs::write(",
    " File::create",
    "(File::create",
    "fs::File::create",
    "fs::rename(",
    "fs::copy(",
    "fs::hard_link(",
    "fs::symlink(",
    "NamedTempFile",
];

/// Who may, beside `clsrl-files`, and why.
const MAY_WRITE: [(&str, &str); 5] = [
    (
        "harness/runner/src/store/checkpoint.rs",
        "whole folders of weights, handed from attempt to attempt",
    ),
    (
        "harness/runner/src/store/state.rs",
        "files of the middle of a trial, handed from attempt to attempt",
    ),
    (
        "harness/runner/src/store/publish.rs",
        "predictions that are whole and synced get their second name",
    ),
    ("harness/sources/src/place.rs", "whole folders, which get their names when all is unpacked"),
    ("harness/tiny/src/write.rs", "a whole folder, which gets its name when all of it is there"),
];

#[test]
fn only_clsrl_files_writes_files() {
    let mut findings = Vec::new();
    for file in non_test_files() {
        let shown = file.display().to_string();
        let may = MAY_WRITE.iter().any(|&(name, _)| name == shown)
            || file.iter().any(|part| part == "benches")
            || file.ends_with("made.rs");
        if !may && shown.starts_with("harness/") && !shown.starts_with("harness/files/") {
            findings.extend(lines_with(&file, code(&text(&file)), &WRITERS));
        }
    }
    assert_none("writers that do not go through clsrl-files", &findings);
}

/// What prints by itself.
const PRINTERS: [&str; 7] =
    ["println!(", "eprintln!(", " print!(", "eprint!(", "dbg!(", "io::stdout()", "stderr().lock()"];

#[test]
fn only_one_file_prints() {
    let mut findings = Vec::new();
    for file in non_test_files() {
        let is_ours = file.starts_with("harness") && !file.ends_with("build.rs");
        let may = file.ends_with("cli/output.rs") || file.iter().any(|part| part == "benches");
        if is_ours && !may {
            findings.extend(lines_with(&file, code(&text(&file)), &PRINTERS));
        }
    }
    assert_none("printers that do not go through harness/cli/output.rs", &findings);
}

fn rust_files() -> Vec<PathBuf> {
    let below = ["harness", "tests"].into_iter().flat_map(files_below);
    let mut files: Vec<PathBuf> =
        below.filter(|file| file.extension().is_some_and(|extension| extension == "rs")).collect();
    files.push("build.rs".into());
    assert!(20 < files.len(), "too few Rust files: {files:?}");
    files
}

fn non_test_files() -> Vec<PathBuf> {
    let files = rust_files();
    let of_tests: Vec<PathBuf> = files.iter().flat_map(|file| test_modules(file)).collect();
    let is_test = |file: &PathBuf| {
        let module = file.with_extension("");
        module.iter().any(|part| part == "tests") || of_tests.contains(&module)
    };
    files.into_iter().filter(|file| !is_test(file)).collect()
}

/// The files, without extension, of the modules that a file declares for tests alone.
fn test_modules(file: &Path) -> Vec<PathBuf> {
    let is_folder_s_own =
        ["lib", "main", "mod"].iter().any(|stem| file.file_stem().unwrap() == *stem);
    let dir =
        if is_folder_s_own { file.parent().unwrap().to_owned() } else { file.with_extension("") };
    let text = text(file);
    let lines: Vec<&str> = text.lines().collect();
    let declared = lines.windows(2).filter(|pair| pair[0] == "#[cfg(test)]");
    declared
        .filter_map(|pair| pair[1].strip_prefix("mod ")?.strip_suffix(';'))
        .map(|name| dir.join(name))
        .collect()
}

fn text(file: &Path) -> String {
    read(file.to_str().expect("our file names are ASCII"))
}

fn names<'a>(files: impl Iterator<Item = &'a PathBuf>) -> Vec<String> {
    files.map(|file| file.display().to_string()).collect()
}

/// The lines that are neither tests nor of an item that only tests have, with their positions.
fn code(text: &str) -> Vec<(usize, &str)> {
    let mut kept = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((position, line)) = lines.next() {
        if line != "#[cfg(test)]" {
            kept.push((position, line));
            continue;
        }
        match lines.next() {
            Some((_, item)) if item.ends_with(';') => {}
            // The module of the tests is a file's last item.
            Some((_, item)) if item.starts_with("mod ") => break,
            _ => while lines.next().is_some_and(|(_, line)| line != "}") {},
        }
    }
    kept
}

fn lines_with<'a>(
    file: &Path,
    lines: impl IntoIterator<Item = (usize, &'a str)>,
    patterns: &[&str],
) -> Vec<String> {
    let is_found = |line: &str| {
        !line.trim_start().starts_with("//") && patterns.iter().any(|found| line.contains(found))
    };
    let found = lines.into_iter().filter(|(_, line)| is_found(line));
    found.map(|(n, line)| format!("{}:{}: {}", file.display(), n + 1, line.trim())).collect()
}

#[test]
fn a_test_module_is_left_out_of_the_count_and_a_test_import_too() {
    let source = "use a;\n#[cfg(test)]\nuse b;\nfn c() {}\n#[cfg(test)]\nfn d() {\n    x\n}\nfn e() {}\n\
                  #[cfg(test)]\nmod tests {\n    fn f() {}\n}\n";
    let kept: Vec<&str> = code(source).into_iter().map(|(_, line)| line).collect();
    assert_eq!(kept, ["use a;", "fn c() {}", "fn e() {}"]);
}
