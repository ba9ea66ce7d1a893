//! What the readers make of small raw annotations, one by one.

use std::{collections::BTreeMap, fs};

use clsrl_data::datasets::{Dataset, ListsFrom};
use clsrl_spec::DatasetId;

use crate::{
    mat::{Mat, Writer},
    place::{Place, read_json, real_names, rows, shared},
    small::{ALL, small, small_with},
};

/// Checks the classes, the numbers of images, and one image of class 1 that is in some list.
fn check(id: DatasetId, class_names: [&str; 2], counts: [usize; 3], image: &str) {
    let dataset = small(id).open().unwrap();
    assert_eq!(dataset.class_names, class_names);
    assert_eq!([dataset.train.len(), dataset.val.len(), dataset.test.len()], counts);
    let lists = [&dataset.train, &dataset.val, &dataset.test];
    for list in lists {
        assert!(list.iter().enumerate().all(|(at, example)| example.index == at));
    }
    let found = lists.into_iter().flatten().find(|example| example.path == image);
    let found = found.unwrap_or_else(|| panic!("{id} has no `{image}`"));
    assert_eq!((found.label, found.class_name.as_str()), (1, class_names[1]));
}

#[test]
fn a_pet_is_called_like_its_image() {
    let names = ["abyssinian", "american_bulldog"];
    check(DatasetId::OxfordPets, names, [8, 2, 2], "american_bulldog_3.jpg");
}

#[test]
fn a_car_has_its_year_first() {
    let names = ["2000 AM General Hummer SUV", "2012 Ram C/V Cargo Van Minivan"];
    check(DatasetId::StanfordCars, names, [8, 2, 2], "cars_train/00003.jpg");
}

#[test]
fn a_flower_is_named_by_cat_to_name() {
    let names = ["pink primrose", "hard-leaved pocket orchid"];
    // 5 images: round(2.5) is 2 for training, 1 for validation, 2 for the test.
    check(DatasetId::OxfordFlowers, names, [4, 2, 4], "image_00003.jpg");
}

#[test]
fn a_scene_is_called_like_its_folders_from_back_to_front() {
    let names = ["abbey", "outdoor apartment_building"];
    let image = "a/apartment_building/outdoor/sun_3.jpg";
    check(DatasetId::Sun397, names, [8, 2, 2], image);
}

#[test]
fn an_action_is_renamed_and_its_file_is_not() {
    let names = ["Apply_Eye_Makeup", "Handstand_Pushups"];
    let image = "Handstand_Pushups/v_HandstandPushups_g01_c03.jpg";
    check(DatasetId::Ucf101, names, [8, 2, 2], image);
}

#[test]
fn a_land_use_is_renamed_and_its_folder_is_not() {
    let names = ["Forest", "Sea or Lake"];
    check(DatasetId::Eurosat, names, [4, 2, 4], "SeaLake/SeaLake_3.jpg");
}

#[test]
fn classes_stand_in_the_order_of_their_first_image() {
    for id in [DatasetId::OxfordPets, DatasetId::OxfordFlowers, DatasetId::StanfordCars] {
        let dataset = small(id).open().unwrap();
        for list in [&dataset.train, &dataset.val] {
            let mut labels: Vec<usize> = list.iter().map(|example| example.label).collect();
            labels.dedup();
            assert_eq!(labels, [1, 0], "{id}");
        }
    }
}

#[test]
fn every_report_can_say_that_a_split_is_not_the_standard_one() {
    for id in ALL {
        let dataset = small(id).open().unwrap();
        if id == DatasetId::FgvcAircraft {
            assert_eq!((dataset.lists, dataset.not_standard()), (ListsFrom::Standard, None));
            continue;
        }
        assert_eq!(dataset.lists, ListsFrom::Annotations, "{id}");
        let message = dataset.not_standard().unwrap();
        let opening = format!("{}: the standard split was not used", id.title());
        assert!(message.starts_with(&opening), "{message}");
        assert!(
            message.contains("split_zhou_") && message.contains("https://drive.google.com/"),
            "{message}"
        );
    }
}

