//! `model fetch`, and what was fetched as a model.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

use crate::{
    hub_server::{COMMIT, Length, Model, Reply, Seen, Server},
    program::{Ended, end, model, program, root, temporary, text},
};

/// A model's name on the stand-in.
const ID: &str = "org/tiny";

/// The tiny model as a hub has it.
fn tiny() -> Model {
    let mut hub = Model::new(0);
    hub.files.clear();
    for entry in fs::read_dir(model()).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let is_large = name.ends_with(".safetensors");
        hub.add(&name, fs::read(entry.path()).unwrap(), is_large);
    }
    hub.add("README.md", b"# tiny".to_vec(), false);
    hub.add("training_args.bin", b"a pickle".to_vec(), true);
    hub
}

fn good(_: &Seen, reply: Reply) -> Reply {
    reply
}

/// A user with a cache, a lock and a project of their own.
struct Place {
    dir: TempDir,
    endpoint: String,
}

impl Place {
    fn new(server: &Server) -> Self {
        let dir = temporary();
        let home = dir.path().join("project");
        fs::create_dir(&home).unwrap();
        for name in ["suites", "harness", "datasets.lock"] {
            std::os::unix::fs::symlink(root().join(name), home.join(name)).unwrap();
        }
        Place { dir, endpoint: server.url() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The program with nothing of the tester's own hub.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = program(args);
        for name in [
            "HF_HUB_CACHE",
            "HF_TOKEN",
            "HF_TOKEN_PATH",
            "HF_HUB_OFFLINE",
            "TRANSFORMERS_OFFLINE",
            "HTTPS_PROXY",
            "ALL_PROXY",
        ] {
            command.env_remove(name).env_remove(name.to_lowercase());
        }
        command
            .env("CLSRL_HOME", self.path("project"))
            .env("HF_HOME", self.path("hf"))
            .env("HF_ENDPOINT", &self.endpoint);
        command
    }

    fn call(&self, args: &[&str]) -> Ended {
        end(&mut self.command(args))
    }

    fn fetch(&self, more: &[&str]) -> Ended {
        self.call(&[&["model", "fetch", ID], more].concat())
    }

    fn snapshot(&self) -> PathBuf {
        self.path("hf/hub/models--org--tiny/snapshots").join(COMMIT)
    }

    fn lock(&self) -> String {
        fs::read_to_string(self.path("project/models.lock")).unwrap_or_default()
    }

    /// Shows what the model of a suite sees: reads tokenizer and preprocessor of the model.
    fn prompt(&self, model: &str) -> Ended {
        self.call(&[
            "inspect",
            "prompt",
            "--suite",
            "smoke",
            "--dataset",
            "dtd",
            "--index",
            "0",
            "--model",
            model,
        ])
    }
}

#[track_caller]
fn expect(ended: &Ended, code: i32, word: &str) {
    let message = format!("{}{}", ended.stdout, ended.stderr);
    assert_eq!(ended.code, Some(code), "{message}");
    assert!(message.contains(word), "expected {word:?} in {message}");
}

#[test]
fn what_was_fetched_is_a_model_by_its_name() {
    let server = tiny().serve(good);
    let place = Place::new(&server);
    let missing = place.prompt("hf:org/tiny");
    expect(&missing, 2, "hint: `clsrl-bench model fetch org/tiny` brings it there");
    let fetched = place.fetch(&[]);
    expect(&fetched, 0, "is locked in");
    assert_eq!(fetched.stdout, format!("{}\n", place.snapshot().display()));
    assert!(
        fetched.stderr.contains(&format!("org/tiny at commit {COMMIT}: 7 files")),
        "{}",
        fetched.stderr
    );
    assert!(place.lock().contains(COMMIT), "{}", place.lock());
    let n_asked = server.seen().len();
    for name in [
        "hf:org/tiny",
        "hf:org/tiny@main",
        &format!("hf:org/tiny@{COMMIT}"),
        text(&place.snapshot()),
    ] {
        expect(&place.prompt(name), 0, "tokens, the image's included");
    }
    expect(&place.prompt("hf:org/other"), 2, "model fetch org/other");
    expect(&place.prompt("hf:org/tiny@v2"), 2, "model fetch org/tiny@v2");
    expect(&place.prompt("hf:../tiny"), 2, "no model id");
    expect(
        &place.prompt("org/tiny"),
        2,
        "hint: if it is a name on the Hugging Face Hub, `clsrl-bench model fetch org/tiny`",
    );
    expect(&place.prompt("./org/tiny"), 2, "there is no model directory `./org/tiny`");
    assert_eq!(server.seen().len(), n_asked, "only `model fetch` asks");
    expect(&place.fetch(&[]), 0, "all there and checked");
}

#[test]
fn a_dry_run_tells_and_writes_nothing() {
    let server = tiny().serve(good);
    let place = Place::new(&server);
    let message = place.fetch(&["--dry-run"]);
    expect(&message, 0, "to fetch");
    let size = fs::metadata(model().join("model.safetensors")).unwrap().len();
    let row = format!("{:<36}{size:>14}  no\n", "model.safetensors");
    assert!(message.stdout.contains(&row), "{}", message.stdout);
    assert!(
        !message.stdout.contains("README.md") && !message.stdout.contains(".bin"),
        "{}",
        message.stdout
    );
    assert!(!place.path("hf").exists());
    assert_eq!(place.lock(), "");
    expect(&place.fetch(&[]), 0, "");
    let message = place.fetch(&["--dry-run"]);
    assert!(
        message.stdout.contains(&format!("{:<36}{size:>14}  yes\n", "model.safetensors")),
        "{}",
        message.stdout
    );
}

#[test]
fn a_folder_is_a_model_too_and_is_not_replaced() {
    let server = tiny().serve(good);
    let place = Place::new(&server);
    let folder = place.path("folder");
    let fetched = place.fetch(&["--to", text(&folder)]);
    expect(&fetched, 0, text(&folder));
    expect(&place.prompt(text(&folder)), 0, "tokens");
    fs::write(folder.join("model.safetensors"), "tuned").unwrap();
    expect(&place.fetch(&["--to", text(&folder)]), 7, "is there with other contents");
    assert_eq!(fs::read(folder.join("model.safetensors")).unwrap(), b"tuned");
}

#[test]
fn weights_that_differ_from_the_lock_end_with_7() {
    let server = tiny().serve(good);
    let place = Place::new(&server);
    let folder = place.path("folder");
    expect(&place.fetch(&[]), 0, "");
    expect(&place.fetch(&["--to", text(&folder)]), 0, "");
    // Draws the datasets, without which a plan looks at no model.
    expect(&place.prompt("hf:org/tiny"), 0, "tokens");
    let suite = ["--suite", "smoke", "--methods", "zero-shot", "--datasets", "dtd"];
    let plan = |model: &str, more: &[&str]| {
        place.call(&[["plan", "--model", model].as_slice(), &suite, more].concat())
    };
    expect(&plan("hf:org/tiny", &[]), 0, "");
    let mut wrong = fs::read(model().join("model.safetensors")).unwrap();
    let last = wrong.len() - 1;
    wrong[last] ^= 1;
    // A link's target in the cache, the file itself in a folder.
    fs::write(place.snapshot().join("model.safetensors"), &wrong).unwrap();
    fs::write(folder.join("model.safetensors"), &wrong).unwrap();
    for model in ["hf:org/tiny", text(&place.snapshot()), text(&folder)] {
        expect(&plan(model, &[]), 7, "model.safetensors: expected");
        expect(&plan(model, &["--allow-unlocked"]), 0, "org/tiny is not as locked");
    }
    expect(&place.fetch(&[]), 0, "model.safetensors is here and checked");
    expect(&plan("hf:org/tiny", &[]), 0, "");
    fs::remove_file(place.snapshot().join("chat_template.json")).unwrap();
    expect(&plan("hf:org/tiny", &[]), 7, "chat_template.json: expected");
}

#[test]
fn a_hub_that_differs_from_the_lock_ends_with_7_until_it_is_accepted() {
    let server = tiny().serve(good);
    let mut place = Place::new(&server);
    expect(&place.fetch(&[]), 0, "");
    let before = place.lock();
    let mut other = tiny();
    other.commit = "2".repeat(40);
    other.add("generation_config.json", b"{}".to_vec(), false);
    let server = other.serve(good);
    place.endpoint = server.url();
    expect(&place.fetch(&[]), 2, &format!("revision `{COMMIT}`"));
    let differs = place.call(&["model", "fetch", "org/tiny@main"]);
    expect(&differs, 7, &format!("commit: expected {COMMIT}, found {}", "2".repeat(40)));
    assert!(differs.stderr.contains("hint: --accept-changes"), "{}", differs.stderr);
    assert_eq!(place.lock(), before);
    expect(&place.fetch(&["--accept-changes"]), 0, "is locked in");
    assert!(
        place.lock().contains(&"2".repeat(40)) && !place.lock().contains(COMMIT),
        "{}",
        place.lock()
    );
    let commit = format!("hf:org/tiny@{COMMIT}");
    expect(&place.prompt(&commit), 7, "leave out the revision");
}

#[test]
fn every_way_to_fail_has_its_code_and_a_hint() {
    let answer = |status: u16, code: &'static str| {
        tiny().serve(move |seen, reply| match seen.path.contains("/revision/") {
            true => Reply::new(status, "").with("X-Error-Code", code),
            false => reply,
        })
    };
    expect(
        &Place::new(&answer(404, "")).fetch(&[]),
        2,
        "hint: is the name right? what is not public needs HF_TOKEN",
    );
    expect(&Place::new(&answer(401, "")).fetch(&[]), 2, "hint: give HF_TOKEN");
    expect(
        &Place::new(&answer(403, "GatedRepo")).fetch(&[]),
        2,
        "want to be asked first, at http://127.0.0.1:",
    );
    let server = answer(404, "");
    let mut place = Place::new(&server);
    place.endpoint = "http://example.org".to_owned();
    expect(&place.fetch(&[]), 2, "not encrypted");
    // A port that no other test is given.
    place.endpoint = "http://127.0.0.1:9".to_owned();
    let unreachable = place.fetch(&[]);
    expect(&unreachable, 5, "hint: machines without a way out");
    assert_eq!(
        unreachable.stderr.matches("cannot be reached").count(),
        1,
        "{}",
        unreachable.stderr
    );
    assert!(unreachable.stderr.contains("cause: "), "{}", unreachable.stderr);
    expect(&place.call(&["model", "fetch", "../x"]), 2, "no model id");
    let server = tiny().serve(|seen, reply| match seen.path.contains("/cdn/") {
        true => Reply::new(200, vec![7; reply.body.len()]),
        false => reply,
    });
    let place = Place::new(&server);
    expect(&place.fetch(&[]), 7, "are not those that were published");
    assert!(!place.snapshot().join("model.safetensors").exists());
    assert_eq!(place.lock(), "");
    let server = tiny().serve(|seen, reply| match seen.path.contains("/cdn/") {
        true => Reply::new(429, "").with("Retry-After", "4000"),
        false => reply,
    });
    expect(&Place::new(&server).fetch(&[]), 5, "asks to wait 4000 s");
}

