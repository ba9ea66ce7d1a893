//! Data that changes between the check and the use: no number is made of what was not checked.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::Stdio,
};

use crate::program::{call, copy, expect_ok, program, temporary, text};

/// A drawn DTD to be changed.
fn drawn_dtd(root: &Path) -> PathBuf {
    expect_ok(&["datasets", "list"]); // they are drawn by now
    let drawn = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache/clsrl-bench/drawn-v1-seed1");
    let data = root.join("data");
    copy(&drawn.join("dtd"), &data.join("dtd"));
    fs::copy(drawn.join("drawn.json"), data.join("drawn.json")).unwrap();
    data
}

const SPLIT: &str = "dtd/split_zhou_DescribableTextures.json";

/// Starts a run, changes the data when its check is over and no trial has begun to read, and expects that the trial
/// fails and names the file, and that the same command gives all results once the data is back.
fn check(method: &str, more: &[&str], changed: &str, change: impl Fn(&Path)) {
    let root = temporary();
    let (data, out) = (drawn_dtd(root.path()), root.path().join("out"));
    let args = ["run", "--suite", "smoke", "--datasets", "dtd", "--limit", "2", "--jobs", "1"];
    let rest = ["--methods", method, "--data", text(&data), "--out", text(&out)];
    let args = [&args[..], &rest, more].concat();
    let mut child = program(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut message = String::new();
    while !message.contains("of them to run") {
        assert_ne!(stderr.read_line(&mut message).unwrap(), 0, "{message}");
    }
    let kept = root.path().join("kept");
    copy(&data, &kept);
    change(&data);
    stderr.read_to_string(&mut message).unwrap();
    let code = child.wait().unwrap().code();
    assert!([Some(5), Some(7)].contains(&code), "{code:?}: {message}");
    assert!(message.contains("is not what it was when it was checked"), "{message}");
    assert!(message.contains(changed), "{message}");
    assert!(!out.join("smoke/zero-shot/dtd.direct.json").exists());

    fs::remove_dir_all(&data).unwrap();
    copy(&kept, &data);
    expect_ok(&args);
}

/// Gives every image the bytes of one of them.
fn replace_images(data: &Path) {
    let mut images = Vec::new();
    for class in fs::read_dir(data.join("dtd/images")).unwrap() {
        let files = fs::read_dir(class.unwrap().path()).unwrap();
        images.extend(files.map(|file| file.unwrap().path()));
    }
    images.sort();
    let one = fs::read(&images[0]).unwrap();
    images[1..].iter().for_each(|image| fs::write(image, &one).unwrap());
}

#[test]
fn test_images_that_are_replaced_end_their_trial() {
    check("zero-shot", &[], "data/dtd/images/", replace_images);
}

#[test]
fn training_images_that_are_replaced_end_their_trial_in_process_too() {
    check("sft", &["--in-process"], "data/dtd/images/", replace_images);
}

#[test]
fn unlocked_images_must_stay_what_they_were_at_the_check() {
    check("zero-shot", &["--allow-unlocked"], "data/dtd/images/", replace_images);
}

#[test]
fn lists_that_are_replaced_end_their_trial() {
    check("zero-shot", &[], SPLIT, |data| {
        let lists = fs::read_to_string(data.join(SPLIT)).unwrap();
        let mut lists: serde_json::Value = serde_json::from_str(&lists).unwrap();
        lists["test"].as_array_mut().unwrap().reverse();
        fs::write(data.join(SPLIT), lists.to_string()).unwrap();
    });
}

/// Writes a few-shot set: of each class, the training images behind those that are skipped, and the first for
/// validation.
fn write_few_shot_cache(data: &Path, n_skipped: usize) {
    let lists = fs::read_to_string(data.join(SPLIT)).unwrap();
    let lists: serde_json::Value = serde_json::from_str(&lists).unwrap();
    let of_each_class = |split: &str, n_skipped: usize| -> Vec<&serde_json::Value> {
        let mut by_label = BTreeMap::<u64, Vec<&serde_json::Value>>::new();
        for row in lists[split].as_array().unwrap() {
            by_label.entry(row[1].as_u64().unwrap()).or_default().push(row);
        }
        by_label.into_values().flat_map(|rows| rows.into_iter().skip(n_skipped).take(4)).collect()
    };
    let (train, val) = (of_each_class("train", n_skipped), of_each_class("val", 0));
    let cache = serde_json::json!({ "train": train, "val": val });
    let folder = data.join("caches/dtd/split_fewshot");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("shot_4-seed_1.json"), cache.to_string()).unwrap();
}

#[test]
fn few_shot_caches_that_are_replaced_end_their_trial() {
    let caches = temporary();
    write_few_shot_cache(&drawn_dtd(caches.path()), 0);
    check(
        "sft",
        &["--few-shot-caches", text(&caches.path().join("data/caches"))],
        "shot_4-seed_1.json",
        |_| {
            write_few_shot_cache(&caches.path().join("data"), 1);
        },
    );
}

#[test]
fn the_mark_of_drawn_data_must_stay() {
    check("zero-shot", &[], "drawn.json", |data| fs::remove_file(data.join("drawn.json")).unwrap());
}

