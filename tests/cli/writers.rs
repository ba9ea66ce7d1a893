//! Several processes that write the same files at once, and a folder that somebody else prepared.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use crate::{
    program::{Ended, call, copy_of_finished, end, expect_ok, finished, program, temporary, text},
    records::{age, edit, read},
};

/// Starts all of these at once and waits for each.
fn at_once(calls: &[Vec<&str>]) -> Vec<Ended> {
    std::thread::scope(|scope| {
        let started: Vec<_> =
            calls.iter().map(|args| scope.spawn(move || end(&mut program(args)))).collect();
        started.into_iter().map(|call| call.join().unwrap()).collect()
    })
}

fn expect_all_ok(calls: &[Vec<&str>]) {
    for (ended, args) in at_once(calls).iter().zip(calls) {
        assert_eq!(ended.code, Some(0), "{args:?}: {}", ended.stderr);
    }
}

/// The names and bytes of what lies in a folder and below.
fn contents(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(contents(&path));
        } else {
            found.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    found
}

#[test]
fn three_locks_at_once_keep_all_three_tables_and_leave_nothing_beside_them() {
    let dir = temporary();
    let lock = dir.path().join("l");
    let of = |dataset| vec!["datasets", "lock", "--datasets", dataset, "--lock", text(&lock)];
    // The datasets are drawn before.
    expect_ok(&["datasets", "list"]);
    expect_all_ok(&[of("dtd"), of("eurosat"), of("ucf101")]);
    let tables = fs::read_to_string(&lock).unwrap();
    assert_eq!(tables.matches("\n[drawn").count(), 3, "{tables}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn reports_at_once_lose_no_file_and_each_is_whole() {
    let dir = copy_of_finished();
    let out = text(dir.path());
    let report = |format| vec!["report", "--suite", "smoke", "--out", out, "--format", format];
    expect_ok(&report("md"));
    let before = contents(dir.path());
    expect_all_ok(&[report("md"), report("figures"), report("tex"), report("html")]);
    let after = contents(dir.path());
    assert!(before.keys().eq(after.keys()), "no file goes and none is left over");
    let changed = |(path, bytes): &(&PathBuf, &Vec<u8>)| after[*path] != **bytes;
    let changed: Vec<_> = before.iter().filter(changed).map(|(path, _)| path).collect();
    assert!(changed.is_empty(), "{changed:?}");
}

#[test]
fn baselines_saved_at_once_are_one_that_is_whole() {
    let dir = temporary();
    let path = dir.path().join("b.json");
    let out = text(finished());
    let save = vec!["baseline", "save", text(&path), "--suite", "smoke", "--out", out];
    expect_all_ok(&[save.clone(), save.clone(), save]);
    let gate = ["gate", "--suite", "smoke", "--out", out, "--baseline", text(&path)];
    expect_ok(&[&gate[..], &["--max-drop", "80"]].concat());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

/// Links under every name that a writer could be known to use, in a folder that others can write to.
#[test]
fn planted_links_are_not_followed() {
    let dir = copy_of_finished();
    let victim = dir.path().join("victim");
    fs::write(&victim, "precious").unwrap();
    for name in ["smoke.md.tmp", ".smoke.md.tmp", "smoke.parquet.part", ".smoke.parquet.tmp"] {
        symlink(&victim, dir.path().join(name)).unwrap();
    }
    for name in ["smoke.md", "smoke.html", "smoke.parquet"] {
        fs::remove_file(dir.path().join(name)).unwrap();
        symlink(&victim, dir.path().join(name)).unwrap();
    }
    expect_ok(&["report", "--suite", "smoke", "--out", text(dir.path())]);
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    for name in ["smoke.md", "smoke.html", "smoke.parquet"] {
        assert!(fs::symlink_metadata(dir.path().join(name)).unwrap().is_file(), "{name}");
    }
    // A lock is not followed either: that ends the verb and leaves the file.
    let lock = dir.path().join("smoke/.report.lock");
    fs::remove_file(&lock).unwrap();
    symlink(&victim, &lock).unwrap();
    let refused = call(&["report", "--suite", "smoke", "--out", text(dir.path())]);
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
}

/// A text that no table can hold, in a record that no seal protects.
#[test]
fn a_long_text_of_a_record_is_damage_and_no_panic() {
    let dir = copy_of_finished();
    let record = dir.path().join("smoke/zero-shot/dtd.direct.json");
    age(&record, 5);
    edit(&record, |file| {
        file["record"]["run"]["place"]["processor"] = "x".repeat(70_000).into();
    });
    let at = ["--suite", "smoke", "--out", text(dir.path())];
    for verb in [&["report"][..], &["rescore"], &["report", "--against", "paper"]] {
        let ended = call(&[verb, &at].concat());
        assert_eq!(ended.code, Some(5), "{}", ended.stderr);
        let message = "a text has 70000 bytes, expected at most 4096";
        assert!(ended.stderr.contains(message), "{}", ended.stderr);
    }
    // And in what nobody holds to a bound: the reasons of a cell whose prompt is another one.
    let record = dir.path().join("smoke/zero-shot/dtd.thinking.json");
    age(&record, 5);
    edit(&record, |file| file["identity"]["prompt"]["suffix"] = "é|".repeat(70_000).into());
    let ended = call(&[&["report"][..], &at].concat());
    assert_eq!(ended.code, Some(5), "{}", ended.stderr);
    assert!(ended.stderr.len() < 10_000 && read(&record)["version"] == 5);
}