#[test]
fn offline_only_what_is_here_is_found() {
    let server = tiny().serve(good);
    let place = Place::new(&server);
    let offline =
        |place: &Place| end(place.command(&["model", "fetch", ID]).env("HF_HUB_OFFLINE", "yes"));
    expect(&offline(&place), 5, "hint: fetch it without HF_HUB_OFFLINE");
    assert!(server.seen().is_empty());
    expect(&place.fetch(&[]), 0, "");
    let n_asked = server.seen().len();
    expect(&offline(&place), 0, "all there and checked");
    assert_eq!(server.seen().len(), n_asked);
}

#[test]
fn the_token_is_found_where_hugging_faces_tools_leave_it_and_never_told() {
    let server = tiny().serve(|seen, reply| match seen.header("authorization") {
        Some("Bearer hf_secret") => reply,
        _ if seen.path.starts_with("/cdn/") => reply,
        _ => Reply::new(401, ""),
    });
    let place = Place::new(&server);
    expect(&place.fetch(&[]), 2, "hf auth login");
    let given =
        end(place.command(&["model", "fetch", ID, "--dry-run"]).env("HF_TOKEN", " hf_secret\n"));
    expect(&given, 0, "to fetch");
    fs::create_dir_all(place.path("hf")).unwrap();
    fs::write(place.path("hf/token"), "hf_secret\n").unwrap();
    let fetched = place.fetch(&[]);
    expect(&fetched, 0, "");
    let wrong = end(place.command(&["model", "fetch", ID]).env("HF_TOKEN", "hf_wrong"));
    expect(&wrong, 2, "is the token still good");
    let broken = end(place.command(&["model", "fetch", ID]).env("HF_TOKEN", "hf_secret\r\nX: y"));
    expect(&broken, 2, "characters that no token has");
    for ended in [given, fetched, wrong, broken] {
        assert!(
            !format!("{ended:?}").contains("hf_secret")
                && !format!("{ended:?}").contains("hf_wrong")
        );
    }
    assert!(
        server
            .seen_of("signature=secret")
            .iter()
            .all(|seen| seen.header("authorization").is_none())
    );
}

