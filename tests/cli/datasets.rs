//! The lock: what is listed, what is written into it, and what is reported of data that differs.

use std::{fs, path::PathBuf, process::Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::program::{Ended, call, copy, expect_ok, program, root, shared, temporary, text};

/// A drawn DTD of its own with sidecars and a copy of the project's lock.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        // What the other tests use as well, and what must not be changed.
        expect_ok(&["datasets", "list"]);
        let drawn = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join("cache/clsrl-bench")
            .join("drawn-v1-seed1");
        let place = Place(temporary());
        fs::create_dir(place.path("data")).unwrap();
        copy(&drawn.join("dtd"), &place.path("data/dtd"));
        fs::copy(drawn.join("drawn.json"), place.path("data/drawn.json")).unwrap();
        fs::copy(root().join("datasets.lock"), place.path("datasets.lock")).unwrap();
        place
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn call(&self, verb: &str, more: &[&str]) -> Ended {
        let [data, lock, sidecars] =
            ["data", "datasets.lock", "sidecars"].map(|path| self.path(path));
        let places = ["--data", text(&data), "--lock", text(&lock), "--sidecars", text(&sidecars)];
        call(&[&["datasets", verb], places.as_slice(), more].concat())
    }

    fn expect(&self, verb: &str, more: &[&str], code: i32) -> String {
        let ended = self.call(verb, more);
        assert_eq!(ended.code, Some(code), "{}{}", ended.stdout, ended.stderr);
        ended.stdout + &ended.stderr
    }

    fn image(&self) -> PathBuf {
        let images = self.path("data/dtd/images");
        let class = fs::read_dir(images).unwrap().next().unwrap().unwrap().path();
        fs::read_dir(class).unwrap().next().unwrap().unwrap().path()
    }
}

#[test]
fn every_drawn_dataset_is_as_locked() {
    let messages = expect_ok(&["datasets", "verify", "--json"]);
    let messages: Value = serde_json::from_str(&messages).unwrap();
    let messages = messages.as_array().unwrap();
    assert_eq!(messages.len(), 11);
    for dataset in messages {
        assert_eq!(dataset["state"], "as locked", "{dataset}");
        assert_eq!(dataset["notes"].as_array().unwrap().len(), 0, "{dataset}");
    }
}

#[test]
fn a_changed_image_is_named_and_ends_with_7() {
    let place = Place::new();
    place.expect("verify", &[], 0);
    let image = place.image();
    let mut bytes = fs::read(&image).unwrap();
    bytes[100] ^= 1;
    fs::write(&image, bytes).unwrap();
    let name = image.strip_prefix(place.path("data/dtd")).unwrap().to_owned();
    for more in [[].as_slice(), &["--deep"]] {
        let message = place.expect("verify", more, 7);
        assert!(message.contains(&format!("{}: expected sha256 ", text(&name))), "{message}");
    }
}

#[test]
fn what_nobody_locked_ends_with_5() {
    let place = Place::new();
    fs::write(place.path("datasets.lock"), "version = 1\n").unwrap();
    let message = place.expect("verify", &[], 5);
    assert!(
        message.contains("not verified yet: counts, classes, split, images, annotations"),
        "{message}"
    );
}

#[test]
fn a_test_image_in_the_training_list_ends_with_7() {
    let place = Place::new();
    let split = place.path("data/dtd/split_zhou_DescribableTextures.json");
    let mut lists: Value = serde_json::from_str(&fs::read_to_string(&split).unwrap()).unwrap();
    lists["train"][0] = lists["test"][0].clone();
    fs::write(&split, lists.to_string()).unwrap();
    fs::write(place.path("datasets.lock"), "version = 1\n").unwrap();
    let message = place.expect("verify", &[], 7);
    assert!(message.contains("again, expected it at `train`[0] only"), "{message}");
}

#[test]
fn locking_fills_in_and_replaces_only_what_it_may() {
    let place = Place::new();
    fs::write(place.path("datasets.lock"), "# Mine.\nversion = 1\n").unwrap();
    place.expect("lock", &[], 0);
    let locked = fs::read_to_string(place.path("datasets.lock")).unwrap();
    assert!(locked.starts_with("# Mine.\nversion = 1\n"), "{locked}");
    place.expect("verify", &[], 0);
    assert!(place.expect("lock", &[], 0).contains("nothing new"));

    fs::copy(place.image(), place.path("data/dtd/images/another.jpg")).unwrap();
    let message = place.expect("lock", &[], 7);
    assert!(
        message.contains("hint: restore the data, or accept it with --accept-changes"),
        "{message}"
    );
    assert_eq!(fs::read_to_string(place.path("datasets.lock")).unwrap(), locked);
    place.expect("lock", &["--accept-changes"], 0);
    place.expect("verify", &[], 0);
    assert_ne!(fs::read_to_string(place.path("datasets.lock")).unwrap(), locked);
}

