//! CoOp's few-shot caches: what is read, what is refused, and that no bytes do harm.
//!
//! The pickles were made by CPython 3.11 with a class of Dassl's name and attributes:
//!
//! ```python
//! import pickle
//! from dassl.data.datasets.base_dataset import Datum as D
//! r = "/elsewhere/eurosat/2750/"
//! train = [D(r + "Forest/Forest_2.jpg", 0, 0, "Forest"), D(r + "River/River_1.jpg", 1, 0, "River")]
//! val = [D(r + "Forest/Forest_3.jpg", 0, 0, "Forest"), D(r + "River/River_3.jpg", 1, 0, "River")]
//! print(pickle.dumps({"train": train, "val": val}, protocol=2).hex())
//! ```
//!
//! Protocol 3 differs from 2, and 5 from 4, in the second byte alone.

mod shapes;
mod harm;

use std::{fs, path::Path};

use clsrl_data::datasets::{Dataset, DatasetError, FewShot, read_few_shot_cache};
use clsrl_spec::DatasetId;
use tempfile::TempDir;

const PROTOCOL_2: &str = "
    80027d7100285805000000747261696e71015d71022863646173736c2e646174612e64617461736574732e626173
    655f646174617365740a446174756d0a7103298171047d71052858070000005f696d706174687106582b0000002f
    656c736577686572652f6575726f7361742f323735302f466f726573742f466f726573745f322e6a706771075806
    0000005f6c6162656c71084b0058070000005f646f6d61696e71094b00580a0000005f636c6173736e616d65710a
    5806000000466f72657374710b756268032981710c7d710d28680658290000002f656c736577686572652f657572
    6f7361742f323735302f52697665722f52697665725f312e6a7067710e68084b0168094b00680a58050000005269
    766572710f756265580300000076616c71105d7111286803298171127d7113286806582b0000002f656c73657768
    6572652f6575726f7361742f323735302f466f726573742f466f726573745f332e6a7067711468084b0068094b00
    680a680b75626803298171157d711628680658290000002f656c736577686572652f6575726f7361742f32373530
    2f52697665722f52697665725f332e6a7067711768084b0168094b00680a680f756265752e";

const PROTOCOL_4: &str = "
    80049589010000000000007d94288c05747261696e945d94288c20646173736c2e646174612e6461746173657473
    2e626173655f64617461736574948c05446174756d9493942981947d94288c075f696d70617468948c2b2f656c73
    6577686572652f6575726f7361742f323735302f466f726573742f466f726573745f322e6a7067948c065f6c6162
    656c944b008c075f646f6d61696e944b008c0a5f636c6173736e616d65948c06466f726573749475626805298194
    7d942868088c292f656c736577686572652f6575726f7361742f323735302f52697665722f52697665725f312e6a
    706794680a4b01680b4b00680c8c055269766572947562658c0376616c945d942868052981947d942868088c2b2f
    656c736577686572652f6575726f7361742f323735302f466f726573742f466f726573745f332e6a706794680a4b
    00680b4b00680c680d756268052981947d942868088c292f656c736577686572652f6575726f7361742f32373530
    2f52697665722f52697665725f332e6a706794680a4b01680b4b00680c6811756265752e";

/// The same cache as JSON, with paths of another machine and relative ones.
const JSON: &str = r#"{
    "train": [["/x/2750/Forest/Forest_2.jpg", 0, "Forest"], ["River/River_1.jpg", 1, "River"]],
    "val": [["Forest/Forest_3.jpg", 0, "Forest"], ["2750/River/River_3.jpg", 1, "River"]]
}"#;

const SPLIT: &str = r#"{
    "train": [["Forest/Forest_1.jpg", 0, "Forest"], ["Forest/Forest_2.jpg", 0, "Forest"],
              ["River/River_1.jpg", 1, "River"], ["River/River_2.jpg", 1, "River"]],
    "val": [["Forest/Forest_3.jpg", 0, "Forest"], ["Forest/Forest_4.jpg", 0, "Forest"],
            ["River/River_3.jpg", 1, "River"]],
    "test": [["Forest/Forest_9.jpg", 0, "Forest"], ["River/River_9.jpg", 1, "River"]]
}"#;