#[test]
fn an_interrupted_fetch_says_so_and_goes_on() {
    let size = 2_000_000;
    let server = Model::new(size).serve(move |seen, reply| {
        match (seen.path.starts_with("/cdn/"), seen.nth) {
            (true, 0) => reply.cut_after(1_500_000),
            // Until the client goes away.
            (true, 1) => reply.of_length(Length::Silence),
            _ => reply,
        }
    });
    let place = Place::new(&server);
    let mut child = place
        .command(&["model", "fetch", ID])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("tried again in 1 s") {
        line.clear();
        assert_ne!(stderr.read_line(&mut line).unwrap(), 0, "it ended before it was cut");
    }
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest}");
    assert!(rest.contains("run the same command again to go on"), "{rest}");
    assert_eq!(server.seen_of("signature=secret").len(), 1, "it stopped in the pause");
    let model = Model::new(size);
    let again = model.clone().serve(good);
    let place = Place { endpoint: again.url(), ..place };
    expect(&place.fetch(&[]), 0, "");
    assert_eq!(
        fs::read(place.snapshot().join("model.safetensors")).unwrap(),
        model.content("model.safetensors")
    );
    let ranges: Vec<Seen> = again.seen_of("signature=secret");
    assert_eq!(ranges[0].header("range"), Some("bytes=1500000-"));
}

