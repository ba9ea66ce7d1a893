//! Oxford Flowers 102: flowers that are common in the United Kingdom.
//!
//! Maria-Elena Nilsback, Andrew Zisserman: "Automated Flower Classification over a Large Number of Classes",
//! Indian Conference on Computer Vision, Graphics and Image Processing, 2008. The split is CoOp's (see
//! `caltech101.rs`).
//!
//! Licence: research use; the images were collected from the web. Where to get it: `102flowers.tgz` and
//! `imagelabels.mat`, from <https://www.robots.ox.ac.uk/~vgg/data/flowers/102/>; `cat_to_name.json`, that
//! CoOp's authors publish, at <https://drive.google.com/file/d/1AkcxCXeK_RCGCEC_GvmWxjcjaNhu-at0/view>.
//!
//! ```text
//! oxford_flowers/
//!     split_zhou_OxfordFlowers.json
//!     jpg/image_NNNNN.jpg              from 00001 to 08189
//!     imagelabels.mat                  labels: one row of classes from 1, image by image
//!     cat_to_name.json                 {"<class from 1>": "<name>", …}
//! ```
//!
//! CoOp deals out the images by 50 %, 20 % and 30 % of every class, classes in order of their first image,
//! so the lists are not sorted by class: the first is 76, `passion flower`. The authors' own split
//! (`setid.mat`) is another one. 4,093 training, 1,633 validation and 2,463 test images; the smallest class
//! has 20 for training.

use std::collections::BTreeMap;

use super::{
    DatasetError, Example, Faults,
    coop_split::{by_label, split_in_three},
    dataset_dir::DatasetDir,
    layout::{Annotations, Layout, Lists, SplitFile},
    ledger::Ledger,
    lists::ClassesAndLists,
    mat_file::{MatArray, read_variable},
};

pub(super) const LAYOUT: Layout = Layout {
    image_prefix: "jpg",
    image_folders: &["jpg"],
    lists: Lists::SplitFile(SplitFile {
        name: "split_zhou_OxfordFlowers.json",
        drive_id: "1Pp0sRXzZFZq15zVOzKjKBu4A9i01nozT",
        annotations: Annotations::Files(&[LABELS, NAMES]),
        read_annotations,
    }),
};

const LABELS: &str = "imagelabels.mat";
const NAMES: &str = "cat_to_name.json";
const LABELS_HINT: &str = "get it at https://www.robots.ox.ac.uk/~vgg/data/flowers/102/";
const NAMES_HINT: &str =
    "get it at https://drive.google.com/file/d/1AkcxCXeK_RCGCEC_GvmWxjcjaNhu-at0/view";

fn read_annotations(dir: &DatasetDir) -> Result<ClassesAndLists, DatasetError> {
    let labels = read_labels(dir)?;
    let names = read_names(dir)?;
    let mut faults = Faults::default();
    let missing: BTreeMap<usize, usize> = (1..)
        .zip(&labels)
        .filter(|(_, class)| !names.contains_key(class))
        .map(|(at, class)| (*class, at))
        .collect();
    for (class, image) in missing {
        faults.push(format!("found no name of class {class}, expected one for image {image}"));
    }
    faults.or_else(dir.id(), &dir.join(NAMES), ())?;

    let mut ledger = Ledger::default();
    let mut faults = Faults::default();
    let images: Vec<Example> = labels
        .iter()
        .enumerate()
        .map(|(index, class)| Example {
            index,
            path: format!("image_{:05}.jpg", index + 1),
            label: class - 1,
            class_name: names[class].clone(),
        })
        .collect();
    for image in &images {
        if let Err(fault) = ledger.admit(image, &image.path) {
            faults.push(fault);
        }
    }
    let class_names = ledger.class_names(&images, &mut faults);
    let classes = by_label(images);
    let in_order: Vec<String> = classes.iter().map(|class| class[0].class_name.clone()).collect();
    let [train, val, test] = split_in_three(classes, &in_order, &mut faults);
    faults.or_else(dir.id(), &dir.join(LABELS), ClassesAndLists { class_names, train, val, test })
}

/// Every image's class, counted from 1.
fn read_labels(dir: &DatasetDir) -> Result<Vec<usize>, DatasetError> {
    let mut faults = Faults::default();
    let mut labels = Vec::new();
    match read_variable(&dir.read(LABELS, LABELS_HINT)?, "labels") {
        Ok(MatArray::Numbers(numbers)) => {
            for (image, number) in (1..).zip(numbers) {
                if (1.0..=f64::from(u16::MAX)).contains(&number) {
                    labels.push(number as usize);
                } else {
                    faults
                        .push(format!("labels({image}): found {number}, expected a class from 1"));
                }
            }
        }
        Ok(other) => faults.push(format!("found {} in `labels`, expected numbers", other.kind())),
        Err(fault) => faults.push(fault),
    }
    faults.or_else(dir.id(), &dir.join(LABELS), labels)
}

/// The names by class, counted from 1.
fn read_names(dir: &DatasetDir) -> Result<BTreeMap<usize, String>, DatasetError> {
    let text = dir.read_text(NAMES, NAMES_HINT)?;
    let mut faults = Faults::default();
    let mut names = BTreeMap::new();
    match serde_json::from_str::<BTreeMap<String, String>>(&text) {
        Ok(by_text) => {
            for (class, name) in by_text {
                match class.parse() {
                    Ok(class) => _ = names.insert(class, name),
                    Err(_) => faults.push(format!("found the class `{class}`, expected a number")),
                }
            }
        }
        Err(error) => faults.push(format!("found {error}, expected an object of names by class")),
    }
    faults.or_else(dir.id(), &dir.join(NAMES), names)
}
