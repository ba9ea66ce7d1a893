//! Every way in which files can be wrong, with the one message that it gives.

use std::{ffi::OsStr, fs, os::unix::ffi::OsStrExt, os::unix::fs::symlink};

use clsrl_data::datasets::{Dataset, Links};
use clsrl_spec::DatasetId::{
    self, Dtd, Eurosat, FgvcAircraft, ImageNet, OxfordFlowers, OxfordPets, StanfordCars, Sun397,
    Ucf101,
};

use crate::{
    mat::{Mat, Writer, cars, text},
    place::Place,
    small::{small, stanford_cars},
};

const SPLIT: &str = "split_zhou_EuroSAT.json";
const GOOD: &str = r#"{"train": [["a/1.jpg", 0, "x"], ["b/1.jpg", 1, "y"]],
 "val": [["a/2.jpg", 0, "x"]],
 "test": [["a/3.jpg", 0, "x"]]}"#;

/// Changes the good split file in one place.
fn check_split(from: &str, to: &str, message: &str) {
    assert!(GOOD.contains(from), "{from}");
    let place = Place::new(Eurosat);
    place.write(SPLIT, GOOD.replacen(from, to, 1));
    assert_eq!(
        place.errors(),
        format!("dataset `eurosat`: `DIR/{SPLIT}` has 1 fault\n  {message}")
    );
}

