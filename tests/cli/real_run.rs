//! README's "A real run": its commands, read out of README, from nothing to the first rows of the few-shot table.
//!
//! What is real there and cannot be here is replaced, and nothing else:
//! - the hub and the servers of the data: `HF_ENDPOINT` and `--mirror` name stand-ins on this machine;
//! - the model: the tiny one, in the published layout, under the name of the real one;
//! - the data: two classes of a drawn DTD, packed as its authors publish it, with CoOp's split file;
//! - the locks: those of a project of the test's own, which know these bytes and no others;
//! - `--device cuda` by `--device cpu`, and `DIR` by a folder;
//! - fifty epochs of reinforcement by one, and 1,024 tokens of an answer by 32, in the files of that project: `doctor`
//!   and `run` go the same way, in seconds instead of hours of a CPU.
//!
//! `setup --cuda` and `cargo build` are not run: they would fetch a libtorch, and build the program that is tested.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    fetch_datasets::{Files, SPLIT, drawn_dtd, mirror, pack, unverified_lock},
    hub_server::{COMMIT, Model, Server, sha256},
    program::{Ended, copy, end, expect_ok, model, program, root, temporary, text},
};

/// The most commands that the way may have.
const MOST_COMMANDS: usize = 8;

/// What makes the program that these tests are built with.
const NOT_RUN: [&str; 3] = [
    "harness/scripts/setup --cuda",
    "cargo build --locked",
    "export PATH=\"$PWD/target/debug:$PATH\"",
];

/// What the other commands print, as README quotes it, in its order.
const PRINTED: [(&str, &str); 5] = [
    ("model fetch", "models--Qwen--Qwen2-VL-2B-Instruct/snapshots/895c3a49"),
    ("datasets fetch", "dtd: nothing differs ("),
    ("datasets lock", "dtd: 1 value"),
    ("doctor", "ready: this suite can be run"),
    ("run", "CLS-RL  thinking  "),
];

/// What is made short in the project: in which file, what stands there, and what instead.
const SHORTENED: [(&str, &str, &str); 3] = [
    ("suites/protocols/paper.toml", "epochs = { default = 50,", "epochs = { default = 1,"),
    ("suites/protocols/paper.toml", "\nmax_new_tokens = 1024", "\nmax_new_tokens = 32"),
    ("suites/few-shot.toml", "\nmax_new_tokens = 1024", "\nmax_new_tokens = 32"),
];

/// The classes and the test images of each that are left of the drawn DTD.
const N_CLASSES: u64 = 2;
const N_TEST: usize = 4;

