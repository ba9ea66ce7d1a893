//! What a dataset's files may and may not say.

use std::{fs, os::unix::fs::symlink, path::Path};

use clsrl_data::{
    ModelFiles,
    datasets::{Dataset, DatasetError, sample_few_shot},
};
use clsrl_spec::DatasetId;
use tempfile::TempDir;

const GOOD: &str = r#"{
    "train": [["a/1.jpg", 1, "sea_or_lake"], ["b/1.jpg", 0, "forest"], ["a/2.jpg", 1, "sea_or_lake"]],
    "val": [["b/2.jpg", 0, "forest"]],
    "test": []
}"#;

fn eurosat(split_file: &str) -> (TempDir, Result<Dataset, DatasetError>) {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "eurosat/split_zhou_EuroSAT.json", split_file);
    let dataset = Dataset::open(DatasetId::Eurosat, root.path());
    (root, dataset)
}

fn write(root: &Path, name: &str, content: &str) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// Checks what is reported of a split file, its own path left out.
fn check_faults(split_file: &str, expected: &str) {
    let (root, dataset) = eurosat(split_file);
    let message = dataset.unwrap_err().to_string();
    let path = root.path().join("eurosat/split_zhou_EuroSAT.json");
    let opening = format!("dataset `eurosat`: `{}` has ", path.display());
    assert_eq!(message.strip_prefix(&opening).expect(&message), expected);
}

#[test]
fn lists_keep_the_order_of_their_file() {
    let (_root, dataset) = eurosat(GOOD);
    let dataset = dataset.unwrap();
    assert_eq!(dataset.class_names, ["forest", "sea_or_lake"]);
    let paths: Vec<&str> = dataset.train.iter().map(|example| example.path.as_str()).collect();
    assert_eq!(paths, ["a/1.jpg", "b/1.jpg", "a/2.jpg"]);
    assert_eq!(dataset.train[2].index, 2);
    assert!(dataset.test.is_empty());
}

#[test]
fn every_fault_of_a_split_file_is_told_at_once() {
    check_faults(
        r#"{"train": [["a.jpg", 0, "x"], ["a.jpg", "0", "x"], ["a.jpg", 1.0, "x"], ["a.jpg", -1, "x"],
                      ["a.jpg", 0], 7, [7, 0, "x"], ["a.jpg", 0, ""], ["a.jpg", 0, "y"],
                      ["../a.jpg", 0, "x"], ["/a.jpg", 0, "x"], ["", 0, "x"]],
            "val": {}, "vel": [], "train": []}"#,
        "15 faults
  `val`: found `{}`, expected an array
  found the key `\"vel\"`, expected `train`, `val`, `test`
  `train`: found a second time, expected once
  `test`: found no such key, expected an array
  `train`[1]: found the label `\"0\"`, expected an integer from 0
  `train`[2]: found the label `1.0`, expected an integer from 0
  `train`[3]: found the label `-1`, expected an integer from 0
  `train`[4]: found `[\"a.jpg\",0]`, expected [path, label, class name]
  `train`[5]: found `7`, expected [path, label, class name]
  `train`[6]: found the path `7`, expected a text
  `train`[7]: found the class name `\"\"`, expected a text
  `train`[8]: found label 0 named `y`, expected `x` as further up
  `train`[9]: found a path that climbs with `..`, `../a.jpg`, expected one inside the images
  `train`[10]: found a path that is absolute, `/a.jpg`, expected one inside the images
  `train`[11]: found a path that is empty, ``, expected one inside the images",
    );
}

#[test]
fn labels_have_no_gap() {
    check_faults(
        r#"{"train": [["a.jpg", 0, "x"], ["b.jpg", 99999999999, "y"]], "val": [], "test": []}"#,
        "1 fault\n  found 2 labels without label 1, expected all from 0 to 1",
    );
}

#[test]
fn a_split_file_of_another_shape_is_refused() {
    let keys = "an object with `train`, `val`, `test`";
    check_faults(
        "[]",
        &format!(
            "1 fault\n  found invalid type: sequence, expected an object at line 1 column 0, \
             expected {keys}"
        ),
    );
    check_faults(
        "{",
        &format!(
            "1 fault\n  found EOF while parsing an object at line 1 column 1, expected {keys}"
        ),
    );
    check_faults(
        r#"{"train": [], "val": [], "test": []}"#,
        "1 fault\n  found no image, expected some",
    );
}

