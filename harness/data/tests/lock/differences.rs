//! What is reported of a dataset that is not as it was locked.

use std::fs;

use clsrl_data::lock::{DifferenceKind, Mode, check_without_lists};
use clsrl_spec::{
    DatasetId,
    lock::{Known, LockEntry},
};

use super::place::{Place, SPLIT, checking};

/// Changes a locked dataset; gives the kinds and subjects of what is reported.
fn check(change: impl Fn(&Place)) -> Vec<(DifferenceKind, String)> {
    let place = Place::new();
    let entry = place.locked();
    change(&place);
    let [fast, deep] = [Mode::Fast, Mode::Deep].map(|mode| place.check(&entry, mode).differences);
    assert_eq!(fast, deep);
    fast.into_iter().map(|difference| (difference.kind, difference.subject)).collect()
}

fn expect(found: Vec<(DifferenceKind, String)>, expected: &[(DifferenceKind, &str)]) {
    let found: Vec<_> = found.iter().map(|(kind, subject)| (*kind, subject.as_str())).collect();
    assert_eq!(found, expected);
}

const IMAGES: (DifferenceKind, &str) = (DifferenceKind::Value, "images");

#[test]
fn what_was_locked_is_as_locked() {
    let place = Place::new();
    let entry = place.locked();
    for mode in [Mode::Fast, Mode::Deep] {
        let checked = place.check(&entry, mode);
        assert!(checked.is_locked(), "{checked:?}");
        assert_eq!(Some(&checked.images), entry.images.verified());
    }
}

#[test]
fn a_changed_byte_is_named() {
    let found = check(|place| place.write("banded/banded_0.jpg", b"image bonded 0"));
    expect(found, &[IMAGES, (DifferenceKind::Changed, "images/banded/banded_0.jpg")]);
}

#[test]
fn another_size_is_named() {
    let found = check(|place| place.write("dotted/dotted_2.jpg", b""));
    expect(found, &[IMAGES, (DifferenceKind::Size, "images/dotted/dotted_2.jpg")]);
}

#[test]
fn a_missing_and_an_extra_file_are_named() {
    let found = check(|place| {
        fs::remove_file(place.image("banded/banded_1.jpg")).unwrap();
        place.write("dotted/another.jpg", b"");
    });
    let missing = (DifferenceKind::Missing, "images/banded/banded_1.jpg");
    expect(found, &[IMAGES, missing, (DifferenceKind::Extra, "images/dotted/another.jpg")]);
}

#[test]
fn a_whole_class_that_is_missing_is_named_file_by_file() {
    let found = check(|place| fs::remove_dir_all(place.image("dotted")).unwrap());
    assert_eq!(found.len(), 1 + 3, "{found:?}");
}

#[test]
fn missing_images_are_told_and_lists_all_the_same() {
    let found = check(|place| {
        fs::remove_dir_all(place.dir().join("images")).unwrap();
        let split = fs::read_to_string(place.dir().join(SPLIT)).unwrap();
        fs::write(place.dir().join(SPLIT), split.replace("dotted\"]", "dots\"]")).unwrap();
    });
    let subjects: Vec<&str> = found.iter().map(|(_, subject)| subject.as_str()).collect();
    assert_eq!(subjects[..4], ["classes", "split", SPLIT, "images"]);
    assert_eq!(subjects[4..10].iter().filter(|path| path.ends_with(".jpg")).count(), 6);
    assert_eq!(found.last().unwrap(), &(DifferenceKind::Missing, "images".to_owned()));
}

#[test]
fn lists_of_another_length_are_told() {
    let found = check(|place| {
        let split = fs::read_to_string(place.dir().join(SPLIT)).unwrap();
        let shorter = split.replacen("[\"banded/banded_1.jpg\", 0, \"banded\"],", "", 1);
        assert_ne!(shorter, split);
        fs::write(place.dir().join(SPLIT), shorter).unwrap();
    });
    let value = DifferenceKind::Value;
    expect(found, &[(value, "counts.val"), (value, "split"), (DifferenceKind::Changed, SPLIT)]);
}

#[test]
fn hidden_files_do_not_count() {
    expect(check(|place| place.write("banded/.DS_Store", b"x")), &[]);
}

