//! ImageNet (ILSVRC 2012): a thousand kinds of objects and animals, one folder each.
//!
//! Olga Russakovsky, Jia Deng, Hao Su, Jonathan Krause, Sanjeev Satheesh, Sean Ma, Zhiheng Huang, Andrej
//! Karpathy, Aditya Khosla, Michael Bernstein, Alexander C. Berg, Li Fei-Fei: "ImageNet Large Scale Visual
//! Recognition Challenge", IJCV 2015.
//!
//! Licence: ImageNet's terms of access, non-commercial research and education; the images belong to their
//! owners. Where to get it: <https://image-net.org>, after registration; `classnames.txt`, that CoOp's authors
//! took from CLIP's, at <https://drive.google.com/file/d/1-61f_ol79pViBFDG_IDlUQSwoLcn2XXF/view>.
//!
//! ```text
//! imagenet/
//!     classnames.txt                    <wnid> <name>
//!     images/train/<wnid>/*.JPEG        1,281,167 images
//!     images/val/<wnid>/*.JPEG          50,000 images
//! ```
//!
//! The official archive of `val` is flat and has to be sorted into such folders. Labels are the positions of
//! the wnid folders that are present, in byte order, as in CoOp; a folder that `classnames.txt` does not name
//! is an error. Two names stand twice, `missile` and `sunglasses`, so the 1,000 classes have 998 names. The
//! images of a folder are sorted by byte order too, where CoOp takes the order of the file system: its
//! ImageNet picks cannot be reproduced from a seed. Hidden files are passed over. The test list is `val`, and
//! so is the validation list. `train` may be missing, for an evaluation without training; if it is there its
//! classes must be those of `val`, because otherwise one label would mean two classes.

use std::collections::BTreeMap;

use clsrl_spec::DatasetId;

use super::{
    DatasetError, Example, Faults,
    class_folders::{ImagesByFolder, list_classes},
    dataset_dir::DatasetDir,
    layout::{Layout, Lists, drive_hint},
    lists::ClassesAndLists,
    text_list::TextList,
};

pub(super) const LAYOUT: Layout = Layout {
    image_prefix: "images",
    image_folders: &["images/train", "images/val"],
    lists: Lists::WordNetFolders { class_names: NAMES },
};

const ID: DatasetId = DatasetId::ImageNet;

const NAMES: &str = "classnames.txt";
const NAMES_DRIVE_ID: &str = "1-61f_ol79pViBFDG_IDlUQSwoLcn2XXF";
const FOLDERS_HINT: &str = "ImageNet's images stand in one folder per class, named by its wnid; the \
                            official validation archive is flat and must be sorted into such folders";

const FLAT_HINT: &str =
    "https://github.com/soumith/imagenetloader.torch/blob/master/valprep.sh sorts it";

/// Lists the folders and names their classes.
pub(super) fn read(dir: &DatasetDir) -> Result<ClassesAndLists, DatasetError> {
    let names = read_class_names(dir)?;
    let (val, n_flat) = list_folders(dir, "images/val")?;
    let has_train = dir.has("images/train");
    let train = if has_train { list_folders(dir, "images/train")?.0 } else { BTreeMap::new() };

    let mut faults = Faults::default();
    match n_flat {
        _ if !val.is_empty() => {}
        0 => faults.push("found no folder in `val`, expected one per class".to_owned()),
        n => faults.push(format!(
            "found {n} files and no folder in `val`, expected one folder per class: it is flat, as the official \
             archive is; {FLAT_HINT}"
        )),
    }
    if has_train {
        compare_folders(&train, &val, &mut faults);
    }
    for wnid in val.keys().filter(|wnid| !names.contains_key(*wnid)) {
        faults.push(format!("found the folder `{wnid}`, expected one that `{NAMES}` names"));
    }
    let class_names: Vec<String> =
        val.keys().map(|wnid| names.get(wnid).cloned().unwrap_or_default()).collect();
    faults.or_else(ID, &dir.join("images"), ())?;

    let train = examples("train", &train, &class_names);
    let test = examples("val", &val, &class_names);
    Ok(ClassesAndLists { class_names, train, val: test.clone(), test })
}

fn read_class_names(dir: &DatasetDir) -> Result<BTreeMap<String, String>, DatasetError> {
    let mut names = BTreeMap::new();
    TextList::open(dir, NAMES, &drive_hint(NAMES_DRIVE_ID))?.for_each(|_, line| {
        let Some((wnid, name)) = line.split_once(' ') else {
            return Err(format!("found `{line}`, expected a wnid, a blank and a name"));
        };
        match names.insert(wnid.to_owned(), name.to_owned()) {
            None => Ok(()),
            Some(_) => Err(format!("found `{wnid}` again, expected every wnid once")),
        }
    })?;
    Ok(names)
}

/// Lists the wnid folders, and counts what lies beside them, which is passed over; an empty folder is a fault.
fn list_folders(dir: &DatasetDir, parent: &str) -> Result<(ImagesByFolder, usize), DatasetError> {
    let mut faults = Faults::default();
    let (folders, beside) = list_classes(dir, parent, FOLDERS_HINT, &mut faults)?;
    for (wnid, _) in folders.iter().filter(|(_, images)| images.is_empty()) {
        faults.push(format!("found no image in `{wnid}`, expected some of every class"));
    }
    faults.or_else(ID, &dir.join(parent), (folders, beside.len()))
}

fn compare_folders(train: &ImagesByFolder, val: &ImagesByFolder, faults: &mut Faults) {
    for wnid in train.keys().filter(|wnid| !val.contains_key(*wnid)) {
        faults.push(format!("found `{wnid}` in `train` only, expected it in `val` too"));
    }
    for wnid in val.keys().filter(|wnid| !train.contains_key(*wnid)) {
        faults.push(format!("found `{wnid}` in `val` only, expected it in `train` too"));
    }
}

fn examples(split: &str, folders: &ImagesByFolder, class_names: &[String]) -> Vec<Example> {
    let mut examples = Vec::new();
    for (label, (wnid, files)) in folders.iter().enumerate() {
        for file in files {
            examples.push(Example {
                index: examples.len(),
                path: format!("{split}/{wnid}/{file}"),
                label,
                class_name: class_names[label].clone(),
            });
        }
    }
    examples
}