#[test]
fn faults_beyond_the_twentieth_are_counted() {
    let rows = vec!["7"; 25].join(",");
    let (_root, dataset) = eurosat(&format!(r#"{{"train": [{rows}], "val": [], "test": []}}"#));
    let message = dataset.unwrap_err().to_string();
    assert!(message.contains("has 26 faults\n"), "{message}");
    assert!(message.ends_with("\n  (6 more)"), "{message}");
}

#[test]
fn a_missing_file_is_named_with_where_to_get_it() {
    let root = tempfile::tempdir().unwrap();
    for id in DatasetId::ALL {
        let message = Dataset::open(id, root.path()).unwrap_err().to_string();
        let opening = format!("dataset `{id}`: `{}/", root.path().join(id.folder()).display());
        assert!(message.starts_with(&opening), "{message}");
        assert!(message.contains("` does not exist\nhint: "), "{message}");
    }
}

#[test]
fn an_image_is_found_only_inside_the_datasets_folder() {
    let (root, dataset) = eurosat(GOOD);
    let dataset = dataset.unwrap();
    write(root.path(), "eurosat/2750/a/1.jpg", "");
    write(root.path(), "eurosat/elsewhere.jpg", "");
    let elsewhere = tempfile::tempdir().unwrap();
    write(elsewhere.path(), "secret.jpg", "");
    symlink(elsewhere.path().join("secret.jpg"), root.path().join("eurosat/2750/out.jpg")).unwrap();
    write(root.path(), "shared.jpg", "");
    symlink("../../shared.jpg", root.path().join("eurosat/2750/of-the-data.jpg")).unwrap();
    symlink("../elsewhere.jpg", root.path().join("eurosat/2750/in.jpg")).unwrap();

    let find = |path: &str| {
        let mut example = dataset.train[0].clone();
        example.path = path.to_owned();
        dataset.image_path(&example).map_err(|error| error.to_string())
    };
    assert_eq!(find("a/1.jpg").unwrap(), root.path().join("eurosat/2750/a/1.jpg"));
    assert_eq!(find("in.jpg").unwrap(), root.path().join("eurosat/2750/in.jpg"));
    assert!(find("of-the-data.jpg").is_ok());
    let check = |path: &str, expected: &str| {
        let message = find(path).unwrap_err();
        assert!(message.contains(expected), "{message}");
    };
    check("a/2.jpg", "` does not exist\nhint: ");
    check("../../secret.jpg", "image path `../../secret.jpg` climbs with `..`");
    check("/etc/hostname", "image path `/etc/hostname` is absolute");
    check("out.jpg", "image path `out.jpg` leads to `");
    check("a/1.jpg\0", "holds a NUL character");
}

#[test]
fn a_dataset_folder_may_itself_be_a_link() {
    let (root, _) = eurosat(GOOD);
    write(root.path(), "eurosat/2750/a/1.jpg", "");
    let other = tempfile::tempdir().unwrap();
    symlink(root.path().join("eurosat"), other.path().join("eurosat")).unwrap();
    let dataset = Dataset::open(DatasetId::Eurosat, other.path()).unwrap();
    assert!(dataset.image_path(&dataset.train[0]).is_ok());
}

#[test]
fn a_drawn_data_root_is_known_by_its_mark() {
    let (root, dataset) = eurosat(GOOD);
    assert!(!dataset.unwrap().is_synthetic());
    let drawn = |mark: &str| {
        write(root.path(), "drawn.json", mark);
        Dataset::open(DatasetId::Eurosat, root.path()).unwrap()
    };
    let (first, other) = (drawn(r#"{ "seed": 1 }"#), drawn(r#"{ "seed": 2 }"#));
    assert!(first.is_synthetic());
    assert_ne!(
        first.digest(None),
        other.digest(None),
        "the seed draws other images under the same names"
    );
}

#[test]
fn the_digest_depends_on_order_and_on_nothing_outside_the_lists() {
    let digest = |split_file: &str| eurosat(split_file).1.unwrap().digest(Some("tree"));
    let reference = digest(GOOD);
    assert_eq!(reference.len(), 64);
    assert_eq!(reference, digest(&GOOD.replace("    ", " ")));
    let first_two = r#"["a/1.jpg", 1, "sea_or_lake"], ["b/1.jpg", 0, "forest"]"#;
    let swapped = r#"["b/1.jpg", 0, "forest"], ["a/1.jpg", 1, "sea_or_lake"]"#;
    assert_ne!(reference, digest(&GOOD.replace(first_two, swapped)));
    assert_ne!(reference, digest(&GOOD.replace("sea_or_lake", "sea or lake")));
    let with_images = |tree: Option<&str>| eurosat(GOOD).1.unwrap().digest(tree);
    assert_ne!(reference, with_images(Some("other tree")));
    assert_ne!(reference, with_images(None), "unlocked images are nobody's");
}

#[test]
fn a_class_with_too_few_images_gives_all_of_them() {
    let (_root, dataset) = eurosat(GOOD);
    let picks = sample_few_shot(&dataset.unwrap(), 4, 1);
    assert_eq!(picks.train, [0, 2, 1], "classes in order of first appearance");
    assert_eq!(picks.val, [0]);
}

#[test]
fn aircraft_lists_are_read_line_by_line() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "fgvc_aircraft/variants.txt", "707-320\nF/A-18\n");
    write(
        root.path(),
        "fgvc_aircraft/images_variant_train.txt",
        "1025794 F/A-18\r\n0056978 707-320\n",
    );
    write(root.path(), "fgvc_aircraft/images_variant_val.txt", "");
    write(root.path(), "fgvc_aircraft/images_variant_test.txt", "0056979 707-320\n");
    let dataset = Dataset::open(DatasetId::FgvcAircraft, root.path()).unwrap();
    assert_eq!(dataset.class_names, ["707-320", "F/A-18"]);
    assert_eq!((dataset.train[0].path.as_str(), dataset.train[0].label), ("1025794.jpg", 1));

    write(root.path(), "fgvc_aircraft/images_variant_val.txt", "1 707\n\n../2 707-320\n");
    let message = Dataset::open(DatasetId::FgvcAircraft, root.path()).unwrap_err().to_string();
    let expected = "has 3 faults
  line 1: found the variant `707`, expected one of variants.txt
  line 2: found ``, expected an image id, a blank and a variant
  line 3: found a path that climbs with `..`, `../2.jpg`, expected one inside the images";
    assert!(message.ends_with(expected), "{message}");
}

#[test]
fn imagenet_folders_and_files_are_taken_in_byte_order() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "imagenet/classnames.txt", "n2 missile\nn1 great white shark\nn3 missile\n");
    for name in ["train/n2/b.JPEG", "train/n2/B.JPEG", "train/n2/.hidden", "train/n1/c.JPEG"] {
        write(root.path(), &format!("imagenet/images/{name}"), "");
    }
    for name in ["val/n2/v.JPEG", "val/n1/w.JPEG", "val/README"] {
        write(root.path(), &format!("imagenet/images/{name}"), "");
    }
    let dataset = Dataset::open(DatasetId::ImageNet, root.path()).unwrap();
    assert_eq!(dataset.class_names, ["great white shark", "missile"]);
    let paths: Vec<&str> = dataset.train.iter().map(|example| example.path.as_str()).collect();
    assert_eq!(paths, ["train/n1/c.JPEG", "train/n2/B.JPEG", "train/n2/b.JPEG"]);
    assert_eq!(dataset.val, dataset.test);
    assert!(dataset.image_path(&dataset.test[0]).unwrap().ends_with("images/val/n1/w.JPEG"));
    let picks = sample_few_shot(&dataset, 1, 1);
    assert_eq!(
        (picks.train.len(), picks.val.len()),
        (2, 0),
        "the validation list is the test list"
    );

    write(root.path(), "imagenet/images/train/n3/x.JPEG", "");
    write(root.path(), "imagenet/images/val/n9/x.JPEG", "");
    let message = Dataset::open(DatasetId::ImageNet, root.path()).unwrap_err().to_string();
    let expected = "has 3 faults
  found `n3` in `train` only, expected it in `val` too
  found `n9` in `val` only, expected it in `train` too
  found the folder `n9`, expected one that `classnames.txt` names";
    assert!(message.ends_with(expected), "{message}");
}