const PKL: &str = "shot_1-seed_3.pkl";
const EXPORTED: &str = "shot_1-seed_3.json";

fn pickle(hex: &str, protocol: u8) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
    let mut bytes: Vec<u8> = digits.chunks(2).map(byte).collect();
    bytes[1] = protocol;
    bytes
}

fn eurosat(split: &str) -> (TempDir, Dataset) {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "eurosat/split_zhou_EuroSAT.json", split.as_bytes());
    let dataset = Dataset::open(DatasetId::Eurosat, root.path()).unwrap();
    (root, dataset)
}

fn write(root: &Path, name: &str, content: &[u8]) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// Puts some cache files beside the dataset and reads the one-shot set of seed 3.
fn read(files: &[(&str, &[u8])]) -> Result<FewShot, DatasetError> {
    let (root, dataset) = eurosat(SPLIT);
    for (name, content) in files {
        write(root.path(), &format!("eurosat/split_fewshot/{name}"), content);
    }
    read_few_shot_cache(&dataset, root.path(), 1, 3)
}

fn expected() -> FewShot {
    FewShot { train: vec![1, 2], val: vec![0, 2] }
}

/// Checks what is reported of a cache, its path left out.
fn check_fault(name: &str, content: &[u8], expected: &str) {
    let message = read(&[(name, content)]).unwrap_err().to_string();
    let (_, faults) = message.split_once(&format!("{name}` has ")).expect(&message);
    assert_eq!(faults, expected);
}

#[test]
fn what_cpython_pickles_is_read_under_every_protocol() {
    for (hex, protocol) in [(PROTOCOL_2, 2), (PROTOCOL_2, 3), (PROTOCOL_4, 4), (PROTOCOL_4, 5)] {
        let few_shot = read(&[(PKL, &pickle(hex, protocol))]).unwrap();
        assert_eq!(few_shot, expected(), "protocol {protocol}");
    }
}

#[test]
fn an_exported_cache_is_read_too_and_must_agree_with_the_pickle() {
    assert_eq!(read(&[(EXPORTED, JSON.as_bytes())]).unwrap(), expected());
    let pickled = pickle(PROTOCOL_4, 4);
    let both = read(&[(PKL, &pickled), (EXPORTED, JSON.as_bytes())]);
    assert_eq!(both.unwrap(), expected());

    let other = JSON.replace("Forest_2", "Forest_1");
    let both = read(&[(PKL, &pickled), (EXPORTED, other.as_bytes())]);
    let message = both.unwrap_err().to_string();
    assert!(message.contains("found other images than in `"), "{message}");
}

