//! Stanford Cars: cars by make, model and year.
//!
//! Jonathan Krause, Michael Stark, Jia Deng, Li Fei-Fei: "3D Object Representations for Fine-Grained
//! Categorization", ICCV Workshop on 3D Representation and Recognition, 2013. The split is CoOp's (see
//! `caltech101.rs`).
//!
//! Licence: non-commercial research, as for ImageNet. Where to get it: the authors' addresses
//! (<http://ai.stanford.edu/~jkrause/cars/car_dataset.html>) are gone; mirrors are collected in
//! <https://github.com/pytorch/vision/issues/7545>.
//!
//! ```text
//! stanford_cars/                              listed paths start here
//!     split_zhou_StanfordCars.json
//!     cars_train/NNNNN.jpg
//!     cars_test/NNNNN.jpg
//!     cars_test_annos_withlabels.mat          annotations: structures with fname, class (from 1), a box
//!     devkit/cars_train_annos.mat             the same
//!     devkit/cars_meta.mat                    class_names: cells
//! ```
//!
//! A class is called like in `cars_meta.mat`, with the year moved to the front: `AM General Hummer SUV 2000` is a
//! `2000 AM General Hummer SUV`. One name has a slash, `2012 Ram C/V Cargo Van Minivan`, so names are no
//! names of folders. The lists are not sorted by class. The test list is the authors'; of their other one
//! CoOp keeps 80 % of every class for training: 6,509 training, 1,635 validation and 8,041 test images. With
//! the annotations and seed 1 the published split comes out exactly.

use super::{
    DatasetError, Example, Faults,
    coop_split::split_lists,
    dataset_dir::DatasetDir,
    layout::{Annotations, Layout, Lists, SplitFile},
    ledger::Ledger,
    lists::ClassesAndLists,
    mat_file::{MatArray, MatStructs, read_variable},
};

pub(super) const LAYOUT: Layout = Layout {
    image_prefix: "",
    image_folders: &["cars_test", "cars_train"],
    lists: Lists::SplitFile(SplitFile {
        name: "split_zhou_StanfordCars.json",
        drive_id: "1ObCFbaAgVu0I-k_Au-gIUcefirdAuizT",
        annotations: Annotations::Files(&[META, TRAINVAL, TEST]),
        read_annotations,
    }),
};

const META: &str = "devkit/cars_meta.mat";
const TRAINVAL: &str = "devkit/cars_train_annos.mat";
const TEST: &str = "cars_test_annos_withlabels.mat";
const HINT: &str = "it is in car_devkit.tgz or beside it; mirrors are collected in \
                    https://github.com/pytorch/vision/issues/7545";

fn read_annotations(dir: &DatasetDir) -> Result<ClassesAndLists, DatasetError> {
    let names = read_names(dir)?;
    let mut ledger = Ledger::with_classes(&names);
    let trainval = read_list(dir, TRAINVAL, "cars_train", &names, &mut ledger)?;
    let test = read_list(dir, TEST, "cars_test", &names, &mut ledger)?;
    let mut faults = Faults::default();
    let lists = split_lists(trainval, test, ledger, &mut faults);
    faults.or_else(dir.id(), &dir.join(TRAINVAL), lists)
}

fn read_names(dir: &DatasetDir) -> Result<Vec<String>, DatasetError> {
    let mut faults = Faults::default();
    let cells = match read_variable(&dir.read(META, HINT)?, "class_names") {
        Ok(MatArray::Cells(cells)) => cells,
        Ok(other) => {
            faults.push(format!("found {} in `class_names`, expected cells", other.kind()));
            Vec::new()
        }
        Err(fault) => {
            faults.push(fault);
            Vec::new()
        }
    };
    let mut names = Vec::new();
    for (class, cell) in (1..).zip(&cells) {
        match cell {
            MatArray::Text(name) => names.push(with_year_first(name)),
            other => {
                faults
                    .push(format!("class_names({class}): found {}, expected a text", other.kind()));
            }
        }
    }
    faults.or_else(dir.id(), &dir.join(META), names)
}

/// Moves the last word to the front.
fn with_year_first(name: &str) -> String {
    match name.rsplit_once(' ') {
        Some((model, year)) => format!("{year} {model}"),
        None => name.to_owned(),
    }
}

fn read_list(
    dir: &DatasetDir,
    file: &str,
    folder: &str,
    names: &[String],
    ledger: &mut Ledger,
) -> Result<Vec<Example>, DatasetError> {
    let mut faults = Faults::default();
    let annotations = match read_variable(&dir.read(file, HINT)?, "annotations") {
        Ok(MatArray::Structs(annotations)) => annotations,
        Ok(other) => {
            faults.push(format!("found {} in `annotations`, expected structures", other.kind()));
            return Err(faults.of(dir.id(), &dir.join(file)));
        }
        Err(fault) => {
            faults.push(fault);
            return Err(faults.of(dir.id(), &dir.join(file)));
        }
    };
    let mut examples = Vec::new();
    for number in 1..=annotations.rows.len() {
        let read = read_annotation(&annotations, number, names).and_then(|(image, label)| {
            let class_name = names[label].clone();
            let path = format!("{folder}/{image}");
            let example = Example { index: examples.len(), path, label, class_name };
            ledger.admit(&example, &format!("`{file}` annotations({number})"))?;
            Ok(example)
        });
        match read {
            Ok(example) => examples.push(example),
            Err(fault) => faults.push(format!("annotations({number}): {fault}")),
        }
    }
    faults.or_else(dir.id(), &dir.join(file), examples)
}

/// The image's file name and its label; `number` counts from 1.
fn read_annotation(
    annotations: &MatStructs,
    number: usize,
    names: &[String],
) -> Result<(String, usize), String> {
    let field = |wanted: &str| {
        let at = annotations.fields.iter().position(|name| name == wanted)?;
        annotations.rows[number - 1].get(at)
    };
    let Some(MatArray::Text(image)) = field("fname") else {
        return Err("found no text in `fname`, expected an image's name".to_owned());
    };
    let class = match field("class") {
        Some(MatArray::Numbers(class)) => class.first().copied(),
        _ => None,
    };
    let Some(class) = class else {
        return Err("found no number in `class`, expected a class from 1".to_owned());
    };
    match (0..names.len()).find(|label| *label as f64 + 1.0 == class.trunc()) {
        Some(label) => Ok((image.clone(), label)),
        None => Err(format!("found the class {class}, expected 1 to {}", names.len())),
    }
}
