//! Something else in the place of a file: every reader of the program ends at once and names it.

use std::{
    fs::{self, File},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use clsrl_spec::DatasetId;
use tempfile::TempDir;

use crate::program::{
    Ended, copy, copy_of_finished, end, expect_ok, finished, model, root, temporary, text,
};

/// More than is read of any file.
const OVERSIZED: u64 = 1 << 40;

type Irregular = (&'static str, fn(&Path));

/// What stands in the place of a file.
const IRREGULARS: [Irregular; 4] = [
    ("a FIFO", |path| {
        assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    }),
    ("a link to a device", |path| symlink("/dev/zero", path).unwrap()),
    ("a folder", |path| fs::create_dir(path).unwrap()),
    ("an oversized file", |path| File::create(path).unwrap().set_len(OVERSIZED).unwrap()),
];

/// What a reader does with what it cannot read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// It ends with an error that names the file.
    Error,
    /// It does without: a cache that cannot be read is none.
    Nothing,
}

/// Everything that the program reads, each in a place that a test may spoil.
struct Site {
    dir: TempDir,
    results: TempDir,
}

impl Site {
    fn new() -> Self {
        let dir = temporary();
        let home = dir.path().join("home");
        copy(&root().join("suites"), &home.join("suites"));
        copy(&model(), &home.join("harness/tiny/model"));
        fs::create_dir_all(home.join("results")).unwrap();
        for file in ["datasets.lock", "results/published.csv"] {
            fs::copy(root().join(file), home.join(file)).unwrap();
        }
        copy(&model(), &dir.path().join("model"));
        expect_ok(&["tiny", "draw", "--to", text(&dir.path().join("data"))]);
        let baseline = dir.path().join("baseline.json");
        let save = ["baseline", "save", text(&baseline), "--suite", "smoke", "--out"];
        expect_ok(&[save.as_slice(), &[text(finished())]].concat());
        Site { dir, results: copy_of_finished() }
    }

    fn at(&self, path: &str) -> PathBuf {
        match path.strip_prefix("results/") {
            Some(path) => self.results.path().join(path),
            None => self.dir.path().join(path),
        }
    }

    /// Puts everything irregular in the place of a file, one after the other, and calls the verb that reads it.
    fn check(&self, file: &str, verb: &str, message: Expected) {
        let path = self.at(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let aside = self.dir.path().join("aside");
        let was_there = path.exists();
        if was_there {
            fs::rename(&path, &aside).unwrap();
        }
        for (kind, make) in IRREGULARS {
            make(&path);
            let ended = self.call(verb);
            let what = format!("{kind} as {file}, {verb}: {ended:?}");
            let said = format!("{}{}", ended.stdout, ended.stderr);
            assert!(!said.contains("panicked"), "{what}");
            match message {
                Expected::Error => {
                    assert!(matches!(ended.code, Some(1 | 2 | 5 | 7)), "{what}");
                    let name = path.file_name().unwrap().to_str().unwrap();
                    assert!(said.contains(name), "{what}");
                }
                // A cache is made again, but for a folder, which no file can replace.
                Expected::Nothing if path.is_dir() => {
                    assert!(matches!(ended.code, Some(0 | 1)), "{what}");
                }
                Expected::Nothing => assert_eq!(ended.code, Some(0), "{what}"),
            }
            match fs::symlink_metadata(&path) {
                Ok(found) if found.is_dir() => fs::remove_dir_all(&path).unwrap(),
                Ok(_) => fs::remove_file(&path).unwrap(),
                Err(_) => {}
            }
        }
        if was_there {
            fs::rename(&aside, &path).unwrap();
        }
    }

    /// Calls a verb, whose words stand for paths where they begin with `@`, with little memory and time.
    fn call(&self, verb: &str) -> Ended {
        let word = |word: &str| match word.strip_prefix('@') {
            Some(path) => text(&self.at(path)).to_owned(),
            None => word.to_owned(),
        };
        let mut command = limited();
        command.args(verb.split(' ').map(word)).env("CLSRL_HOME", self.at("home"));
        end(&mut command)
    }
}

/// The program with 8 GiB of address space and 30 seconds; killed after them.
fn limited() -> Command {
    let mut command = Command::new("bash");
    command
        .args(["-c", "ulimit -v 8388608; exec timeout -s KILL 30 \"$0\" \"$@\""])
        .arg(env!("CARGO_BIN_EXE_clsrl-bench"))
        .env("XDG_CACHE_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"))
        .stdin(Stdio::null());
    command
}

#[test]
fn nothing_but_a_regular_file_is_read_as_a_suite_a_protocol_a_lock_or_a_list() {
    let site = Site::new();
    for (file, verb) in [
        ("home/suites/smoke.toml", "plan --suite smoke"),
        ("home/suites/smoke.toml", "plan --suite @home/suites/smoke.toml"),
        ("home/suites/protocols/tiny.toml", "plan --suite smoke"),
        ("home/suites/protocols/tiny.toml", "plan --suite few-shot --protocol tiny"),
        ("home/suites/protocols/paper.toml", "audit protocol tiny paper"),
        ("home/datasets.lock", "plan --suite smoke --data @data"),
        ("home/datasets.lock", "run --suite smoke --out @out --data @data"),
        ("home/datasets.lock", "datasets list --data @data"),
        ("my.lock", "datasets verify --data @data --datasets dtd --lock @my.lock"),
        ("my.lock", "datasets lock --data @data --datasets dtd --lock @my.lock"),
        ("names/dtd.txt", "audit rewards --protocol tiny --class-names @names --datasets dtd"),
        ("home/results/published.csv", "report --suite smoke --out @results/ --against paper"),
    ] {
        site.check(file, verb, Expected::Error);
    }
}

#[test]
fn nothing_but_a_regular_file_is_read_of_a_model() {
    let site = Site::new();
    for file in [
        "config.json",
        "generation_config.json",
        "preprocessor_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "model.safetensors",
    ] {
        site.check(
            &format!("model/{file}"),
            "plan --suite smoke --model @model --data @data",
            Expected::Error,
        );
    }
    for file in ["config.json", "model.safetensors"] {
        site.check(&format!("model/{file}"), "doctor --model @model", Expected::Error);
    }
    for file in ["tokenizer.json", "tokenizer_config.json", "preprocessor_config.json"] {
        let verb = "inspect prompt --suite smoke --dataset dtd --model @model --data @data";
        site.check(&format!("model/{file}"), verb, Expected::Error);
    }
    let verb = "inspect image --dataset dtd --to @a.png --data @data --model @model";
    site.check("model/preprocessor_config.json", verb, Expected::Error);
    site.check("goldens/model/config.json", "doctor --goldens @goldens", Expected::Error);
    copy(&model(), &site.at("goldens/model"));
    site.check("goldens/forward.safetensors", "doctor --goldens @goldens", Expected::Error);
    // A model in shards.
    fs::rename(site.at("model/model.safetensors"), site.at("model/a.safetensors")).unwrap();
    site.check("model/model.safetensors.index.json", "doctor --model @model", Expected::Error);
    let index = r#"{"weight_map": {"lm_head.weight": "a.safetensors"}}"#;
    fs::write(site.at("model/model.safetensors.index.json"), index).unwrap();
    site.check("model/a.safetensors", "doctor --model @model", Expected::Error);
}

#[test]
fn nothing_but_a_regular_file_is_read_of_data() {
    let site = Site::new();
    let verb = "datasets verify --data @data --sidecars @sidecars";
    expect_ok(&[
        "datasets",
        "verify",
        "--data",
        text(&site.at("data")),
        "--sidecars",
        text(&site.at("sidecars")),
    ]);
    let lists = lists_below(&site.at("data"));
    assert!((11..30).contains(&lists.len()), "{lists:?}");
    for file in lists {
        let file = text(file.strip_prefix(site.dir.path()).unwrap());
        let of = |id: &DatasetId| file.starts_with(&format!("data/{}/", id.folder()));
        let ids = DatasetId::ALL.iter().find(|id| of(id)).map_or("dtd", |id| id.as_str());
        site.check(file, &format!("{verb} --datasets {ids}"), Expected::Error);
    }
    site.check("data/drawn.json", "tiny draw --to @data", Expected::Error);
    for cache in fs::read_dir(site.at("sidecars")).unwrap().take(4) {
        let file = format!("sidecars/{}", text(Path::new(&cache.unwrap().file_name())));
        site.check(&file, verb, Expected::Nothing);
    }
    let image = image_below(&site.at("data/dtd"));
    let file = text(image.strip_prefix(site.dir.path()).unwrap());
    site.check(
        file,
        "datasets verify --data @data --datasets dtd --sidecars @other",
        Expected::Error,
    );
    for file in ["shot_4-seed_1.pkl", "shot_4-seed_1.json"] {
        let verb =
            "plan --suite smoke --methods sft --datasets dtd --data @data --few-shot-caches @few";
        let folder = "few/dtd/split_fewshot";
        site.check(&format!("{folder}/{file}"), verb, Expected::Error);
    }
}

#[test]
fn nothing_but_a_regular_file_is_read_of_results() {
    let site = Site::new();
    let trial = "results/smoke/sft.dtd.4shot.seed1";
    for file in ["training.json", "dtd.direct.json", "dtd.direct.predictions.jsonl"] {
        site.check(
            &format!("{trial}/{file}"),
            "report --suite smoke --out @results/",
            Expected::Error,
        );
    }
    for verb in [
        "rescore --suite smoke --out @results/",
        "gate --suite smoke --out @results/ --baseline @baseline.json",
        "baseline save @new.json --suite smoke --out @results/",
    ] {
        site.check(&format!("{trial}/dtd.direct.json"), verb, Expected::Error);
    }
    let verb = "gate --suite smoke --out @results/ --baseline @baseline.json";
    site.check("baseline.json", verb, Expected::Error);
    let verb = "baseline save @baseline.json --suite smoke --out @results/";
    site.check("baseline.json", verb, Expected::Error);
}

#[test]
fn a_worker_reads_a_job_of_a_bounded_length() {
    for input in ["/dev/zero", "/dev/null", "/"] {
        let mut command = limited();
        let ended = end(command.arg("trial").stdin(File::open(input).unwrap()));
        assert!(matches!(ended.code, Some(1 | 2)), "{input}: {ended:?}");
        assert!(ended.stderr.contains("the job"), "{input}: {ended:?}");
    }
}

#[test]
fn a_folder_that_is_none_is_told() {
    let site = Site::new();
    let fifo = site.at("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    for flags in [
        "--model @fifo --data @data",
        "--data @fifo",
        "--data @data --few-shot-caches @fifo",
        "--data @data --lock @fifo",
    ] {
        let ended = site.call(&format!("plan --suite smoke {flags}"));
        assert!(matches!(ended.code, Some(1 | 2)), "{flags}: {ended:?}");
        assert!(ended.stderr.contains("fifo"), "{flags}: {ended:?}");
    }
}

/// Every file below a folder that is no image, in order.
fn lists_below(dir: &Path) -> Vec<PathBuf> {
    let mut files = all_below(dir);
    files.retain(|path| !is_image(path));
    files
}

fn image_below(dir: &Path) -> PathBuf {
    all_below(dir).into_iter().find(|path| is_image(path)).unwrap()
}

fn is_image(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "jpg" || extension == "JPEG")
}

fn all_below(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let entry = entry.unwrap();
            match entry.file_type().unwrap().is_dir() {
                true => dirs.push(entry.path()),
                false => files.push(entry.path()),
            }
        }
    }
    files.sort();
    files
}