#[test]
fn a_listed_image_that_is_missing_is_told_and_never_locked() {
    let place = Place::new();
    fs::write(place.path("datasets.lock"), "version = 1\n").unwrap();
    let image = place.image();
    fs::remove_file(&image).unwrap();
    let name = image.file_name().unwrap().to_str().unwrap();
    for verb in ["verify", "lock", "verify"] {
        let message = place.expect(verb, &[], 7);
        assert!(message.contains(&format!("{name}: expected an image of `")), "{message}");
    }
    let lock = fs::read_to_string(place.path("datasets.lock")).unwrap();
    assert!(lock.contains("images = \"unverified\""), "{lock}");
}

#[test]
fn a_lock_that_is_named_and_not_there_is_wrong_usage() {
    let place = Place::new();
    fs::remove_file(place.path("datasets.lock")).unwrap();
    for verb in ["list", "verify"] {
        assert!(place.expect(verb, &[], 2).contains("there is no lock `"));
    }
    place.expect("lock", &[], 0);
    place.expect("verify", &[], 0);
}

#[test]
fn the_same_images_have_the_same_entry_as_in_the_projects_lock() {
    let place = Place::new();
    assert!(place.expect("lock", &[], 0).contains("nothing new"));
}

#[test]
fn a_faulty_lock_is_wrong_usage_and_stays() {
    let place = Place::new();
    for (lock, expected) in [
        ("version = 2\n", "lock format 2 is newer than this program"),
        ("version = 1\n[dtd]\nsplit = \"x\"\n", "line 3: "),
        ("version = ", "line 1: "),
    ] {
        fs::write(place.path("datasets.lock"), lock).unwrap();
        for verb in ["list", "lock", "verify"] {
            let message = place.expect(verb, &[], 2);
            assert!(message.contains(expected), "{message}");
        }
        assert_eq!(fs::read_to_string(place.path("datasets.lock")).unwrap(), lock);
    }
}

#[test]
fn a_dataset_that_was_named_and_is_not_there_differs() {
    let place = Place::new();
    let message = place.expect("verify", &["--datasets", "dtd,eurosat"], 7);
    assert!(message.contains("drawn.seed1.dtd: as locked"), "{message}");
    assert!(message.contains("drawn.seed1.eurosat: "), "{message}");
}

#[test]
fn an_empty_folder_selects_nothing() {
    let place = Place::new();
    fs::remove_dir_all(place.path("data/dtd")).unwrap();
    place.expect("verify", &[], 4);
}

#[test]
fn lists_that_cannot_be_read_do_not_keep_images_from_being_compared() {
    let place = Place::new();
    place.expect("verify", &[], 0);
    fs::write(place.path("data/dtd/split_zhou_DescribableTextures.json"), "{").unwrap();
    let image = place.image();
    fs::remove_file(&image).unwrap();
    let message = place.expect("verify", &[], 7);
    assert!(message.contains("lists: expected lists that can be read"), "{message}");
    let name = image.file_name().unwrap().to_str().unwrap();
    assert!(message.contains(&format!("{name}: expected a file of ")), "{message}");
}

#[test]
fn the_published_split_files_are_those_of_the_lock() {
    let splits = shared("data/splits");
    let folders = [
        ("caltech-101", "Caltech101"),
        ("oxford_pets", "OxfordPets"),
        ("stanford_cars", "StanfordCars"),
        ("dtd", "DescribableTextures"),
        ("eurosat", "EuroSAT"),
    ];
    if !splits.is_dir() {
        eprintln!("skipped: there is no `{}`", splits.display());
        return;
    }
    let data = temporary();
    for (folder, name) in folders {
        let (file, dir) = (format!("split_zhou_{name}.json"), data.path().join(folder));
        fs::create_dir(&dir).unwrap();
        fs::copy(splits.join(&file), dir.join(&file)).unwrap();
    }
    let listed = expect_ok(&["datasets", "list", "--data", text(data.path()), "--json"]);
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let there = listed.as_array().unwrap().iter().filter(|row| row["there"] == true);
    let mut n_there = 0;
    for row in there {
        n_there += 1;
        for value in ["counts", "classes", "split", "annotations"] {
            let states = row["lock"].as_array().unwrap();
            assert!(states.contains(&serde_json::json!([value, "ok"])), "{row}");
        }
        assert_eq!(row["standard_split"], true, "{row}");
    }
    assert_eq!(n_there, folders.len());
}

#[test]
fn datasets_that_are_drawn_several_times_at_once_stay_where_the_first_drew_them() {
    use std::os::unix::fs::MetadataExt;

    let dir = temporary();
    let to = dir.path().join("drawn");
    let mut children: Vec<_> = (0..3)
        .map(|_| {
            program(&["tiny", "draw", "--quiet", "--to", text(&to)])
                .stdout(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    let mut inodes = Vec::new();
    for child in &mut children {
        assert!(child.wait().unwrap().success());
        inodes.push(fs::metadata(to.join("drawn.json")).unwrap().ino());
    }
    assert!(inodes.iter().all(|inode| *inode == inodes[0]), "{inodes:?}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else is left behind");
}
