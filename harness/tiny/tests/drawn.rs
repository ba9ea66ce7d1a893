//! The drawn datasets: their bytes never change, and each lies in its native layout.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use clsrl_data::datasets::{Dataset, sample_few_shot};
use clsrl_spec::DatasetId;
use clsrl_tiny::{DrawnError, classes::classes_of, write_drawn};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// Path below the data root, and bytes.
type Tree = BTreeMap<String, Vec<u8>>;

fn draw(seed: u64) -> TempDir {
    let dir = TempDir::new().unwrap();
    let mut drawn = Vec::new();
    write_drawn(&dir.path().join("data"), seed, &mut |dataset| drawn.push(dataset)).unwrap();
    assert_eq!(drawn, DatasetId::ALL);
    dir
}

fn tree_of(root: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut folders: Vec<PathBuf> = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                tree.insert(name, fs::read(path).unwrap());
            }
        }
    }
    tree
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn is_image(path: &str) -> bool {
    path.ends_with(".jpg") || path.ends_with(".JPEG")
}

static SEED_1: LazyLock<Tree> = LazyLock::new(|| tree_of(&draw(1).path().join("data")));

fn check_hash(path: &str, expected: &str) {
    assert_eq!(hex(&SEED_1[path]), expected, "{path}");
}

#[test]
fn images_have_the_same_bytes_on_every_machine() {
    check_hash(
        "imagenet/images/val/n01440764/ILSVRC2012_val_00000021.JPEG",
        "78d18a90c2dc0c834423dbc8fd7ac90133c29d8646a1c0887d422532fe0649b2",
    );
    check_hash(
        "oxford_pets/images/Abyssinian_1.jpg",
        "663c26ded55f4659ddcae019303edd6db20a1094bc4d1045e38bab43961f265a",
    );
    check_hash(
        "dtd/split_zhou_DescribableTextures.json",
        "57a80d6b291321c65bc09f280ddc9566d2c3cb39769b39ce726e35100dc0fafb",
    );
}

#[test]
fn the_whole_tree_has_the_same_bytes_on_every_machine() {
    let listing: String =
        SEED_1.iter().map(|(path, bytes)| format!("{}  {path}\n", hex(bytes))).collect();
    let expected = "3ea28f306dc2d95cdc7a5e058bc8616f8db6e266c330bca3d5ccdad92ca586ab";
    assert_eq!(hex(listing.as_bytes()), expected);
}

#[test]
fn another_seed_draws_other_images_at_the_same_places() {
    let other = tree_of(&draw(2).path().join("data"));
    let images = |tree: &Tree| -> Vec<String> {
        tree.keys().filter(|path| is_image(path)).cloned().collect()
    };
    assert_eq!(images(&other), images(&SEED_1));
    assert!(images(&other).iter().all(|path| other[path] != SEED_1[path]));
}

#[test]
fn what_is_there_already_is_left_and_another_seed_replaces_it() {
    let dir = draw(1);
    let data_dir = dir.path().join("data");
    write_drawn(&data_dir, 1, &mut |dataset| panic!("{dataset} was drawn twice")).unwrap();
    let mut n_drawn = 0;
    write_drawn(&data_dir, 2, &mut |_| n_drawn += 1).unwrap();
    assert_eq!(n_drawn, 11);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside the data");
}

#[test]
fn a_folder_with_other_content_is_refused() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("photo.jpg"), "mine").unwrap();
    let error = write_drawn(dir.path(), 1, &mut |_| ()).unwrap_err();
    assert!(matches!(error, DrawnError::Occupied { .. }), "{error}");
    assert_eq!(fs::read(dir.path().join("photo.jpg")).unwrap(), b"mine");
}

#[test]
fn all_eleven_drawn_datasets_open_and_their_images_are_there() {
    let dir = draw(1);
    for id in DatasetId::ALL {
        let dataset = Dataset::open(id, &dir.path().join("data")).unwrap();
        assert!(dataset.is_synthetic(), "{id}");
        assert_eq!(dataset.class_names, classes_of(id).map(|class| class.name), "{id}");
        let n_val = if id == DatasetId::ImageNet { 48 } else { 32 };
        let counts = [dataset.train.len(), dataset.val.len(), dataset.test.len()];
        assert_eq!(counts, [128, n_val, 48], "{id}");
        assert_eq!(sample_few_shot(&dataset, 4, 1).train.len(), 32, "{id}");
        for example in dataset.train.iter().chain(&dataset.val).chain(&dataset.test) {
            assert!(dataset.image_path(example).unwrap().is_file());
        }
    }
}

#[test]
fn imagenet_and_aircraft_are_listed_in_their_own_way() {
    let text = |path: &str| String::from_utf8(SEED_1[path].clone()).unwrap();
    let fgvc = text("fgvc_aircraft/images_variant_val.txt");
    assert_eq!(fgvc.lines().next(), Some("0000017 707-320"));
    assert_eq!(fgvc.lines().count(), 32);
    assert!(SEED_1.contains_key("fgvc_aircraft/images/0000017.jpg"));
    assert_eq!(text("imagenet/classnames.txt").lines().next(), Some("n01440764 tench"));
    let n_train = SEED_1.keys().filter(|path| path.starts_with("imagenet/images/train/")).count();
    assert_eq!(n_train, 128);
}
