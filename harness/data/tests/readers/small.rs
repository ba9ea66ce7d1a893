//! A small dataset of every kind that is read without a split file: two classes of five images, and two
//! images for the test where the authors have such a list.

use clsrl_spec::DatasetId;

use crate::{
    mat::{Mat, Writer, cars, text},
    place::Place,
};

/// Those that are made from raw annotations or have lists of their own, but for ImageNet.
pub const ALL: [DatasetId; 10] = [
    DatasetId::Caltech101,
    DatasetId::OxfordPets,
    DatasetId::StanfordCars,
    DatasetId::OxfordFlowers,
    DatasetId::Food101,
    DatasetId::FgvcAircraft,
    DatasetId::Sun397,
    DatasetId::Dtd,
    DatasetId::Eurosat,
    DatasetId::Ucf101,
];

pub fn small(id: DatasetId) -> Place {
    small_with(id, Writer::default())
}

pub fn small_with(id: DatasetId, writer: Writer) -> Place {
    let place = Place::new(id);
    match id {
        DatasetId::ImageNet => imagenet(&place),
        DatasetId::Caltech101 => folders(&place, "101_ObjectCategories", ["Faces", "anchor"]),
        DatasetId::Food101 => folders(&place, "images", ["apple_pie", "waffles"]),
        DatasetId::Dtd => folders(&place, "images", ["banded", "polka-dotted"]),
        DatasetId::Eurosat => folders(&place, "2750", ["Forest", "SeaLake"]),
        DatasetId::OxfordPets => pets(&place),
        DatasetId::StanfordCars => stanford_cars(&place, writer),
        DatasetId::OxfordFlowers => flowers(&place, writer),
        DatasetId::FgvcAircraft => aircraft(&place),
        DatasetId::Sun397 => sun397(&place),
        DatasetId::Ucf101 => ucf101(&place),
    }
    place
}

/// A line for each of five images of two classes, the second class first.
fn lines(line: impl Fn(usize, usize) -> String) -> String {
    let both = |number| [line(1, number), line(0, number)];
    (1..=5).flat_map(both).map(|line| line + "\n").collect()
}

fn imagenet(place: &Place) {
    place.write("classnames.txt", "n01440764 tench\nn01443537 goldfish\n");
    for wnid in ["n01440764", "n01443537"] {
        place.write(&format!("images/train/{wnid}/{wnid}_1.JPEG"), "");
        place.write(&format!("images/val/{wnid}/ILSVRC2012_val_{wnid}.JPEG"), "");
    }
}

fn folders(place: &Place, below: &str, classes: [&str; 2]) {
    for class in classes {
        for number in 1..=5 {
            place.write(&format!("{below}/{class}/{class}_{number}.jpg"), "");
        }
    }
}

fn pets(place: &Place) {
    let breeds = ["Abyssinian", "american_bulldog"];
    let line = |label: usize, number| format!("{}_{number} {} 1 1", breeds[label], label + 1);
    place.write("annotations/trainval.txt", lines(line));
    place.write("annotations/test.txt", format!("{}\n{}\n", line(0, 201), line(1, 201)));
}

pub fn stanford_cars(place: &Place, writer: Writer) {
    let names = ["AM General Hummer SUV 2000", "Ram C/V Cargo Van Minivan 2012"];
    let names = Mat::Cells(names.map(text).to_vec());
    let files: Vec<String> = (1..=10).map(|number| format!("{number:05}.jpg")).collect();
    let trainval = files.iter().enumerate().map(|(at, file)| (file.as_str(), 2 - at % 2));
    let test = [("00001.jpg", 1), ("00002.jpg", 2)];
    place
        .write("devkit/cars_meta.mat", writer.file(&[("class_names", names)]))
        .write("devkit/cars_train_annos.mat", writer.file(&[("annotations", cars(trainval))]))
        .write("cars_test_annos_withlabels.mat", writer.file(&[("annotations", cars(test))]));
}

fn flowers(place: &Place, writer: Writer) {
    let labels = Mat::Numbers([2, 1].repeat(5));
    let file = writer.file(&[("unused", Mat::Opaque), ("labels", labels)]);
    place.write("imagelabels.mat", file);
    place.write("cat_to_name.json", r#"{"2": "hard-leaved pocket orchid", "1": "pink primrose"}"#);
}

fn aircraft(place: &Place) {
    let variants = ["707-320", "F/A-18"];
    place.write("variants.txt", "707-320\nF/A-18\n");
    for (at, split) in ["train", "val", "test"].into_iter().enumerate() {
        let list = lines(|label, number| format!("{at}{number:06} {}", variants[label]));
        // Images of the two classes must not share a number.
        let list: String = list.lines().zip(0..).map(|(line, n)| format!("{n}{line}\n")).collect();
        place.write(&format!("images_variant_{split}.txt"), list);
    }
}

fn sun397(place: &Place) {
    let categories = ["/a/abbey", "/a/apartment_building/outdoor"];
    place.write("ClassName.txt", "/a/abbey\n/a/apartment_building/outdoor\n");
    let line = |label: usize, number| format!("{}/sun_{number}.jpg", categories[label]);
    place.write("Training_01.txt", lines(line));
    place.write("Testing_01.txt", format!("{}\n{}\n", line(0, 9), line(1, 9)));
}

fn ucf101(place: &Place) {
    let actions = ["ApplyEyeMakeup", "HandstandPushups"];
    place.write("ucfTrainTestlist/classInd.txt", "1 ApplyEyeMakeup\n2 HandstandPushups\n");
    let video = |label: usize, n| format!("{0}/v_{0}_g01_c0{n}.avi", actions[label]);
    let trainval = lines(|label, number| format!("{} {}", video(label, number), label + 1));
    place.write("ucfTrainTestlist/trainlist01.txt", trainval);
    place.write("ucfTrainTestlist/testlist01.txt", format!("{}\n{}\n", video(0, 9), video(1, 9)));
}