/// Cuts a test image short; gives its path below the dataset's folder.
fn break_a_test_image(data: &Path) -> String {
    let lists = fs::read_to_string(data.join(SPLIT)).unwrap();
    let lists: serde_json::Value = serde_json::from_str(&lists).unwrap();
    let last = lists["test"].as_array().unwrap().last().unwrap()[0].as_str().unwrap().to_owned();
    let image = data.join("dtd/images").join(&last);
    let bytes = fs::read(&image).unwrap();
    fs::write(&image, &bytes[..bytes.len() / 2]).unwrap();
    format!("images/{last}")
}

#[test]
fn a_broken_test_image_is_found_before_anything_is_trained() {
    let root = temporary();
    let (data, out, lock) =
        (drawn_dtd(root.path()), root.path().join("out"), root.path().join("lock"));
    let kept = root.path().join("kept");
    copy(&data, &kept);
    let args = ["run", "--suite", "smoke", "--datasets", "dtd", "--methods", "sft"];
    let rest = ["--data", text(&data), "--out", text(&out)];
    let image = break_a_test_image(&data);
    let at = ["--data", text(&data), "--datasets", "dtd", "--lock", text(&lock)];
    let locked = call(&[&["datasets", "lock"], &at[..]].concat());
    assert_eq!(locked.code, Some(7), "{}{}", locked.stdout, locked.stderr);
    assert!(locked.stdout.contains(&image), "{}", locked.stdout);
    assert!(fs::read_to_string(&lock).unwrap().contains("images = \"unverified\""));
    let verified = call(&[&["datasets", "verify", "--deep"], &at[..]].concat());
    assert_eq!(verified.code, Some(7), "{}{}", verified.stdout, verified.stderr);
    assert!(verified.stdout.contains(&image), "{}", verified.stdout);

    let unlocked = [&args[..], &rest, &["--allow-unlocked"]].concat();
    let refused = call(&unlocked);
    assert_eq!(refused.code, Some(7), "{}", refused.stderr);
    for message in [&*image, "cannot be decoded", "end-of-image", "verify --deep"] {
        assert!(refused.stderr.contains(message), "no {message:?} in {}", refused.stderr);
    }
    assert!(!out.join("smoke/sft.dtd.4shot.seed1").exists(), "nothing was trained");

    // Trained with another image in its place, the fine-tune outlives the right one.
    let whole = kept.join("dtd").join(&image);
    fs::copy(kept.join("dtd").join(image.replace("_0026", "_0025")), data.join("dtd").join(&image))
        .unwrap();
    expect_ok(&unlocked);
    fs::copy(whole, data.join("dtd").join(&image)).unwrap();
    let plan = [&["plan"], &args[1..], &rest].concat();
    let planned: serde_json::Value =
        serde_json::from_str(&expect_ok(&[&plan[..], &["--json"]].concat())).unwrap();
    let trial = &planned["trials"][0];
    assert_eq!(trial["training"]["state"], "done", "{trial}");
    let cells = trial["cells"].as_array().unwrap();
    let of_dtd =
        cells.iter().find(|cell| cell["cell"].as_str().unwrap().starts_with("dtd")).unwrap();
    assert_eq!(of_dtd["progress"]["state"], "stale", "{of_dtd}");
}

#[test]
fn data_that_is_linked_is_read_where_locking_found_it() {
    let root = temporary();
    let store = temporary();
    let data = drawn_dtd(root.path());
    fs::remove_file(data.join("drawn.json")).unwrap(); // nobody knows now where it is from
    let [out, lock, sidecars] = ["out", "lock", "sidecars"].map(|name| root.path().join(name));
    fs::rename(data.join("dtd/images"), store.path().join("images")).unwrap();
    std::os::unix::fs::symlink(store.path().join("images"), data.join("dtd/images")).unwrap();
    let at = ["--data", text(&data), "--lock", text(&lock), "--sidecars", text(&sidecars)];
    let run = ["run", "--suite", "smoke", "--datasets", "dtd", "--methods", "zero-shot"];
    let run = [&run[..], &["--limit", "2", "--out", text(&out)], &at].concat();
    fs::write(&lock, "version = 1\n").unwrap();
    let refused = call(&[&run[..], &["--allow-unlocked"]].concat());
    assert_eq!(refused.code, Some(7), "{}", refused.stderr);
    let locked = expect_ok(&[&["datasets", "lock"], &at[..]].concat());
    assert!(locked.contains("links lead into `"), "{locked}");
    expect_ok(&run);
}

#[test]
fn without_a_home_the_folder_of_sidecars_is_asked_for() {
    let root = temporary();
    let (data, out) = (drawn_dtd(root.path()), root.path().join("out"));
    let run = ["run", "--suite", "smoke", "--datasets", "dtd", "--methods", "zero-shot"];
    let args = [&run[..], &["--data", text(&data), "--out", text(&out)]].concat();
    let ended = crate::program::end(program(&args).env_remove("XDG_CACHE_HOME").env_remove("HOME"));
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("--sidecars"), "{}", ended.stderr);
}
