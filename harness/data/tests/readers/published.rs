//! What is published of the real lists: whole split files, and single rows of three others.

use std::{collections::BTreeMap, fmt::Write, fs};

use clsrl_data::datasets::{Example, ListsFrom};
use clsrl_spec::DatasetId;

use crate::place::{Place, Row, read_json, real_names, shared};

/// Smallest and largest number of a class's images.
type Range = (usize, usize);

fn range(list: &[Example], n_classes: usize) -> Range {
    let mut counts = vec![0; n_classes];
    list.iter().for_each(|example| counts[example.label] += 1);
    (*counts.iter().min().unwrap(), *counts.iter().max().unwrap())
}

/// Checks a real split file: numbers, names, the range of a class in each list, and the first labels met.
fn check(id: DatasetId, file: &str, n_images: [usize; 3], ranges: [Range; 3], first: [usize; 3]) {
    let Some(shared) = shared() else { return };
    let place = Place::new(id);
    place.write(file, fs::read(shared.join("data/splits").join(file)).unwrap());
    let dataset = place.open().unwrap();
    assert_eq!(dataset.lists, ListsFrom::Standard);
    assert_eq!(dataset.class_names, real_names(&shared, id));
    assert_eq!(dataset.class_names.len(), id.n_classes());
    let lists = [&dataset.train, &dataset.val, &dataset.test];
    assert_eq!(lists.map(Vec::len), n_images, "{id}");
    assert_eq!(lists.map(|list| range(list, id.n_classes())), ranges, "{id}");
    let mut labels: Vec<usize> = dataset.train.iter().map(|example| example.label).collect();
    labels.dedup();
    assert_eq!(labels[..3], first, "{id}");
    assert!(dataset.image_path(&dataset.train[0]).is_err(), "no image is there");
}

#[test]
fn caltech101_has_the_published_split() {
    let (file, ranges) = ("split_zhou_Caltech101.json", [(16, 400), (6, 160), (9, 240)]);
    check(DatasetId::Caltech101, file, [4128, 1649, 2465], ranges, [0, 1, 2]);
}

#[test]
fn oxford_pets_has_the_published_split() {
    let (file, ranges) = ("split_zhou_OxfordPets.json", [(74, 80), (19, 20), (88, 100)]);
    check(DatasetId::OxfordPets, file, [2944, 736, 3669], ranges, [0, 1, 2]);
}

#[test]
fn stanford_cars_has_the_published_split() {
    let (file, ranges) = ("split_zhou_StanfordCars.json", [(19, 54), (5, 14), (24, 68)]);
    check(DatasetId::StanfordCars, file, [6509, 1635, 8041], ranges, [13, 2, 90]);
}

#[test]
fn dtd_has_the_published_split() {
    let (file, ranges) = ("split_zhou_DescribableTextures.json", [(60, 60), (24, 24), (36, 36)]);
    check(DatasetId::Dtd, file, [2820, 1128, 1692], ranges, [0, 1, 2]);
}

#[test]
fn eurosat_has_the_published_split() {
    let (file, ranges) = ("split_zhou_EuroSAT.json", [(1000, 1500), (400, 600), (600, 900)]);
    check(DatasetId::Eurosat, file, [13500, 5400, 8100], ranges, [0, 1, 2]);
}

/// The rows known of a list, by position.
type Known = BTreeMap<String, BTreeMap<usize, Row>>;

fn known(id: DatasetId) -> Option<Known> {
    Some(read_json(&shared()?.join(format!("data/splits/partial_{id}.json"))))
}

/// Fills the gaps between known rows, where classes stand in blocks of equal size, and reads all as a split
/// file: every known row must fit into its block and come out at its place.
fn check_blocks(id: DatasetId, file: &str, sizes: [(&str, usize); 2], category: fn(&Row) -> &str) {
    let (Some(shared), Some(known)) = (shared(), known(id)) else { return };
    let names = real_names(&shared, id);
    let folders: BTreeMap<String, Vec<String>> =
        read_json(&shared.join("data/classnames/label_to_folder.json"));
    let folders = &folders[id.as_str()];
    let lists = sizes.map(|(split, size)| -> Vec<Row> {
        let row = |at: usize| {
            let label = at / size;
            let made_up = format!("{}/{split}{at}.jpg", folders[label]);
            known[split].get(&at).cloned().unwrap_or((made_up, label, names[label].clone()))
        };
        (0..names.len() * size).map(row).collect()
    });
    let [train, val] = &lists;
    let place = Place::new(id);
    place.write(file, serde_json::json!({"train": train, "val": val, "test": []}).to_string());
    let dataset = place.open().unwrap();
    assert_eq!(dataset.class_names, names);
    for ((split, size), list) in sizes.into_iter().zip([&dataset.train, &dataset.val]) {
        for (at, row) in &known[split] {
            assert_eq!((list[*at].label, &list[*at].path), (at / size, &row.0), "{id} {split}");
            assert_eq!(category(row), folders[row.1], "{id} {split} {at}");
        }
    }
}

