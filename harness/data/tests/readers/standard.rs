//! Raw annotations that have an order of their own give the published split, path by path: CoOp's authors
//! made it with the seed that the readers use.

use std::{collections::BTreeMap, fs};

use clsrl_data::datasets::ListsFrom;
use clsrl_spec::DatasetId;

use crate::{
    mat::{Writer, cars},
    place::{Place, Row, read_json, real_names, rows, shared},
};

type Split = BTreeMap<String, Vec<Row>>;

fn check_equal(place: &Place, split: &Split) {
    let dataset = place.open().unwrap();
    assert_eq!(dataset.lists, ListsFrom::Annotations);
    assert!(rows(&dataset.train) == split["train"], "train");
    assert!(rows(&dataset.val) == split["val"], "val");
    assert!(rows(&dataset.test) == split["test"], "test");
    let not_standard = dataset.not_standard().unwrap();
    assert!(not_standard.contains("the standard split was not used"), "{not_standard}");
}

/// `train_perfect_preds.txt` has the class of every image of `cars_train`, in the order of their numbers.
#[test]
fn the_devkit_of_cars_gives_the_published_split() {
    let Some(shared) = shared() else { return };
    let splits = shared.join("data/splits");
    let devkit = splits.join("stanford_cars_devkit");
    let split: Split = read_json(&splits.join("split_zhou_StanfordCars.json"));
    let classes = fs::read_to_string(devkit.join("train_perfect_preds.txt")).unwrap();
    let classes = classes.lines().map(|class| class.trim().parse::<usize>().unwrap());
    let trainval: Vec<(String, usize)> =
        (1..).zip(classes).map(|(number, class)| (format!("{number:05}.jpg"), class)).collect();
    assert_eq!(trainval.len(), 8144);
    let test = split["test"].iter();
    let test = test.map(|(path, label, _)| (path.strip_prefix("cars_test/").unwrap(), label + 1));

    let compressed = Writer { is_compressed: true, ..Writer::default() };
    let trainval = cars(trainval.iter().map(|(file, class)| (file.as_str(), *class)));
    let place = Place::new(DatasetId::StanfordCars);
    place
        .write("devkit/cars_meta.mat", fs::read(devkit.join("cars_meta.mat")).unwrap())
        .write("devkit/cars_train_annos.mat", compressed.file(&[("annotations", trainval)]))
        .write(
            "cars_test_annos_withlabels.mat",
            Writer::default().file(&[("annotations", cars(test))]),
        );
    check_equal(&place, &split);
    assert_eq!(place.open().unwrap().class_names, real_names(&shared, place.id));
}

/// The authors' lists are sorted by class and number, numbers as texts in which an end comes last: 100, …,
/// 109, 10, 110.
#[test]
fn the_lists_of_pets_give_the_published_split() {
    let Some(shared) = shared() else { return };
    let split: Split = read_json(&shared.join("data/splits/split_zhou_OxfordPets.json"));
    let line =
        |(path, label, _): &Row| format!("{} {} 1 1\n", path.trim_end_matches(".jpg"), label + 1);
    let mut trainval: Vec<&Row> = split["train"].iter().chain(&split["val"]).collect();
    trainval.sort_by_key(|(path, label, _)| (*label, path.replace(".jpg", "~")));
    let place = Place::new(DatasetId::OxfordPets);
    place
        .write("annotations/trainval.txt", trainval.into_iter().map(line).collect::<String>())
        .write("annotations/test.txt", split["test"].iter().map(line).collect::<String>());
    check_equal(&place, &split);
}

/// CoOp took folders in the order of its file system, so only numbers can be compared: of every class in
/// every list.
fn check_counts(id: DatasetId, file: &str, folder: &str) {
    let Some(shared) = shared() else { return };
    let split: Split = read_json(&shared.join("data/splits").join(file));
    let place = Place::new(id);
    for (path, _, _) in split.values().flatten() {
        place.write(&format!("{folder}/{path}"), "");
    }
    let dataset = place.open().unwrap();
    assert_eq!(dataset.class_names, real_names(&shared, id));
    let counts = |rows: &[Row]| -> BTreeMap<usize, usize> {
        rows.iter().fold(BTreeMap::new(), |mut counts, (_, label, _)| {
            *counts.entry(*label).or_default() += 1;
            counts
        })
    };
    for (name, list) in [("train", &dataset.train), ("val", &dataset.val), ("test", &dataset.test)]
    {
        assert_eq!(counts(&rows(list)), counts(&split[name]), "{id} {name}");
    }
}

#[test]
fn the_folders_of_caltech101_give_the_published_numbers() {
    check_counts(DatasetId::Caltech101, "split_zhou_Caltech101.json", "101_ObjectCategories");
}

#[test]
fn the_folders_of_dtd_give_the_published_numbers() {
    check_counts(DatasetId::Dtd, "split_zhou_DescribableTextures.json", "images");
}

#[test]
fn the_folders_of_eurosat_give_the_published_numbers() {
    check_counts(DatasetId::Eurosat, "split_zhou_EuroSAT.json", "2750");
}
