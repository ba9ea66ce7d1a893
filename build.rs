//! Makes the program and its tests find libtorch at run time, without `LD_LIBRARY_PATH`; puts the project's own files
//! into the program, and the commit into one that is built to leave its checkout.
//!
//! A RUNPATH is written, not an RPATH: `LD_LIBRARY_PATH` wins, so the same binary runs against a
//! CUDA build of libtorch elsewhere.

use std::{
    env, fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
    process::Command,
};

/// What the program has of the project: whole folders, of which what ends so, and single files.
const FOLDERS: [(&str, &str); 3] =
    [("suites", "toml"), ("suites/protocols", "toml"), ("harness/tiny/model", "")];
const FILES: [&str; 3] = ["datasets.lock", "models.lock", "results/published.csv"];

/// What a commit's files are, as far as they make the program.
const SOURCES: [&str; 7] =
    ["harness", "suites", "Cargo.toml", "Cargo.lock", "build.rs", "datasets.lock", "models.lock"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR"));
    embed(&root);
    if variable("PROFILE") == "release" {
        name_commit(&root);
    }
    // Absent when tch is built for its documentation alone.
    let Ok(lib) = env::var("DEP_CLSRL_ENGINE_LIBTORCH_LIB") else { return };
    println!("cargo::rustc-link-arg=-Wl,-rpath,{lib}");
    // The checkout's link leads to another libtorch after another `setup`; what is installed outlives the checkout.
    if let Ok(itself) = Path::new(&lib).canonicalize() {
        println!("cargo::rustc-link-arg=-Wl,-rpath,{}", itself.display());
    }
    println!("cargo::rustc-env=CLSRL_LIBTORCH_LIB={lib}"); // tests compile a stand-in against it
}

/// Writes the list of the project's files that `harness/cli/embedded.rs` takes in, and a word that tells one list from
/// another.
fn embed(root: &Path) {
    let mut names: Vec<String> = FILES.map(str::to_owned).to_vec();
    for (folder, extension) in FOLDERS {
        println!("cargo::rerun-if-changed={folder}");
        let entries = fs::read_dir(root.join(folder)).expect("the folder is part of the project");
        names.extend(entries.filter_map(|entry| {
            let path = entry.expect("a folder of sources is readable").path();
            let of_kind = extension.is_empty() || path.extension()? == extension;
            (of_kind && path.is_file()).then_some(())?;
            Some(format!("{folder}/{}", path.file_name()?.to_str()?))
        }));
    }
    names.sort();
    let mut hasher = DefaultHasher::new();
    let mut list = String::new();
    for name in names {
        println!("cargo::rerun-if-changed={name}");
        let path = root.join(&name);
        (&name, fs::read(&path).expect("a source is readable")).hash(&mut hasher);
        list += &format!("({name:?}, include_bytes!({path:?})),\n");
    }
    let out = PathBuf::from(variable("OUT_DIR"));
    fs::write(out.join("embedded.rs"), format!("&[\n{list}]\n")).expect("OUT_DIR can be written");
    println!("cargo::rustc-env=CLSRL_EMBEDDED={:016x}", hasher.finish());
}

/// Hands on the commit, with `-dirty` if files differ from it. What runs in its checkout asks git by itself, so that a
/// commit does not build it again.
fn name_commit(root: &Path) {
    let git = |args: &[&str]| {
        let output = Command::new("git").arg("-C").arg(root).args(args).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    for source in SOURCES {
        println!("cargo::rerun-if-changed={source}");
    }
    let is_top = |top: String| PathBuf::from(top).canonicalize().ok() == root.canonicalize().ok();
    if !git(&["rev-parse", "--show-toplevel"]).is_some_and(is_top) {
        return; // an archive of the sources, which brings its commit
    }
    for file in ["HEAD", "logs/HEAD"] {
        let path = git(&["rev-parse", "--git-path", file]).map(|path| root.join(path));
        if let Some(path) = path.filter(|path| path.exists()) {
            println!("cargo::rerun-if-changed={}", path.display());
        }
    }
    let Some(head) = git(&["rev-parse", "--short=12", "HEAD"]) else { return };
    let changes = git(&["status", "--porcelain", "--", ".", ":(exclude)reports"]);
    let dirty = if changes.is_some_and(|changes| changes.is_empty()) { "" } else { "-dirty" };
    println!("cargo::rustc-env=CLSRL_COMMIT={head}{dirty}");
}

fn variable(name: &str) -> String {
    env::var(name).expect("cargo sets it for build scripts")
}