#[test]
fn a_message_says_what_where_expected_and_found() {
    let place = Place::new();
    let entry = place.locked();
    place.write("banded/banded_0.jpg", b"image banded 0 and more");
    let messages = place.differences(&entry, Mode::Fast);
    assert_eq!(messages[1], "images/banded/banded_0.jpg: expected 14 bytes, found 23 bytes");
}

#[test]
fn without_the_sidecar_it_says_how_to_have_files_named() {
    let place = Place::new();
    let entry = place.locked();
    fs::remove_dir_all(place.sidecars()).unwrap();
    place.write("banded/banded_0.jpg", b"");
    let checked = place.check(&entry, Mode::Fast);
    assert_eq!(checked.differences.len(), 1, "{:?}", checked.differences);
    let root = entry.images.verified().unwrap().sha256.short(16);
    let hint = checked.hint.unwrap();
    assert!(hint.contains(&format!("dtd-{root}.sha256")), "{hint}");
}

#[test]
fn a_check_that_finds_all_as_locked_leaves_a_sidecar() {
    let place = Place::new();
    let entry = place.locked();
    fs::remove_dir_all(place.sidecars()).unwrap();
    assert!(place.check(&entry, Mode::Fast).is_locked());
    place.write("banded/banded_0.jpg", b"");
    assert_eq!(place.differences(&entry, Mode::Fast).len(), 2);
}

#[test]
fn what_nobody_verified_is_no_difference_and_is_named() {
    let place = Place::new();
    let entry = LockEntry { images: Known::Unverified, ..place.locked() };
    place.write("banded/banded_0.jpg", b"");
    let checked = place.check(&entry, Mode::Fast);
    assert_eq!(checked.differences, []);
    assert_eq!(checked.unverified, ["images"]);
    assert!(!checked.is_locked());
}

#[test]
fn images_are_compared_where_lists_cannot_be_read() {
    let place = Place::new();
    let entry = place.locked();
    fs::write(place.dir().join(SPLIT), "{").unwrap();
    place.write("banded/banded_0.jpg", b"");
    let checked = check_without_lists(
        (DatasetId::Dtd, &place.dir()),
        Some(&entry),
        &checking(&place.sidecars(), Mode::Fast),
    );
    let subjects: Vec<String> =
        checked.unwrap().differences.into_iter().map(|difference| difference.subject).collect();
    assert_eq!(subjects, [SPLIT, "images", "images/banded/banded_0.jpg"]);
}

#[test]
fn a_folder_of_data_may_be_a_link() {
    let place = Place::new();
    let entry = place.locked();
    fs::rename(place.dir(), place.elsewhere("other disk")).unwrap();
    std::os::unix::fs::symlink(place.elsewhere("other disk"), place.dir()).unwrap();
    assert!(place.check(&entry, Mode::Fast).is_locked());
}

/// What is reported of a dataset that nobody has locked yet.
fn differences_unlocked(place: &Place) -> Vec<String> {
    place.differences(&LockEntry::default(), Mode::Fast)
}

#[test]
fn a_listed_image_that_is_missing_is_told_without_a_locked_tree() {
    let place = Place::new();
    assert_eq!(differences_unlocked(&place), Vec::<String>::new());
    fs::remove_file(place.image("dotted/dotted_1.jpg")).unwrap();
    let expected = "images/dotted/dotted_1.jpg: expected an image of `val`, found nothing";
    assert_eq!(differences_unlocked(&place), [expected]);
    let faults = place.measured().faults;
    assert_eq!(faults.iter().map(ToString::to_string).collect::<Vec<_>>(), [expected]);
    assert_eq!(place.measured().entry.images, Known::Unverified);
}

#[test]
fn a_missing_folder_of_images_is_told_once() {
    let place = Place::new();
    fs::remove_dir_all(place.dir().join("images")).unwrap();
    let message = differences_unlocked(&place);
    assert_eq!(message, ["images: expected a folder of images, found nothing"]);
}

#[test]
fn a_listed_image_that_is_missing_is_named_where_the_sidecar_is_not_there() {
    let place = Place::new();
    let entry = place.locked();
    fs::remove_dir_all(place.sidecars()).unwrap();
    fs::remove_file(place.image("dotted/dotted_1.jpg")).unwrap();
    let messages = place.differences(&entry, Mode::Fast);
    let expected = "images/dotted/dotted_1.jpg: expected an image of `val`, found nothing";
    assert_eq!(messages[1..], [expected]);
}
