//! Entries that are written into a lock: what changes, and what stays.

use clsrl_spec::{
    DatasetId,
    lock::{
        Annotation, Change, Classes, Counts, Digest, FileDigest, Known, Lock, LockEntry, LockKey,
        Tree, changes, with_entries,
    },
};

use crate::LOCK;

const DTD: LockKey = LockKey { drawn_seed: None, dataset: DatasetId::Dtd };

fn whole() -> LockEntry {
    let file = |path: &str| Annotation {
        path: path.to_owned(),
        content: Known::Verified(FileDigest { size: 7, sha256: Digest([7; 32]) }),
    };
    LockEntry {
        counts: Counts {
            train: Known::Verified(1),
            val: Known::Verified(2),
            test: Known::Verified(3),
        },
        classes: Known::Verified(Classes { n: 2, sha256: Digest([1; 32]) }),
        split: Known::Verified(Digest([2; 32])),
        images: Known::Verified(Tree { n_files: 6, n_bytes: 60, sha256: Digest([3; 32]) }),
        annotations: vec![file("split.json"), file("new.txt")],
        archives: Vec::new(),
    }
}

fn read(text: &str) -> Lock {
    Lock::parse(text, "datasets.lock").unwrap_or_else(|errors| panic!("{errors}\n{text}"))
}

#[test]
fn nothing_to_write_changes_nothing() {
    assert_eq!(with_entries(LOCK, &[]).unwrap(), LOCK);
    let lock = read(LOCK);
    let same = [(DTD, lock.entry(DTD).unwrap().clone())];
    assert_eq!(with_entries(LOCK, &same).unwrap(), LOCK);
    assert_eq!(with_entries(LOCK, &[(DTD, LockEntry::default())]).unwrap(), LOCK);
}

#[test]
fn what_is_written_is_read_back_and_comments_stay() {
    let text = with_entries(LOCK, &[(DTD, whole())]).unwrap();
    for comment in ["# Above.", "# About DTD.", "# behind", "# Inside."] {
        assert!(text.contains(comment), "{comment} is gone:\n{text}");
    }
    let lock = read(&text);
    let entry = lock.entry(DTD).unwrap();
    assert_eq!((&entry.counts, &entry.images), (&whole().counts, &whole().images));
    let paths: Vec<&str> = entry.annotations.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["split.json", "a/b.txt", "new.txt"]);
    assert_eq!(entry.archives, read(LOCK).entry(DTD).unwrap().archives);
    assert_eq!(with_entries(&text, &[(DTD, whole())]).unwrap(), text);
}

#[test]
fn a_lock_is_made_of_nothing() {
    let drawn = LockKey { drawn_seed: Some(7), dataset: DatasetId::Eurosat };
    let text = with_entries("", &[(DTD, whole()), (drawn, LockEntry::default())]).unwrap();
    assert!(text.starts_with("version = 1\n"), "{text}");
    let lock = read(&text);
    assert_eq!(lock.entry(DTD), Some(&whole()));
    assert_eq!(lock.entry(drawn), Some(&LockEntry::default()));
}

#[test]
fn a_lock_that_is_no_toml_is_not_written_into() {
    assert!(with_entries("version = ", &[(DTD, whole())]).is_err());
    assert!(with_entries("dtd = 1", &[(DTD, whole())]).is_err());
}

#[test]
fn only_a_verified_value_that_becomes_another_is_replaced() {
    let locked = read(LOCK).entry(DTD).unwrap().clone();
    let found = changes(&locked, &whole());
    let replaced: Vec<&str> =
        found.iter().filter(|change| change.replaces).map(|change| change.what.as_str()).collect();
    let expected = ["counts.train", "counts.val", "classes", "images", "annotations.split.json"];
    assert_eq!(replaced, expected);
    let new: Vec<&Change> = found.iter().filter(|change| !change.replaces).collect();
    assert_eq!(new.len(), 3, "{new:?}");
    assert!(new.iter().all(|change| change.locked == "unverified"));
    assert_eq!(changes(&whole(), &whole()), []);
    assert_eq!(changes(&whole(), &LockEntry::default()), []);
}
