//! Trees with what no dataset should have in it: each is reported, none is followed, nothing hangs.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt, fs::symlink, net::UnixListener},
    process::Command,
};

use clsrl_data::lock::{self, DifferenceKind, Mode};

use super::place::{Place, SPLIT, checking};

/// Spoils a locked dataset; expects one fault with these words, and that it cannot be locked.
fn check(spoil: impl Fn(&Place), subject: &str, found: &str) {
    let place = Place::new();
    let entry = place.locked();
    spoil(&place);
    let differences = place.check(&entry, Mode::Fast).differences;
    let faults: Vec<_> = differences
        .iter()
        .filter(|difference| difference.kind == DifferenceKind::Unreadable)
        .collect();
    assert_eq!(faults.len(), 1, "{differences:?}");
    assert_eq!(faults[0].subject, subject);
    assert!(faults[0].found.contains(found), "{}", faults[0]);
    let measured = place.measured();
    assert_eq!(measured.faults.len(), 1, "{:?}", measured.faults);
    assert!(measured.entry.images.verified().is_none());
}

#[test]
fn a_link_that_leads_nowhere_is_told() {
    check(
        |place| symlink("nowhere", place.image("banded/link.jpg")).unwrap(),
        "images/banded/link.jpg",
        "a link that leads nowhere",
    );
}

#[test]
fn links_in_a_circle_are_told() {
    check(
        |place| {
            fs::create_dir(place.image("loop")).unwrap();
            symlink(place.dir().join("images"), place.image("loop/images")).unwrap();
        },
        "images/loop/images",
        "a link back to `",
    );
    check(
        |place| symlink("self.jpg", place.image("banded/self.jpg")).unwrap(),
        "images/banded/self.jpg",
        "a link that leads nowhere",
    );
}

#[test]
fn images_that_are_a_file_are_told() {
    check(
        |place| {
            fs::remove_dir_all(place.dir().join("images")).unwrap();
            fs::write(place.dir().join("images"), "x").unwrap();
        },
        "images",
        "",
    );
}

#[test]
fn a_pipe_is_told_and_never_opened() {
    check(
        |place| {
            let made = Command::new("mkfifo").arg(place.image("banded/pipe.jpg")).status();
            assert!(made.unwrap().success());
        },
        "images/banded/pipe.jpg",
        "neither a file nor a folder",
    );
}

#[test]
fn a_socket_is_told() {
    check(
        |place| drop(UnixListener::bind(place.image("banded/socket")).unwrap()),
        "images/banded/socket",
        "neither a file nor a folder",
    );
}

#[test]
fn a_name_that_is_not_utf8_is_told() {
    check(
        |place| {
            let name = OsStr::from_bytes(b"banded/\xff.jpg");
            fs::write(place.dir().join("images").join(name), "x").unwrap();
        },
        "images/banded/\u{fffd}.jpg",
        "another one",
    );
}

#[test]
fn a_name_that_would_break_a_sidecars_line_is_told() {
    check(|place| place.write("banded/a\nb.jpg", b"x"), "images/banded/a\\nb.jpg", "another one");
}

#[test]
fn a_file_that_became_a_folder_is_missing() {
    let place = Place::new();
    let entry = place.locked();
    fs::remove_file(place.image("banded/banded_0.jpg")).unwrap();
    fs::create_dir(place.image("banded/banded_0.jpg")).unwrap();
    let messages = place.differences(&entry, Mode::Fast);
    assert_eq!(
        messages[1],
        "images/banded/banded_0.jpg: expected a file of 14 bytes, found nothing"
    );
}

#[test]
fn a_file_that_became_a_dangling_link_is_told_once() {
    let place = Place::new();
    let entry = place.locked();
    fs::remove_file(place.image("banded/banded_0.jpg")).unwrap();
    symlink("nowhere", place.image("banded/banded_0.jpg")).unwrap();
    let about = |message: &String| message.starts_with("images/banded/banded_0.jpg");
    assert_eq!(place.differences(&entry, Mode::Fast).into_iter().filter(about).count(), 1);
}

#[test]
fn an_annotation_file_that_is_a_folder_is_told() {
    let place = Place::new();
    let entry = place.locked();
    let dataset = place.dataset();
    let split = place.dir().join(SPLIT);
    fs::remove_file(&split).unwrap();
    fs::create_dir(&split).unwrap();
    let sidecars = place.sidecars();
    let place = (dataset.id, dataset.dir.as_path());
    let how = checking(&sidecars, Mode::Fast);
    let checked = lock::check_without_lists(place, Some(&entry), &how).unwrap();
    assert_eq!(checked.differences.len(), 1);
    assert_eq!(checked.differences[0].kind, DifferenceKind::Unreadable);
}

#[test]
fn a_link_inside_the_folder_counts_as_its_file() {
    let place = Place::new();
    let entry = place.locked();
    let path = place.image("banded/banded_0.jpg");
    fs::rename(&path, place.dir().join("kept.jpg")).unwrap();
    symlink("../../kept.jpg", &path).unwrap();
    assert!(place.check(&entry, Mode::Fast).is_locked());
}

#[test]
fn images_may_be_a_link_inside_the_folder() {
    let place = Place::new();
    let entry = place.locked();
    fs::rename(place.dir().join("images"), place.dir().join("unpacked")).unwrap();
    symlink("unpacked", place.dir().join("images")).unwrap();
    assert!(place.check(&entry, Mode::Fast).is_locked());
}

#[test]
fn images_that_lie_elsewhere_are_found() {
    for elsewhere in ["DTD_RGB", "dtd/images", "archive/dtd/images"] {
        let place = Place::new();
        let entry = place.locked();
        fs::create_dir_all(place.dir().join(elsewhere).parent().unwrap()).unwrap();
        fs::rename(place.dir().join("images"), place.dir().join(elsewhere)).unwrap();
        let hint = place.check(&entry, Mode::Fast).hint.unwrap();
        let message = format!("images lie in `{elsewhere}` that are expected in `images`");
        assert!(hint.starts_with(&message), "{hint}");
    }
}
