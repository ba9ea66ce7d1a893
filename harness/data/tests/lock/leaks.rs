//! Images that stand where they must not, and files with equal bytes.

use clsrl_data::{
    datasets::Dataset,
    lock::{Mode, duplicates, leaks},
};

use super::place::Place;

/// A dataset whose first training image is another one. No file can say so: its reader refuses a path
/// that stands twice.
fn with_first(path: &str) -> Dataset {
    let mut dataset = Place::new().dataset();
    assert_ne!(dataset.train[0].path, path);
    dataset.train[0].path = path.to_owned();
    dataset
}

#[test]
fn a_clean_dataset_leaks_nothing() {
    assert!(leaks(&Place::new().dataset()).is_empty());
}

#[test]
fn a_test_image_in_the_training_list_leaks_into_few_shot_sets_too() {
    let leaks = leaks(&with_first("banded/./banded_2.jpg"));
    let path = "banded/banded_2.jpg".to_owned();
    assert_eq!(leaks.in_two_splits, [(path.clone(), ["train", "test"])]);
    // One image of the class: it is in the set of every number of shots and every seed.
    assert_eq!(leaks.in_few_shot.len(), 5 * 3);
    assert!(leaks.in_few_shot.iter().all(|(found, _, _)| *found == path));
}

#[test]
fn an_image_of_train_and_val_leaks() {
    let leaks = leaks(&with_first("banded/banded_1.jpg"));
    assert_eq!(leaks.in_two_splits, [("banded/banded_1.jpg".to_owned(), ["train", "val"])]);
    assert_eq!(leaks.in_few_shot, []);
}

#[test]
fn equal_bytes_in_two_splits_are_paired() {
    let place = Place::new();
    place.write("dotted/dotted_2.jpg", b"image banded 0"); // a test image equal to a training one
    let entry = place.locked();
    assert!(place.check(&entry, Mode::Fast).is_locked());
    let found = duplicates(&place.dataset(), &place.sidecars()).unwrap();
    assert_eq!((found.n_contents, found.n_files, found.n_more), (1, 2, 0));
    let [one, other] = &found.across_splits[0];
    assert_eq!(*one, ("images/dotted/dotted_2.jpg".to_owned(), "test"));
    assert_eq!(*other, ("images/banded/banded_0.jpg".to_owned(), "train"));
}

#[test]
fn equal_bytes_in_one_split_are_counted_only() {
    let place = Place::new();
    place.write("dotted/dotted_0.jpg", b"image banded 0");
    place.locked();
    let found = duplicates(&place.dataset(), &place.sidecars()).unwrap();
    assert_eq!((found.n_contents, found.n_files), (1, 2));
    assert!(found.across_splits.is_empty());
}
