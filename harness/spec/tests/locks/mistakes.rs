//! What a lock may not say, and what it says when it may.

use clsrl_spec::{
    DatasetId,
    lock::{Known, Lock, LockKey},
};

use crate::LOCK;

fn errors(text: &str) -> Vec<(usize, String)> {
    let errors = Lock::parse(text, "datasets.lock").unwrap_err();
    errors.0.into_iter().map(|error| (error.line, error.message)).collect()
}

/// Changes one place of the lock; expects one message, at the line of a text.
fn check(from: &str, to: &str, at: &str, message: &str) {
    let text = LOCK.replacen(from, to, 1);
    assert_ne!(text, LOCK, "`{from}` is not in the lock");
    let line = 1 + text.lines().position(|line| line.contains(at)).unwrap();
    let messages = errors(&text);
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert!(messages[0].1.contains(message), "{messages:?}");
    assert_eq!(messages[0].0, line, "{messages:?}");
}

#[test]
fn a_lock_says_what_it_says() {
    let lock = Lock::parse(LOCK, "datasets.lock").unwrap();
    let dtd = LockKey { drawn_seed: None, dataset: DatasetId::Dtd };
    let entry = lock.entry(dtd).unwrap();
    assert_eq!(entry.counts.train, Known::Verified(2820));
    assert_eq!(entry.counts.test, Known::Unverified);
    assert_eq!(entry.images.verified().unwrap().n_bytes, 625_239_812);
    assert_eq!(entry.annotations.len(), 2);
    assert_eq!(entry.unverified(), ["counts", "split", "annotations"]);
    assert_eq!(entry.archives[0].md5.as_deref(), Some("fff73e5086ae6bdbea199a49dfb8a4c1"));
}

#[test]
fn a_drawn_dataset_is_another_than_the_real_one() {
    let lock = Lock::parse(LOCK, "datasets.lock").unwrap();
    let of = |drawn_seed| lock.entry(LockKey { drawn_seed, dataset: DatasetId::Eurosat });
    assert!(of(Some(1)).is_some());
    assert!(of(Some(2)).is_none());
    assert!(of(None).is_none());
}

#[test]
fn a_newer_lock_is_refused_once_and_not_read() {
    let text = format!("{}\n[new]\nthings = 1\n", LOCK.replace("version = 1", "version = 2"));
    let messages = errors(&text);
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert!(messages[0].1.starts_with("lock format 2 is newer than this program"), "{messages:?}");
}

#[test]
fn a_lock_without_version_is_refused() {
    assert!(errors("[dtd]\n").iter().any(|(_, message)| message == "missing `version`"));
}

#[test]
fn two_datasets_under_one_name_are_refused() {
    let text = format!("{LOCK}\n[dtd]\nsplit = \"unverified\"\n");
    let messages = errors(&text);
    let line = text.lines().count() - 1;
    assert_eq!(messages[0].0, line, "{messages:?}");
    assert!(messages[0].1.contains("duplicate"), "{messages:?}");
}

#[test]
fn an_unknown_dataset_is_told_with_the_one_that_was_meant() {
    check("[dtd]", "[dtdd]", "[dtdd]", "unknown key `dtdd`, did you mean `dtd`?");
    check("seed1.eurosat", "seed1.mnist", "mnist", "unknown key `mnist`");
}

#[test]
fn a_seed_that_is_none_is_told() {
    for seed in ["seed", "seed01", "1", "seed-1", "seedling"] {
        let message = format!("`drawn` has the key `{seed}`");
        check("drawn.seed1", &format!("drawn.{seed}"), "[drawn.", &message);
    }
}

#[test]
fn a_bad_digest_is_told() {
    let good = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    let upper = good.to_uppercase();
    for bad in ["", "verified", &good[1..], &upper, &format!("{good}0"), &good.replace('0', "g")] {
        check(good, bad, "classes =", "is no SHA-256");
    }
    check("fff73e5086ae6bdbea199a49dfb8a4c1", "fff7", "archives", "is no MD5");
}

#[test]
fn a_wrong_type_is_told() {
    check("train = 2820", "train = \"2820\"", "train =", "`train` must be an integer");
    check("train = 2820", "train = -1", "train =", "`train` must be 0 or more");
    check("split = \"unverified\"", "split = 1", "split = 1", "`split` must be a string");
    check("n = 47", "n = 4.7", "n = 4.7", "`n` must be an integer");
    check("annotations = []", "annotations = {}", "annotations = {}", "must be a list");
    check("annotations = []", "annotations = [1]", "annotations = [1]", "must be a table");
}

#[test]
fn an_unknown_or_missing_key_is_told() {
    check("size = 12, ", "", "split.json", "missing `size`");
    check("n = 47", "n = 47, m = 1", "m = 1", "unknown key `m`");
    check("split = \"unverified\"\n", "", "[dtd]", "missing `split`");
    check("split = \"unverified\"", "spilt = \"unverified\"", "spilt", "did you mean `split`?");
}

#[test]
fn a_path_that_leaves_the_folder_is_told() {
    for path in ["/etc/passwd", "../split.json", "a/../../b", "", "a//b", "./a"] {
        check("\"split.json\"", &format!("{path:?}"), &format!("{path:?}"), "is no path below");
    }
}

#[test]
fn a_file_that_is_listed_twice_is_told() {
    check("a/b.txt", "split.json", "annotations = [", "names `split.json` twice");
}

#[test]
fn all_mistakes_are_told_at_once_in_order() {
    let text = LOCK
        .replace("train = 2820", "train = -1")
        .replace("md5 = \"fff7", "md5 = \"xxx7")
        .replace("seed1", "seedx");
    let lines: Vec<usize> = errors(&text).into_iter().map(|(line, _)| line).collect();
    assert_eq!(lines.len(), 3);
    assert!(lines.is_sorted());
}