#[test]
fn a_cache_of_other_shots_or_another_seed_is_none_of_these() {
    for files in [&[][..], &[("shot_1-seed_2.pkl", &[][..]), ("shot_4-seed_3.json", &[])]] {
        let message = read(files).unwrap_err().to_string();
        let expected = "split_fewshot/shot_1-seed_3.pkl` does not exist\nhint: CoOp writes it";
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn an_image_must_be_the_datasets_own_in_list_label_and_name() {
    let check = |from: &str, to: &str, expected: &str| {
        check_fault(EXPORTED, JSON.replacen(from, to, 1).as_bytes(), expected);
    };
    let listed = "expected a path that ends in one of the dataset's lists";
    check(
        "Forest_2",
        "Forest_7",
        &format!("1 fault\n  `train`[0]: found `/x/2750/Forest/Forest_7.jpg`, {listed}"),
    );
    check(
        "/Forest_2",
        "/a_Forest_2",
        &format!("1 fault\n  `train`[0]: found `/x/2750/Forest/a_Forest_2.jpg`, {listed}"),
    );
    check(
        "/x/2750/Forest/Forest_2",
        "Forest/Forest_9",
        "1 fault\n  `train`[0]: found the test image `Forest/Forest_9.jpg`, expected one of the \
         list `train`",
    );
    check(
        "/x/2750/Forest/Forest_2",
        "Forest/Forest_4",
        "1 fault\n  `train`[0]: found `Forest/Forest_4.jpg` of another list, expected one of the \
         list `train`",
    );
    check(
        "1, \"River\"",
        "0, \"River\"",
        "1 fault\n  `train`[1]: found label 0 named `River` for `River/River_1.jpg`, expected 1 named \
         `River`",
    );
    check(
        "0, \"Forest\"",
        "0, \"forest\"",
        "1 fault\n  `train`[0]: found label 0 named `forest` for `Forest/Forest_2.jpg`, expected 0 \
         named `Forest`",
    );
}

#[test]
fn every_class_has_as_many_images_as_coop_draws() {
    let check = |from: &str, to: &str, expected: &str| {
        check_fault(EXPORTED, JSON.replacen(from, to, 1).as_bytes(), expected);
    };
    check(
        ", [\"River/River_1.jpg\", 1, \"River\"]",
        "",
        "1 fault\n  `train`: found 0 images of label 1, expected 1",
    );
    check(
        "\"val\": [",
        "\"val\": [[\"Forest/Forest_4.jpg\", 0, \"Forest\"], ",
        "1 fault\n  `val`: found 2 images of label 0, expected 1",
    );
    check(
        "\"val\": [",
        "\"val\": [[\"Forest/Forest_3.jpg\", 0, \"Forest\"], ",
        "1 fault\n  `val`[1]: found `Forest/Forest_3.jpg` again, expected every image once",
    );
    let (without_val, _) = JSON.split_once(",\n    \"val\"").unwrap();
    let without_val = format!("{without_val}}}");
    check_fault(
        EXPORTED,
        without_val.as_bytes(),
        "1 fault\n  `val`: found no such list, expected one",
    );
}

#[test]
fn a_path_that_may_be_two_images_is_refused() {
    let split = SPLIT.replace("Forest/Forest_1.jpg", "Forest_2.jpg");
    let (root, dataset) = eurosat(&split);
    write(root.path(), &format!("eurosat/split_fewshot/{EXPORTED}"), JSON.as_bytes());
    let message = read_few_shot_cache(&dataset, root.path(), 1, 3).unwrap_err().to_string();
    let expected =
        "found `/x/2750/Forest/Forest_2.jpg`, which may be `Forest/Forest_2.jpg` or `Forest_2.jpg`";
    assert!(message.contains(expected), "{message}");

    let (root, mut dataset) = eurosat(SPLIT);
    dataset.train[0].path = dataset.train[1].path.clone();
    write(root.path(), &format!("eurosat/split_fewshot/{EXPORTED}"), JSON.as_bytes());
    let message = read_few_shot_cache(&dataset, root.path(), 1, 3).unwrap_err().to_string();
    assert!(message.contains("which one list has more than once"), "{message}");
}

#[test]
fn imagenets_cache_has_training_images_only() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "imagenet/classnames.txt", b"n1 tench\n");
    for file in ["train/n1/a.JPEG", "train/n1/b.JPEG", "val/n1/v.JPEG"] {
        write(root.path(), &format!("imagenet/images/{file}"), b"");
    }
    let dataset = Dataset::open(DatasetId::ImageNet, root.path()).unwrap();
    let read = |content: &str| {
        write(root.path(), "imagenet/split_fewshot/shot_1-seed_1.json", content.as_bytes());
        read_few_shot_cache(&dataset, root.path(), 1, 1).map_err(|error| error.to_string())
    };
    let train = r#""train": [["/i/imagenet/images/train/n1/b.JPEG", 0, "tench"]]"#;
    let expected = FewShot { train: vec![1], val: vec![] };
    assert_eq!(read(&format!("{{{train}}}")).unwrap(), expected);
    assert_eq!(read(&format!(r#"{{{train}, "val": []}}"#)).unwrap(), expected);
    let val = read(&format!(r#"{{{train}, "val": [["val/n1/v.JPEG", 0, "tench"]]}}"#)).unwrap_err();
    assert!(val.contains("`val`: found images, expected none for ImageNet"), "{val}");
    let leak = read(r#"{"train": [["val/n1/v.JPEG", 0, "tench"]]}"#).unwrap_err();
    assert!(leak.contains("found the test image `val/n1/v.JPEG`"), "{leak}");
}