#[test]
fn split_files() {
    let keys = "an object with `train`, `val`, `test`";
    let cut = format!("found EOF while parsing a list at line 3 column 10, expected {keys}");
    check_split(r#"[["a/3.jpg", 0, "x"]]}"#, "[", &cut);
    check_split(
        r#""x"], ["b"#,
        r#"7], ["b"#,
        "`train`[0]: found the class name `7`, expected a text",
    );
    check_split(
        "1, \"y",
        "\"1\", \"y",
        "`train`[1]: found the label `\"1\"`, expected an integer from 0",
    );
    check_split(
        "1, \"y",
        "true, \"y",
        "`train`[1]: found the label `true`, expected an integer from 0",
    );
    check_split("1, \"y", "2, \"y", "found 2 labels without label 1, expected all from 0 to 1");
    check_split(
        "3.jpg\", 0, \"x",
        "3.jpg\", 0, \"z",
        "`test`[0]: found label 0 named `z`, expected `x` as further up",
    );
    check_split(
        "a/3.jpg",
        "/a/3.jpg",
        "`test`[0]: found a path that is absolute, `/a/3.jpg`, expected one inside the images",
    );
    check_split(
        "a/3.jpg",
        "a/../../3.jpg",
        "`test`[0]: found a path that climbs with `..`, `a/../../3.jpg`, expected one inside the images",
    );
    check_split(
        "b/1.jpg",
        "a/1.jpg",
        "`train`[1]: found the path `a/1.jpg` again, expected it at `train`[0] only",
    );
    check_split(
        "a/3.jpg",
        "a//1.jpg",
        "`test`[0]: found the path `a//1.jpg` again, expected it at `train`[0] only",
    );
    check_split(
        "3.jpg\", 0, \"x",
        "3.jpg\", 2, \"z",
        "found no training image of label 2, `z`, expected some of every class",
    );
}

#[test]
fn a_split_file_may_not_be_deep() {
    let place = Place::new(Eurosat);
    place.write(SPLIT, format!("{{\"train\": {}", "[".repeat(100_000)));
    assert!(place.errors().contains("recursion limit exceeded"), "{}", place.errors());
}

/// Puts `content` in the place of a file of a small dataset.
fn check_file(id: DatasetId, file: &str, content: impl AsRef<[u8]>, faults: &[&str]) {
    let place = small(id);
    assert!(place.dir().join(file).is_file(), "{file}");
    place.write(file, content);
    check_faults(&place, file, faults);
}

/// Replaces a line of a text list, counted from 1.
fn check_line(id: DatasetId, file: &str, number: usize, line: &str, faults: &[&str]) {
    let place = small(id);
    let text = fs::read_to_string(place.dir().join(file)).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines[number - 1] = line;
    place.write(file, lines.join("\n"));
    check_faults(&place, file, faults);
}

fn check_faults(place: &Place, file: &str, faults: &[&str]) {
    let n_faults = format!("{} fault{}", faults.len(), if faults.len() == 1 { "" } else { "s" });
    let faults: String = faults.iter().map(|fault| format!("\n  {fault}")).collect();
    let id = place.id;
    assert_eq!(place.errors(), format!("dataset `{id}`: `DIR/{file}` has {n_faults}{faults}"));
}

#[test]
fn lists_of_pets() {
    const TRAINVAL: &str = "annotations/trainval.txt";
    let check =
        |number, line, fault: &str| check_line(OxfordPets, TRAINVAL, number, line, &[fault]);
    check(2, "", "line 2: found ``, expected an image id and three numbers");
    check(
        2,
        "Abyssinian_1 1 1",
        "line 2: found `Abyssinian_1 1 1`, expected an image id and three numbers",
    );
    check(2, "Abyssinian_1 0 1 1", "line 2: found the class `0`, expected a number from 1");
    check(2, "Abyssinian_1 x 1 1", "line 2: found the class `x`, expected a number from 1");
    check(
        2,
        "Abyssinian 1 1 1",
        "line 2: found the image id `Abyssinian`, expected a breed, `_` and a number",
    );
    check(
        4,
        "Bengal_2 1 1 1",
        "line 4: found label 0 named `bengal`, expected `abyssinian` as further up",
    );
    check(
        4,
        "../Abyssinian_2 1 1 1",
        "line 4: found a path that climbs with `..`, `../Abyssinian_2.jpg`, expected one inside the images",
    );
    check(
        4,
        "Abyssinian_1 1 1 1",
        "line 4: found the path `Abyssinian_1.jpg` again, expected it at `annotations/trainval.txt` line 2 only",
    );
    check_line(
        OxfordPets,
        "annotations/test.txt",
        1,
        "Abyssinian_1 1 1 1",
        &[
            "line 1: found the path `Abyssinian_1.jpg` again, expected it at `annotations/trainval.txt` line 2 only",
        ],
    );
    check_file(
        OxfordPets,
        TRAINVAL,
        b"A_1 1 1 1\n\xff",
        &["line 2: found bytes that are not UTF-8"],
    );
    let mark = "line 1: found a byte order mark, that of UTF-8, expected plain UTF-8 (an editor that saves \
                `UTF-8 without BOM` takes it away)";
    check_file(OxfordPets, TRAINVAL, "\u{feff}A_1 1 1 1\n", &[mark]);
    check_file(
        OxfordPets,
        TRAINVAL,
        "Abyssinian_1 1 1 1\nAbyssinian_2 1 1 1\n",
        &[
            "found no training image of label 1, `american_bulldog`, expected some of every class",
            "found 2 images of `abyssinian`, expected 3 or more for CoOp's shares",
        ],
    );
}

#[test]
fn lists_of_sun397() {
    let check = |file, number, line, fault: &str| check_line(Sun397, file, number, line, &[fault]);
    let classes = "ClassName.txt";
    check(classes, 1, "a/abbey", "line 1: found `a/abbey`, expected a path that begins with `/`");
    check(
        classes,
        1,
        "/abbey",
        "line 1: found the category `abbey`, expected a letter, `/` and a name",
    );
    check(classes, 1, "/a/", "line 1: found the category `a/`, expected a letter, `/` and a name");
    check(classes, 2, "/a/abbey", "line 2: found `/a/abbey` again, expected it on line 1 only");
    let found = "line 1: found the category `a/alley`, expected one of ClassName.txt";
    check("Training_01.txt", 1, "/a/alley/sun_1.jpg", found);
    let place = small(Sun397);
    place.write(classes, "/a/abbey\n/a/apartment_building/outdoor\n/a/alley\n");
    let empty = "found no training image of label 2, `alley`, expected some of every class";
    check_faults(&place, "Training_01.txt", &[empty]);
}

#[test]
fn lists_of_ucf101() {
    let check = |file, number, line, fault: &str| check_line(Ucf101, file, number, line, &[fault]);
    let (classes, train) = ("ucfTrainTestlist/classInd.txt", "ucfTrainTestlist/trainlist01.txt");
    check(classes, 1, "1", "line 1: found `1`, expected a class from 1 and an action");
    check(classes, 2, "3 HandstandPushups", "found no class 2, expected all from 1");
    check(
        classes,
        2,
        "2 archery",
        "line 2: found the action `archery`, expected one with capitals",
    );
    check(
        classes,
        2,
        "2 ApplyEyeMakeup",
        "line 2: found the action `ApplyEyeMakeup` again, expected it once",
    );
    let unknown =
        "line 1: found the action `Archery`, expected one of ucfTrainTestlist/classInd.txt";
    check(train, 1, "Archery/a.avi 1", unknown);
    let class = "line 1: found the class `1`, expected 2, the action's";
    check(train, 1, "HandstandPushups/a.avi 1", class);
    let path = "line 1: found `a.avi`, expected an action, `/` and a file";
    check(train, 1, "a.avi 1", path);
    let path = "line 1: found `HandstandPushups/../a.avi`, expected an action, `/` and a file";
    check(train, 1, "HandstandPushups/../a.avi 2", path);
}

#[test]
fn lists_of_aircraft() {
    let check =
        |file, number, line, fault: &str| check_line(FgvcAircraft, file, number, line, &[fault]);
    check(
        "variants.txt",
        2,
        "707-320",
        "line 2: found `707-320` again, expected it on line 1 only",
    );
    check("variants.txt", 2, " ", "line 2: found nothing, expected a variant's name");
    let again = "line 1: found the path `20000001.jpg` again, expected it at `images_variant_train.txt` line 3 only";
    let first = small(FgvcAircraft).open().unwrap().train[2].path.replace(".jpg", "");
    let again = again.replace("20000001", &first);
    check("images_variant_test.txt", 1, &format!("{first} F/A-18"), &again);
    check_file(
        FgvcAircraft,
        "variants.txt",
        "",
        &["found no line, expected a variant's name on each"],
    );
    let place = small(FgvcAircraft);
    place.write("variants.txt", "707-320\nF/A-18\n737-200\n");
    let empty = "found no training image of label 2, `737-200`, expected some of every class";
    check_faults(&place, "images_variant_train.txt", &[empty]);
}

#[test]
fn annotations_of_flowers() {
    let check =
        |names: &str, fault: &str| check_file(OxfordFlowers, "cat_to_name.json", names, &[fault]);
    check(r#"{"1": "a"}"#, "found no name of class 2, expected one for image 9");
    check(r#"{"1": "a", "x": "b", "2": "c"}"#, "found the class `x`, expected a number");
    check(
        "[]",
        "found invalid type: sequence, expected a map at line 1 column 0, expected an object of names by class",
    );
    check(
        r#"{"1": 7}"#,
        "found invalid type: integer `7`, expected a string at line 1 column 7, expected an object of names by class",
    );
    let check = |labels: Mat, faults: &[&str]| {
        let file = Writer::default().file(&[("labels", labels)]);
        check_file(OxfordFlowers, "imagelabels.mat", file, faults);
    };
    check(text("1"), &["found a text in `labels`, expected numbers"]);
    check(Mat::Numbers(vec![1, 0, 1]), &["labels(2): found 0, expected a class from 1"]);
    check(Mat::Numbers(vec![2; 5]), &["found 1 labels without label 0, expected all from 0 to 0"]);
    check(
        Mat::Numbers(vec![1; 3]),
        &["found 3 images of `pink primrose`, expected 4 or more for CoOp's shares"],
    );
    check(Mat::Numbers(vec![]), &["found no image, expected some"]);
}

#[test]
fn annotations_of_cars() {
    const TRAINVAL: &str = "devkit/cars_train_annos.mat";
    let writer = Writer::default();
    let check = |annotations: Mat, fault: &str| {
        check_file(StanfordCars, TRAINVAL, writer.file(&[("annotations", annotations)]), &[fault]);
    };
    check(text("x"), "found a text in `annotations`, expected structures");
    check(cars([("1.jpg", 3)]), "annotations(1): found the class 3, expected 1 to 2");
    check(cars([("1.jpg", 0)]), "annotations(1): found the class 0, expected 1 to 2");
    check(
        cars([("../1.jpg", 1)]),
        "annotations(1): found a path that climbs with `..`, `cars_train/../1.jpg`, expected one inside the images",
    );
    check(
        cars([("1.jpg", 1), ("1.jpg", 1)]),
        "annotations(2): found the path `cars_train/1.jpg` again, \
         expected it at `devkit/cars_train_annos.mat` annotations(1) only",
    );
    let no_name = Mat::Structs(vec!["class"], vec![vec![Mat::Numbers(vec![1])]]);
    check(no_name, "annotations(1): found no text in `fname`, expected an image's name");
    let no_class = Mat::Structs(vec!["fname"], vec![vec![text("1.jpg")]]);
    check(no_class, "annotations(1): found no number in `class`, expected a class from 1");

    let check = |names: Mat, fault: &str| {
        let file = writer.file(&[("class_names", names)]);
        check_file(StanfordCars, "devkit/cars_meta.mat", file, &[fault]);
    };
    check(Mat::Numbers(vec![1]), "found numbers in `class_names`, expected cells");
    check(
        Mat::Cells(vec![Mat::Opaque]),
        "class_names(1): found an array of another class, expected a text",
    );
}

#[test]
fn broken_mat_files() {
    let check =
        |file: &[u8], fault: &str| check_file(OxfordFlowers, "imagelabels.mat", file, &[fault]);
    let labels = || vec![("labels", Mat::Numbers(vec![1, 2, 300]))];
    let good = Writer::default().file(&labels());
    check(b"", "found 0 bytes, expected a header of 128");
    check(&[b' '; 200], "found no header of a MAT-file, expected version 5");
    let mut newer = good.clone();
    newer[124..126].copy_from_slice(&[0, 2]);
    check(
        &newer,
        "found a MAT-file of version 2 in its header, expected 1 (version 5; 7.3 is HDF5)",
    );
    check(&good[..128], "found no variable, expected `labels`");
    check(&good[..good.len() - 8], "byte 128: found 56 bytes, expected an element's 64");
    check(&good[..131], "byte 128: found the end, expected an element");
    let other = Writer::default().file(&[("label", Mat::Numbers(vec![1])), ("x", text("y"))]);
    check(&other, "found the variables `label`, `x`, expected `labels`");
    let mut packed = Writer { is_compressed: true, ..Writer::default() }.file(&labels());
    packed[140] ^= 0xff;
    let place = small(OxfordFlowers);
    place.write("imagelabels.mat", &packed);
    assert!(place.errors().contains("\n  byte 136: found no zlib data ("), "{}", place.errors());
    let mut unknown = good.clone();
    unknown[136] = 99;
    check(&unknown, "byte 136: found an element of the unknown type 99");
    let mut longer = good;
    longer[164] = 4; // the second dimension
    check(&longer, "byte 184: found 3 numbers, expected 4");
}

/// A file of zeros that unpacks to more than any annotations have.
#[test]
fn a_packed_flood_is_dammed() {
    let flood = Mat::Text("0".repeat(40 << 20));
    let file = Writer { is_compressed: true, ..Writer::default() }.file(&[("labels", flood)]);
    assert!(file.len() < 1 << 20);
    let fault = "byte 136: found over 33554432 bytes packed";
    check_file(OxfordFlowers, "imagelabels.mat", file, &[fault]);
}

#[test]
fn class_folders() {
    let place = small(Dtd);
    place.write("images/README", "");
    fs::create_dir(place.dir().join("images/braided")).unwrap();
    place.write("images/banded/more/banded_6.jpg", "");
    check_faults(
        &place,
        "images",
        &[
            "found the folder `banded/more`, expected images only",
            "found the file `README`, expected one folder per class",
            "found 0 images of `braided`, expected 4 or more for CoOp's shares",
        ],
    );
    let place = Place::new(Dtd);
    fs::create_dir(place.dir().join("images")).unwrap();
    check_faults(&place, "images", &["found no folder, expected one per class"]);
    let place = small(ImageNet);
    fs::remove_file(place.dir().join("images/train/n01440764/n01440764_1.JPEG")).unwrap();
    let empty = "found no image in `n01440764`, expected some of every class";
    check_faults(&place, "images/train", &[empty]);
}

#[test]
fn names_that_are_not_utf8() {
    for (id, below) in [(Dtd, "images"), (ImageNet, "images/val")] {
        let place = small(id);
        let folder = place.dir().join(below);
        let inside = folder.join(fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path());
        fs::write(inside.join(OsStr::from_bytes(b"\xff.jpg")), "").unwrap();
        let message = place.errors();
        assert!(message.contains("\n  found the name \"\\xFF.jpg\" in `DIR/images"), "{message}");
        assert!(message.ends_with("`, expected UTF-8"), "{message}");
    }
}

#[test]
fn links_that_leave_the_folder() {
    let check = |place: &Place, path: &str| {
        let elsewhere = tempfile::tempdir().unwrap();
        let outside = elsewhere.path().join("outside");
        fs::rename(place.dir().join(path), &outside).unwrap();
        symlink(&outside, place.dir().join(path)).unwrap();
        assert_eq!(
            place.errors(),
            format!(
                "dataset `{}`: `DIR/{path}` leads to `{}`, expected something inside `DIR`\n\
                 hint: `clsrl-bench datasets lock` with the same --data finds out where the dataset's links \
                 lead, locks what lies there, and lets runs follow them",
                place.id,
                outside.canonicalize().unwrap().display(),
            )
        );
        // Whoever locks finds out where it leads, and then it is followed.
        let found = Dataset::open_with_links(place.id, place.root(), Links::Everywhere).unwrap();
        let links = Links::Into(found.beyond.iter().cloned().collect());
        assert_ne!(links, Links::NONE);
        let again = Dataset::open_with_links(place.id, place.root(), links).unwrap();
        assert_eq!(again.lists_digest(), found.lists_digest());
    };
    let place = Place::new(Eurosat);
    place.write(SPLIT, GOOD);
    check(&place, SPLIT);
    check(&small(Dtd), "images");
    check(&small(Dtd), "images/banded");
    check(&small(ImageNet), "images/train");
    check(&small(ImageNet), "images/val/n01440764");
    check(&small(OxfordPets), "annotations/test.txt");
    check(&small(StanfordCars), "devkit/cars_meta.mat");
    check(&small(FgvcAircraft), "variants.txt");
}

#[test]
fn what_editors_and_stores_make_of_a_split_file_is_named() {
    check_split(
        "a/1.jpg",
        "a\\\\1.jpg",
        "`train`[0]: found a path that has a backslash as on Windows, \
        `a\\1.jpg`, expected one inside the images",
    );
    let error_of = |bytes: &[u8]| {
        let place = Place::new(Eurosat);
        place.write(SPLIT, bytes);
        place.errors()
    };
    let check = |bytes: &[u8], found: &str| {
        let message = error_of(bytes);
        assert!(message.contains(found), "{found}: {message}");
    };
    check(format!("\u{feff}{GOOD}").as_bytes(), "a byte order mark, that of UTF-8");
    let utf_16: Vec<u8> =
        format!("\u{feff}{GOOD}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    check(&utf_16, "a byte order mark, that of UTF-16");
    let utf_16: Vec<u8> =
        format!("\u{feff}{GOOD}").encode_utf16().flat_map(u16::to_be_bytes).collect();
    check(&utf_16, "a byte order mark, that of UTF-16");
    check(
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n",
        "a Git LFS pointer",
    );
    check(b"<!DOCTYPE html><html>Too many users", "an HTML page");
}

#[test]
fn a_file_that_is_a_folder() {
    let check = |place: &Place, path: &str| {
        let _ = fs::remove_file(place.dir().join(path));
        fs::create_dir(place.dir().join(path)).unwrap();
        let error = place.open().unwrap_err();
        assert_eq!(place.errors(), format!("dataset `{}`: cannot read `DIR/{path}`", place.id));
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(cause, "it is no regular file but a folder");
    };
    check(&Place::new(Eurosat), SPLIT);
    check(&small(OxfordPets), "annotations/trainval.txt");
    check(&small(OxfordFlowers), "imagelabels.mat");
    check(&small(FgvcAircraft), "variants.txt");
    check(&small(ImageNet), "classnames.txt");
}

#[test]
fn without_any_list_it_is_told_what_would_do() {
    assert_eq!(
        Place::new(OxfordFlowers).errors(),
        "dataset `oxford_flowers`: `DIR/split_zhou_OxfordFlowers.json` does not exist\n\
         hint: CoOp's DATASETS.md describes the layout; this file is \
         https://drive.google.com/file/d/1Pp0sRXzZFZq15zVOzKjKBu4A9i01nozT/view; the raw annotations, which \
         would do in its place, are not there either: `imagelabels.mat`, `cat_to_name.json`"
    );
    let place = small(StanfordCars);
    fs::remove_file(place.dir().join("devkit/cars_meta.mat")).unwrap();
    let message = place.errors();
    let expected = "; a part of the raw annotations, which would do in its place, is not there either: \
                    `devkit/cars_meta.mat`";
    assert!(message.ends_with(expected), "{message}");
}

/// Lists open without any image, whatever they are made from.
#[test]
fn images_are_missed_only_when_one_is_asked_for() {
    let place = Place::new(StanfordCars);
    stanford_cars(&place, Writer::default());
    let dataset = Dataset::open(place.id, place.root()).unwrap();
    let message = dataset.image_path(&dataset.train[0]).unwrap_err().to_string();
    assert!(message.contains("the lists are there but this image is not"), "{message}");
}
