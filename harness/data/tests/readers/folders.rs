//! Folders of the real datasets, without images worth the name: order, renames, what is ignored.

use std::{collections::BTreeMap, fs};

use clsrl_data::datasets::{Dataset, ListsFrom};
use clsrl_spec::DatasetId;

use crate::place::{Place, read_json, real_names, shared};

/// Every class's folder by label, of a real dataset.
fn real_folders(id: DatasetId) -> Option<Vec<String>> {
    let path = shared()?.join("data/classnames/label_to_folder.json");
    let mut folders: BTreeMap<String, Vec<String>> = read_json(&path);
    Some(folders.remove(id.as_str()).unwrap())
}

/// The folder of a class's images, by label.
fn listed_folders(dataset: &Dataset) -> Vec<String> {
    let mut folders = BTreeMap::new();
    for example in &dataset.train {
        let (folder, _) = example.path.rsplit_once('/').unwrap();
        assert_eq!(folders.entry(example.label).or_insert(folder), &folder);
    }
    folders.into_values().map(str::to_owned).collect()
}

fn check_folders(id: DatasetId, below: &str, others: &[&str]) {
    let Some(folders) = real_folders(id) else { return };
    let place = Place::new(id);
    for folder in others.iter().copied().chain(folders.iter().map(String::as_str)) {
        for number in 0..10 {
            place.write(&format!("{below}/{folder}/{number}.jpg"), "");
        }
        place.write(&format!("{below}/{folder}/.hidden"), "");
    }
    let dataset = place.open().unwrap();
    assert_eq!(dataset.class_names, real_names(&shared().unwrap(), id));
    assert_eq!(listed_folders(&dataset), folders);
    let lengths = [dataset.train.len(), dataset.val.len(), dataset.test.len()];
    assert_eq!(lengths, [5, 2, 3].map(|n| n * folders.len()));
    assert!(dataset.image_path(&dataset.val[0]).unwrap().is_file());
    assert_eq!(dataset.lists, ListsFrom::Annotations);
    assert_eq!(dataset, place.open().unwrap(), "the same files give the same lists");
}

#[test]
fn caltech101_renames_four_folders_and_ignores_two() {
    let others = ["BACKGROUND_Google", "Faces_easy"];
    check_folders(DatasetId::Caltech101, "101_ObjectCategories", &others);
}

#[test]
fn food101_is_called_like_its_folders() {
    check_folders(DatasetId::Food101, "images", &[]);
}

#[test]
fn dtd_is_called_like_its_folders() {
    check_folders(DatasetId::Dtd, "images", &[]);
}

#[test]
fn eurosat_renames_eight_folders() {
    check_folders(DatasetId::Eurosat, "2750", &[]);
}

#[test]
fn imagenet_is_named_by_its_classnames_with_two_names_twice() {
    let Some(shared) = shared() else { return };
    let Some(wnids) = real_folders(DatasetId::ImageNet) else { return };
    let place = Place::new(DatasetId::ImageNet);
    let names = fs::read(shared.join("data/classnames/imagenet_classnames.txt")).unwrap();
    place.write("classnames.txt", names);
    for wnid in wnids.iter().rev() {
        place.write(&format!("images/val/{wnid}/a.JPEG"), "");
        place.write(&format!("images/train/{wnid}/a.JPEG"), "");
    }
    let dataset = place.open().unwrap();
    assert_eq!(dataset.class_names, real_names(&shared, DatasetId::ImageNet));
    let folders: Vec<String> = wnids.iter().map(|wnid| format!("train/{wnid}")).collect();
    assert_eq!(listed_folders(&dataset), folders);
    assert_eq!(dataset.lists, ListsFrom::Standard);
    assert_eq!(dataset.not_standard(), None);
    let mut counts = BTreeMap::new();
    for name in &dataset.class_names {
        *counts.entry(name.as_str()).or_insert(0) += 1;
    }
    counts.retain(|_, count| 1 < *count);
    assert_eq!(counts, [("missile", 2), ("sunglasses", 2)].into());
}