#[test]
fn a_full_disk_is_told_and_what_came_is_gone_on_with() {
    let size = 2_000_000;
    let model = Model::new(size);
    let server = model.clone().serve(good);
    let place = Place::new(&server);
    let plain = place.command(&["model", "fetch", ID]);
    // In blocks of 512 bytes; the message of the test's own output is no file.
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -f 2000; exec \"$@\"", "sh"]).arg(plain.get_program());
    limited.args(plain.get_args());
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    let full = end(&mut limited);
    expect(&full, 1, "cannot write");
    assert!(full.stderr.contains("hint: run the same command again to go on"), "{}", full.stderr);
    assert!(!place.snapshot().join("model.safetensors").exists());
    expect(&place.fetch(&[]), 0, "");
    let ranges: Vec<Seen> = server.seen_of("signature=secret");
    assert!(ranges.last().unwrap().header("range").is_some(), "it goes on where the disk was full");
    assert_eq!(
        fs::read(place.snapshot().join("model.safetensors")).unwrap(),
        model.content("model.safetensors")
    );
}

#[test]
fn an_interrupt_is_obeyed_while_a_server_says_nothing() {
    let (asked, is_asked) = std::sync::mpsc::channel();
    let server = Model::new(10).serve(move |seen, reply| match seen.path.starts_with("/cdn/") {
        true => {
            // Who listened may have failed by now.
            let _ = asked.send(());
            reply.of_length(Length::Silence)
        }
        false => reply,
    });
    let place = Place::new(&server);
    let mut command = place.command(&["model", "fetch", ID]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    is_asked.recv().unwrap();
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let ended = child.wait_with_output().unwrap();
    let message = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(130), "{message}");
    assert!(message.contains("hint: run the same command again to go on"), "{message}");
    // After the silence it would have said that it tries again.
    assert!(!message.contains("tried again"), "{message}");
    assert!(!place.snapshot().join("model.safetensors").exists());
}