fn category(row: &Row) -> &str {
    row.0.rsplit_once('/').unwrap().0
}

#[test]
fn what_is_known_of_food101_fits() {
    let sizes = [("train", 500), ("val", 200)];
    check_blocks(DatasetId::Food101, "split_zhou_Food101.json", sizes, category);
}

#[test]
fn what_is_known_of_sun397_fits() {
    let sizes = [("train", 40), ("val", 10)];
    check_blocks(DatasetId::Sun397, "split_zhou_SUN397.json", sizes, category);
}

/// The authors' lists, rebuilt of the known images: 50 of a class for training and validation.
#[test]
fn the_lists_of_sun397_give_every_known_image_its_class() {
    let (Some(shared), Some(known)) = (shared(), known(DatasetId::Sun397)) else { return };
    let classes = fs::read_to_string(shared.join("data/classnames/sun397_ClassName.txt")).unwrap();
    let mut images: Vec<Vec<&str>> = vec![Vec::new(); 397];
    for (path, label, _) in known.values().flat_map(BTreeMap::values) {
        images[*label].push(path);
    }
    let (mut trainval, mut test) = (String::new(), String::new());
    for (category, known) in classes.lines().zip(&images) {
        known.iter().for_each(|path| writeln!(trainval, "/{path}").unwrap());
        (known.len()..50).for_each(|n| writeln!(trainval, "{category}/sun_{n}.jpg").unwrap());
        writeln!(test, "{category}/sun_test.jpg").unwrap();
    }
    let place = Place::new(DatasetId::Sun397);
    place.write("ClassName.txt", &classes);
    place.write("Training_01.txt", trainval).write("Testing_01.txt", test);
    let dataset = place.open().unwrap();
    assert_eq!(dataset.class_names, real_names(&shared, DatasetId::Sun397));
    assert_eq!(range(&dataset.train, 397), (40, 40));
    assert_eq!(range(&dataset.val, 397), (10, 10));
    let read: BTreeMap<&str, &Example> =
        dataset.train.iter().chain(&dataset.val).map(|e| (e.path.as_str(), e)).collect();
    for (path, label, name) in known.values().flat_map(BTreeMap::values) {
        assert_eq!((read[path.as_str()].label, &read[path.as_str()].class_name), (*label, name));
    }
}

/// Rows between known ones are made up, of the class of the row before.
#[test]
fn what_is_known_of_fgvc_aircraft_fits() {
    let (Some(shared), Some(known)) = (shared(), known(DatasetId::FgvcAircraft)) else { return };
    let variants = fs::read_to_string(shared.join("data/classnames/fgvc_variants.txt")).unwrap();
    let place = Place::new(DatasetId::FgvcAircraft);
    place.write("variants.txt", variants).write("images_variant_test.txt", "");
    for (split, n_rows) in [("train", 3334), ("val", 3333)] {
        let mut text = String::new();
        let (_, mut row) = known[split].first_key_value().unwrap();
        for at in 0..n_rows {
            row = known[split].get(&at).unwrap_or(row);
            match known[split].get(&at) {
                Some((path, _, name)) => {
                    writeln!(text, "{} {name}", path.strip_suffix(".jpg").unwrap()).unwrap();
                }
                None => writeln!(text, "{split}{at} {}", row.2).unwrap(),
            }
        }
        place.write(&format!("images_variant_{split}.txt"), text);
    }
    let dataset = place.open().unwrap();
    assert_eq!(dataset.class_names, real_names(&shared, DatasetId::FgvcAircraft));
    for (split, list) in [("train", &dataset.train), ("val", &dataset.val)] {
        for (at, (path, label, name)) in &known[split] {
            let example = &list[*at];
            assert_eq!((&example.path, example.label, &example.class_name), (path, *label, name));
        }
    }
}
