//! What is remembered between two checks, and when it is not believed.

use std::{
    fs::{self, File},
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime},
};

use clsrl_data::lock::{Checking, Hashed, Mode, check};
use clsrl_spec::lock::LockEntry;

use super::place::Place;

/// How many bytes a check reads of images.
fn n_read(place: &Place, entry: &LockEntry, mode: Mode) -> u64 {
    let n_bytes = AtomicU64::new(0);
    let progress = |hashed: Hashed| {
        n_bytes.fetch_add(hashed.n_bytes, Ordering::Relaxed);
    };
    let checking = Checking { mode, sidecars: &place.sidecars(), progress: &progress };
    check(&place.dataset(), Some(entry), &checking).unwrap();
    n_bytes.into_inner()
}

fn n_bytes(entry: &LockEntry) -> u64 {
    entry.images.verified().unwrap().n_bytes
}

fn cache(place: &Place) -> PathBuf {
    let entries = fs::read_dir(place.sidecars()).unwrap();
    let mut paths = entries.map(|entry| entry.unwrap().path());
    paths.find(|path| path.extension().is_some_and(|extension| extension == "stat")).unwrap()
}

/// Makes the cache say that it was written an hour later, and its checksum with it: so the images, just
/// made, are older than it.
fn age(place: &Place) {
    use sha2::{Digest, Sha256};

    let text = fs::read_to_string(cache(place)).unwrap();
    let (body, _) = text.rsplit_once("end ").unwrap();
    let later = SystemTime::now() + Duration::from_secs(3600);
    let later = later.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos();
    let body: String = body
        .lines()
        .map(|line| match line.strip_prefix("written ") {
            Some(_) => format!("written {later}\n"),
            None => format!("{line}\n"),
        })
        .collect();
    let checksum: String = Sha256::digest(&body).iter().map(|byte| format!("{byte:02x}")).collect();
    fs::write(cache(place), format!("{body}end {checksum}\n")).unwrap();
}

#[test]
fn what_has_not_changed_is_not_read_again() {
    let place = Place::new();
    let entry = place.locked();
    age(&place);
    assert_eq!(n_read(&place, &entry, Mode::Fast), 0);
    age(&place);
    assert_eq!(n_read(&place, &entry, Mode::Deep), n_bytes(&entry));
}

#[test]
fn only_the_changed_file_is_read_again() {
    let place = Place::new();
    let entry = place.locked();
    age(&place);
    place.write("banded/banded_1.jpg", b"new");
    assert_eq!(n_read(&place, &entry, Mode::Fast), 3);
}

#[test]
fn a_file_as_young_as_the_cache_is_read_again() {
    let place = Place::new();
    let entry = place.locked();
    assert_eq!(n_read(&place, &entry, Mode::Fast), n_bytes(&entry));
}

#[test]
fn a_change_behind_an_old_time_is_found() {
    let place = Place::new();
    let entry = place.locked();
    age(&place);
    let path = place.image("banded/banded_1.jpg");
    let before = fs::metadata(&path).unwrap().modified().unwrap();
    fs::write(&path, "image bonded 1").unwrap();
    File::options().write(true).open(&path).unwrap().set_modified(before).unwrap();
    assert_eq!(place.differences(&entry, Mode::Fast).len(), 2);
}

/// A cache that was tampered with is not used, and written anew.
fn check_ignored(tamper: impl Fn(&Place)) {
    let place = Place::new();
    let entry = place.locked();
    age(&place);
    tamper(&place);
    assert_eq!(n_read(&place, &entry, Mode::Fast), n_bytes(&entry));
    assert!(place.check(&entry, Mode::Fast).is_locked());
}

#[test]
fn a_damaged_cache_is_ignored() {
    check_ignored(|place| {
        let mut bytes = fs::read(cache(place)).unwrap();
        let at = bytes.len() / 2;
        bytes[at] ^= 1;
        fs::write(cache(place), bytes).unwrap();
    });
}

#[test]
fn a_cut_or_empty_cache_is_ignored() {
    for keep in [0, 1, 40, 200] {
        check_ignored(|place| {
            let bytes = fs::read(cache(place)).unwrap();
            fs::write(cache(place), &bytes[..keep]).unwrap();
        });
    }
}

#[test]
fn the_cache_of_another_folder_is_ignored() {
    check_ignored(|place| {
        let other = Place::new();
        other.locked();
        age(&other);
        fs::copy(cache(&other), cache(place)).unwrap();
    });
}

#[test]
fn a_sidecar_that_was_tampered_with_names_nothing() {
    for tamper in [|text: &str| text.replacen('0', "1", 1), |text: &str| text[1..].to_owned()] {
        let place = Place::new();
        let entry = place.locked();
        let root = entry.images.verified().unwrap().sha256.short(16);
        let sidecar = place.sidecars().join(format!("dtd-{root}.sha256"));
        let text = fs::read_to_string(&sidecar).unwrap();
        fs::write(&sidecar, tamper(&text)).unwrap();
        place.write("banded/banded_0.jpg", b"");
        let checked = place.check(&entry, Mode::Fast);
        assert_eq!(checked.differences.len(), 1, "{:?}", checked.differences);
        assert!(checked.hint.is_some());
    }
}