/// A Python with Hugging Face's client: `CLSRL_PYTHON`, else `python3`.
fn python() -> Option<String> {
    let python = std::env::var("CLSRL_PYTHON").unwrap_or_else(|_| "python3".into());
    let check = "import huggingface_hub as h; assert int(h.__version__.split('.')[0]) >= 1; h.HfApi.verify_repo_checksums";
    let asked = Command::new(&python).args(["-c", check]).output();
    let is_there = asked.is_ok_and(|output| output.status.success());
    if !is_there {
        eprintln!("skipped: `{python}` has no huggingface_hub of 1.0 or later");
    }
    is_there.then_some(python)
}

/// Calls Hugging Face's client with the place's cache and hub.
fn call_python(python: &str, place: &Place, args: &[&str]) -> Ended {
    let script = root().join("tests/python/load_fetched_model.py");
    let mut command = Command::new(python);
    command
        .arg(script)
        .args(args)
        .env("HF_HOME", place.path("hf"))
        .env("HF_ENDPOINT", &place.endpoint);
    command
        .env_remove("HF_HUB_CACHE")
        .env_remove("HF_HUB_OFFLINE")
        .env("HF_HUB_DISABLE_TELEMETRY", "1");
    end(&mut command)
}

fn used(hub: &Model) -> Vec<&str> {
    let is_used = |name: &&str| name.ends_with(".json") || name.ends_with(".safetensors");
    hub.files.keys().map(String::as_str).filter(is_used).collect()
}

#[test]
fn hugging_faces_client_loads_what_was_fetched_and_finds_nothing_wrong() {
    let Some(python) = python() else { return };
    let (hub, server) = (tiny(), tiny().serve(good));
    let place = Place::new(&server);
    let folder = place.path("folder");
    expect(&place.fetch(&[]), 0, "");
    expect(&place.fetch(&["--to", text(&folder)]), 0, "");
    let n_asked = server.seen_of("signature=secret").len();
    let args = [["fetched", ID, text(&folder)].as_slice(), &used(&hub)].concat();
    expect(&call_python(&python, &place, &args), 0, "ok");
    assert_eq!(server.seen_of("signature=secret").len(), n_asked, "nothing was fetched again");
}

#[test]
fn what_hugging_faces_client_fetched_is_used_as_it_is() {
    let Some(python) = python() else { return };
    let (hub, server) = (tiny(), tiny().serve(good));
    let place = Place::new(&server);
    let args = [["fetch", ID].as_slice(), &used(&hub)].concat();
    let fetched = call_python(&python, &place, &args);
    expect(&fetched, 0, "");
    assert_eq!(Path::new(fetched.stdout.trim()), place.snapshot());
    let n_asked = server.seen_of("signature=secret").len();
    expect(&place.prompt("hf:org/tiny"), 0, "tokens");
    expect(
        &end(place.command(&["model", "fetch", ID]).env("HF_HUB_OFFLINE", "1")),
        0,
        "all there and checked",
    );
    expect(&place.fetch(&[]), 0, "all there and checked");
    assert_eq!(server.seen_of("signature=secret").len(), n_asked, "nothing was fetched again");
    expect(&place.prompt("hf:org/tiny"), 0, "tokens");
}
