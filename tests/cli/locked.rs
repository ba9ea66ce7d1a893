//! A run is held to the lock: what differs is named, and what runs all the same is marked.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::program::{call, expect_ok, temporary, text};

/// The drawn DTD alone, in a folder of its own.
fn drawn_dtd(root: &Path) -> PathBuf {
    let (all, data) = (root.join("all"), root.join("data"));
    expect_ok(&["tiny", "draw", "--to", text(&all)]);
    fs::create_dir(&data).unwrap();
    for name in ["dtd", "drawn.json"] {
        fs::rename(all.join(name), data.join(name)).unwrap();
    }
    data
}

fn run(data: &Path, out: &Path, more: &[&str]) -> Vec<String> {
    let args = ["run", "--suite", "smoke", "--methods", "zero-shot", "--datasets", "dtd"];
    let rest = ["--limit", "2", "--data", text(data), "--out", text(out)];
    [&args[..], &rest, more].concat().into_iter().map(str::to_owned).collect()
}

fn borrowed(args: &[String]) -> Vec<&str> {
    args.iter().map(String::as_str).collect()
}

fn is_locked(out: &Path) -> bool {
    let record = fs::read(out.join("smoke/zero-shot/dtd.direct.json")).unwrap();
    let record: Value = serde_json::from_slice(&record).unwrap();
    record["record"]["outcome"]["locked"].as_bool().unwrap()
}

/// One byte more in an image of the test list.
fn change_an_image(data: &Path) -> String {
    let dir = data.join("dtd/images");
    let class = fs::read_dir(&dir).unwrap().next().unwrap().unwrap().path();
    let image = fs::read_dir(class).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs::read(&image).unwrap();
    bytes.push(0);
    fs::write(&image, bytes).unwrap();
    image.strip_prefix(data.join("dtd")).unwrap().to_str().unwrap().to_owned()
}

#[test]
fn a_run_refuses_a_changed_image_by_name_unless_it_may_be_unlocked() {
    let root = temporary();
    let data = drawn_dtd(root.path());
    let out = root.path().join("out");
    expect_ok(&borrowed(&run(&data, &out, &[])));
    assert!(is_locked(&out));

    let changed = change_an_image(&data);
    let refused = call(&borrowed(&run(&data, &out, &[])));
    assert_eq!(refused.code, Some(7), "{}", refused.stderr);
    for message in [changed.as_str(), "dtd:", "--allow-unlocked", "datasets lock"] {
        assert!(refused.stderr.contains(message), "no {message:?} in {}", refused.stderr);
    }

    expect_ok(&borrowed(&run(&data, &out, &["--allow-unlocked", "--replace"])));
    assert!(!is_locked(&out), "what was evaluated before rests on other data");
    let report = fs::read_to_string(out.join("smoke.md")).unwrap();
    assert!(report.contains("Unlocked. DTD:"), "{report}");
}

#[test]
fn a_lock_of_one_s_own_makes_data_one_s_own() {
    let root = temporary();
    let data = drawn_dtd(root.path());
    fs::remove_file(data.join("drawn.json")).unwrap(); // nobody knows now where it is from
    let (out, lock) = (root.path().join("out"), root.path().join("mine.lock"));
    let with_lock = run(&data, &out, &["--lock", text(&lock)]);
    let refused = call(&borrowed(&with_lock));
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("there is no lock `"), "{}", refused.stderr);

    fs::write(&lock, "version = 1\n").unwrap();
    let refused = call(&borrowed(&with_lock));
    assert_eq!(refused.code, Some(7), "{}", refused.stderr);
    assert!(refused.stderr.contains("nobody has verified"), "{}", refused.stderr);

    expect_ok(&["datasets", "lock", "--data", text(&data), "--lock", text(&lock)]);
    expect_ok(&borrowed(&with_lock));
    assert!(is_locked(&out));
}

#[test]
fn a_run_refuses_lists_that_cannot_be_read() {
    let root = temporary();
    let (data, out) = (drawn_dtd(root.path()), root.path().join("out"));
    fs::write(data.join("dtd/split_zhou_DescribableTextures.json"), "{").unwrap();
    let refused = call(&borrowed(&run(&data, &out, &[])));
    assert_eq!(refused.code, Some(7), "{}", refused.stderr);
    let message = "split_zhou_DescribableTextures.json` has 1 fault";
    assert!(refused.stderr.contains(message), "{}", refused.stderr);
}

#[test]
fn a_run_refuses_lists_of_its_own_making_and_says_where_the_standard_ones_are() {
    let root = temporary();
    let (data, out) = (drawn_dtd(root.path()), root.path().join("out"));
    fs::remove_file(data.join("dtd/split_zhou_DescribableTextures.json")).unwrap();
    let refused = call(&borrowed(&run(&data, &out, &[])));
    assert_eq!(refused.code, Some(7), "{}", refused.stderr);
    for message in
        ["split_zhou_DescribableTextures.json: expected", "https://drive.google.com/file/d/"]
    {
        assert!(refused.stderr.contains(message), "no {message:?} in {}", refused.stderr);
    }
}
