//! Which files of the program import which: none in a circle, and clap's structs end in the arguments.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use crate::{assert_none, files_below, read};

const PROGRAM: &str = "harness/cli";

/// Who may know the arguments: the program's entry, and what shells and `man` are told of them.
const KNOW_ARGUMENTS: [&str; 2] = ["main", "shell"];

type Module = Vec<String>;

#[test]
fn no_files_of_the_program_import_each_other_in_a_circle() {
    let imports = imports_of_program();
    let reachable = |from: &Module| {
        let (mut reached, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(module) = open.pop() {
            for target in &imports[module] {
                if reached.insert(target) {
                    open.push(target);
                }
            }
        }
        reached
    };
    let reachable: BTreeMap<&Module, BTreeSet<&Module>> =
        imports.keys().map(|module| (module, reachable(module))).collect();
    let in_circle = |module: &&Module| reachable[module].contains(*module);
    let circles: Vec<String> =
        imports.keys().filter(in_circle).map(|module| module.join("::")).collect();
    assert_none("files in a circle of imports", &circles);
}

#[test]
fn what_clap_parses_does_not_travel_below_the_arguments() {
    let mut findings = Vec::new();
    for (module, targets) in imports_of_program() {
        let may = module[0] == "args" || KNOW_ARGUMENTS.contains(&module[0].as_str());
        if !may && targets.iter().any(|target| target[0] == "args") {
            findings.push(module.join("::"));
        }
    }
    assert_none("modules that import the arguments", &findings);
}

#[test]
fn imports_are_read_as_rust_reads_them() {
    let text = "use std::fs;\npub use self::b::{C, d::{self, E}};\nuse super::f::G as H;\n    use crate::no;\n";
    let own = vec!["a".to_owned(), "x".to_owned()];
    let found: Vec<String> = paths(text, &own).iter().map(|path| path.join("::")).collect();
    assert_eq!(found, ["a::x::b::C", "a::x::b::d::self", "a::x::b::d::E", "a::f::G"]);
}

/// For each module of the program, those that it imports.
fn imports_of_program() -> BTreeMap<Module, BTreeSet<Module>> {
    let files: BTreeMap<Module, PathBuf> = files_below(PROGRAM)
        .into_iter()
        .filter(|file| !file.ends_with("tests.rs"))
        .map(|file| (module_of(&file), file))
        .collect();
    assert!(40 < files.len(), "too few files: {files:?}");
    let imports = |(module, file): (&Module, &PathBuf)| {
        let text = read(file.to_str().expect("our file names are ASCII"));
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let targets = paths(code, module).into_iter().filter_map(|mut path| {
            while !path.is_empty() && !files.contains_key(&path) {
                path.pop();
            }
            (!path.is_empty() && path != *module).then_some(path)
        });
        (module.clone(), targets.collect())
    };
    files.iter().map(imports).collect()
}

fn module_of(file: &Path) -> Module {
    let path = file.strip_prefix(PROGRAM).unwrap().with_extension("");
    path.iter().map(|part| part.to_str().unwrap().to_owned()).collect()
}

/// The paths that a file of a module imports from its own crate, from the crate's root.
fn paths(text: &str, own: &Module) -> Vec<Module> {
    let mut found = Vec::new();
    let starts = ["use ", "pub use ", "pub(super) use ", "pub(crate) use "];
    for (at, line) in text.split_inclusive('\n').scan(0, |at, line| {
        let start = *at;
        *at += line.len();
        Some((start, line))
    }) {
        let Some(start) = starts.into_iter().find(|start| line.starts_with(start)) else {
            continue;
        };
        let statement = text[at + start.len()..].split(';').next().unwrap_or_default();
        let statement: String = statement.split_whitespace().collect::<Vec<_>>().join(" ");
        for path in expand(&statement) {
            let mut parts =
                path.split("::").map(|part| part.trim().split(' ').next().unwrap_or(""));
            let mut module = match parts.next() {
                Some("crate") => Vec::new(),
                Some("self") => own.clone(),
                Some("super") => own[..own.len() - 1].to_vec(),
                _ => continue,
            };
            module.extend(parts.map(str::to_owned));
            found.push(module);
        }
    }
    found
}

/// The single paths of a tree such as `a::{b, c::{d, e}}`.
fn expand(tree: &str) -> Vec<String> {
    let tree = tree.trim().trim_end_matches(',');
    let Some((head, rest)) = tree.split_once('{') else { return vec![tree.to_owned()] };
    let inner = &rest[..rest.rfind('}').unwrap_or(rest.len())];
    let (mut depth, mut part, mut parts) = (0, String::new(), Vec::new());
    for char in inner.chars() {
        match char {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if char == ',' && depth == 0 {
            parts.push(std::mem::take(&mut part));
        } else {
            part.push(char);
        }
    }
    parts.push(part);
    let parts = parts.iter().filter(|part| !part.trim().is_empty());
    parts.flat_map(|part| expand(part)).map(|path| format!("{head}{path}")).collect()
}