/// The lists of a dataset as a split file, from which the same digest must come.
#[test]
fn the_digest_covers_the_lists_and_not_where_they_come_from() {
    let place = small(DatasetId::Eurosat);
    let made = place.open().unwrap();
    let Dataset { train, val, test, .. } = &made;
    let split = serde_json::json!({"train": rows(train), "val": rows(val), "test": rows(test)});
    place.write("split_zhou_EuroSAT.json", split.to_string());
    let standard = place.open().unwrap();
    assert_eq!(standard.lists, ListsFrom::Standard);
    assert_eq!(standard.digest(None), made.digest(None));
}

#[test]
fn either_kind_of_line_end_will_do() {
    for id in ALL.into_iter().chain([DatasetId::ImageNet]) {
        let place = small(id);
        let before = place.open().unwrap();
        for path in files_of(&place) {
            if path.extension().is_some_and(|extension| extension == "txt") {
                let text = fs::read_to_string(&path).unwrap();
                fs::write(&path, text.replace('\n', " \r\n")).unwrap();
            }
        }
        // The bytes that were read are others, and told apart.
        let after = place.open().unwrap();
        assert_eq!(Dataset { read_from: before.read_from.clone(), ..after }, before, "{id}");
    }
}

/// All files of a dataset, in order.
pub fn files_of(place: &Place) -> Vec<std::path::PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![place.dir()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    files
}

#[test]
fn mat_files_are_read_packed_and_in_either_byte_order() {
    for id in [DatasetId::StanfordCars, DatasetId::OxfordFlowers] {
        let plain = rows(&small(id).open().unwrap().train);
        for (is_compressed, is_big_endian) in [(true, false), (false, true), (true, true)] {
            let place = small_with(id, Writer { is_compressed, is_big_endian });
            assert_eq!(rows(&place.open().unwrap().train), plain, "{id}");
        }
    }
}

#[test]
fn every_real_flower_has_its_name() {
    let Some(shared) = shared() else { return };
    let names = fs::read(shared.join("data/splits/cat_to_name.json")).unwrap();
    let labels: Vec<u16> = (0..1020).map(|at| 102 - at % 102).collect();
    let place = Place::new(DatasetId::OxfordFlowers);
    place.write("cat_to_name.json", names);
    place.write("imagelabels.mat", Writer::default().file(&[("labels", Mat::Numbers(labels))]));
    let dataset = place.open().unwrap();
    assert_eq!(dataset.class_names, real_names(&shared, place.id));
    assert_eq!(dataset.train[0].label, 101, "the first class met is the last");
}

/// The raw names of actions are those of their folders without underscores.
#[test]
fn every_real_action_is_renamed() {
    let Some(shared) = shared() else { return };
    let folders: BTreeMap<String, Vec<String>> =
        read_json(&shared.join("data/classnames/label_to_folder.json"));
    let folders = &folders["ucf101"];
    let [mut classes, mut trainval, mut test] = [const { String::new() }; 3];
    for (class, folder) in (1..).zip(folders) {
        let action = folder.replace('_', "");
        classes += &format!("{class} {action}\n");
        for group in 1..=5 {
            trainval += &format!("{action}/v_{action}_g0{group}_c01.avi {class}\n");
        }
        test += &format!("{action}/v_{action}_g06_c01.avi\n");
    }
    let place = Place::new(DatasetId::Ucf101);
    place.write("ucfTrainTestlist/classInd.txt", classes);
    place.write("ucfTrainTestlist/trainlist01.txt", trainval);
    place.write("ucfTrainTestlist/testlist01.txt", test);
    let dataset = place.open().unwrap();
    assert_eq!(dataset.class_names, real_names(&shared, place.id));
    for example in &dataset.test {
        assert!(example.path.starts_with(&format!("{}/v_", folders[example.label])));
    }
}