/// The commands of README's section, without remarks, one a line.
fn commands() -> Vec<String> {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let section = readme.split("\n## A real run\n").nth(1).expect("README has the section");
    let block = section.lines().skip_while(|line| !line.starts_with("    "));
    let block: Vec<&str> = block.take_while(|line| line.starts_with("    ")).collect();
    let code = block.iter().map(|line| line.split(" #").next().unwrap().trim());
    let joined = code.collect::<Vec<_>>().join("\n").replace("\\\n", "");
    joined.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

/// Somebody with nothing: a project, a cache and servers of their own.
struct Machine {
    dir: TempDir,
    hub: Server,
    mirror: Server,
}

impl Machine {
    fn new() -> Self {
        let dir = temporary();
        let home = dir.path().join("project");
        copy(&root().join("suites"), &home.join("suites"));
        fs::create_dir(home.join("harness")).unwrap();
        for (file, found, instead) in SHORTENED {
            let path = home.join(file);
            let text = fs::read_to_string(&path).unwrap();
            assert!(text.contains(found), "`{found}` is not in {file} any more");
            fs::write(path, text.replace(found, instead)).unwrap();
        }
        let dtd = small_dtd(dir.path());
        let files = pack(&dtd);
        fs::write(home.join("datasets.lock"), lock_of_lists(&dtd, &files)).unwrap();
        let hub = published_model("Qwen/Qwen2-VL-2B-Instruct");
        fs::write(home.join("models.lock"), lock_of_model(&hub)).unwrap();
        let (hub, mirror) = (hub.serve(|_, reply| reply), mirror(&files, |_, reply| reply));
        Machine { dir, hub, mirror }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Runs a command of README.
    fn run(&self, line: &str) -> Ended {
        let (data, mirror) = (self.path("data"), self.mirror.url());
        let words = line.split(' ').map(|word| match word {
            "DIR" => text(&data),
            "cuda" => "cpu",
            word => word,
        });
        let mut words: Vec<&str> = words.collect();
        assert_eq!(words.remove(0), "clsrl-bench", "`{line}` is no command of the program");
        if words.starts_with(&["datasets", "fetch"]) {
            words.extend(["--mirror", &mirror]);
        }
        let mut command = program(&words);
        for name in ["HF_HUB_CACHE", "HF_TOKEN", "HF_HUB_OFFLINE", "HTTPS_PROXY", "ALL_PROXY"] {
            command.env_remove(name).env_remove(name.to_lowercase());
        }
        command
            .env("CLSRL_HOME", self.path("project"))
            .env("XDG_CACHE_HOME", self.path("cache"))
            .env("HF_HOME", self.path("hf"))
            .env("HF_ENDPOINT", self.hub.url());
        end(&mut command)
    }
}

/// A part of the drawn DTD, below a folder.
fn small_dtd(dir: &Path) -> PathBuf {
    let (drawn, small) = (drawn_dtd(), dir.join("truth/dtd"));
    let split = fs::read(drawn.join(SPLIT)).unwrap();
    let mut split: Value = serde_json::from_slice(&split).unwrap();
    for (name, list) in split.as_object_mut().unwrap() {
        let list = list.as_array_mut().unwrap();
        list.retain(|image| image[1].as_u64().unwrap() < N_CLASSES);
        let mut n_kept = [0; N_CLASSES as usize];
        list.retain(|image| {
            let n = &mut n_kept[image[1].as_u64().unwrap() as usize];
            *n += 1;
            name != "test" || *n <= N_TEST
        });
        for path in list.iter().map(|image| image[0].as_str().unwrap()) {
            let to = small.join("images").join(path);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(drawn.join("images").join(path), to).unwrap();
        }
    }
    fs::write(small.join(SPLIT), split.to_string()).unwrap();
    small
}

/// A `datasets.lock` that knows the lists and not the images, as the project's own.
fn lock_of_lists(dtd: &Path, files: &Files) -> String {
    let dir = temporary();
    let lock = dir.path().join("datasets.lock");
    fs::write(&lock, unverified_lock(files)).unwrap();
    let data = dtd.parent().unwrap();
    let places = ["--lock", text(&lock), "--sidecars", text(dir.path())];
    expect_ok(
        &[&["datasets", "lock", "--datasets", "dtd", "--data", text(data)], &places[..]].concat(),
    );
    let locked = fs::read_to_string(&lock).unwrap();
    let images = locked.lines().find(|line| line.starts_with("images = {")).unwrap();
    locked.replace(images, "images = \"unverified\"")
}

/// The tiny model as a hub has it under this name.
fn published_model(id: &str) -> Model {
    let mut hub = Model::new(0);
    hub.files.clear();
    hub.id = id.to_owned();
    for entry in fs::read_dir(model()).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        hub.add(&name, fs::read(entry.path()).unwrap(), name.ends_with(".safetensors"));
    }
    hub
}

/// A `models.lock` of what a hub has.
fn lock_of_model(hub: &Model) -> String {
    let file = |(path, (content, _)): (&String, &(Vec<u8>, bool))| {
        format!(
            "    {{ path = {path:?}, size = {}, sha256 = {:?} }},\n",
            content.len(),
            sha256(content)
        )
    };
    let files: String = hub.files.iter().map(file).collect();
    format!("version = 1\n\n[{:?}]\ncommit = {COMMIT:?}\nfiles = [\n{files}]\n", hub.id)
}

#[test]
fn the_commands_of_readme_lead_from_nothing_to_the_few_shot_table() {
    let commands = commands();
    assert!(commands.len() <= MOST_COMMANDS, "{commands:#?}");
    let (built, rest) = commands.split_at(NOT_RUN.len());
    assert_eq!(built, NOT_RUN);
    let machine = Machine::new();
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    for (line, (verb, printed)) in rest.iter().zip(PRINTED) {
        assert!(line.starts_with(&format!("clsrl-bench {verb} ")), "{line}: expected `{verb}`");
        let ended = machine.run(line);
        let message = format!("{line}: {}{}", ended.stdout, ended.stderr);
        assert_eq!(ended.code, Some(0), "{message}");
        assert!(ended.stdout.contains(printed), "expected {printed:?} in {message}");
        assert!(readme.contains(printed), "README does not say that `{verb}` prints {printed:?}");
    }
    assert_eq!(rest.len(), PRINTED.len());
}