#[test]
fn the_flat_validation_folder_of_imagenet_is_told_with_what_sorts_it() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "imagenet/classnames.txt", "n1 tench\n");
    for number in 1..=3 {
        write(root.path(), &format!("imagenet/images/val/ILSVRC2012_val_{number:08}.JPEG"), "");
    }
    let message = Dataset::open(DatasetId::ImageNet, root.path()).unwrap_err().to_string();
    for expected in ["found 3 files and no folder in `val`", "it is flat", "valprep.sh"] {
        assert!(message.contains(expected), "no {expected:?} in {message}");
    }
}

#[test]
fn a_model_folders_digest_covers_its_files_and_not_its_name() {
    let make = |weights: &str| {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "config.json", "{}");
        write(root.path(), "model-00001-of-00002.safetensors", weights);
        write(root.path(), "model-00002-of-00002.safetensors", "b");
        root
    };
    let digest = |dir: &Path| ModelFiles::hash(dir).unwrap().digest();
    let root = make("a");
    let reference = digest(root.path());
    assert_eq!(reference, digest(make("a").path()));
    assert_ne!(reference, digest(make("c").path()));
    write(root.path(), "README.md", "not covered");
    assert_eq!(reference, digest(root.path()));
    write(root.path(), "generation_config.json", "{}");
    assert_ne!(reference, digest(root.path()));

    let empty = tempfile::tempdir().unwrap();
    let message = ModelFiles::hash(empty.path()).unwrap_err().to_string();
    assert!(message.contains("holds no `*.safetensors` file"), "{message}");
}
