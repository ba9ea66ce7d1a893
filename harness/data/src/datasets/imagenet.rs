//! ImageNet: `images/{train,val}/<wnid>/*` and `classnames.txt` (`<wnid> <name>`).
//!
//! Labels are the positions of the wnid folders that are present, in byte order, as in CoOp; a folder that
//! `classnames.txt` does not name is an error. The pictures of a folder are sorted by byte order too, where
//! CoOp takes the order of the file system: its ImageNet picks cannot be reproduced from a seed. Hidden
//! files are passed over. The test list is `val`, and so is the validation list. `train` may be missing,
//! for an evaluation without training; if it is there its classes must be those of `val`, because
//! otherwise one label would mean two classes.

use std::{collections::BTreeMap, ffi::OsString, fs, io, path::Path};

use clsrl_spec::DatasetId;

use super::{DatasetError, Example, Faults, dataset::ClassesAndLists, layout};

const ID: DatasetId = DatasetId::ImageNet;

/// The pictures' names by wnid, both in byte order.
type Folders = BTreeMap<String, Vec<String>>;

/// Lists the folders and names their classes.
pub(super) fn read(dir: &Path) -> Result<ClassesAndLists, DatasetError> {
    let names_path = dir.join("classnames.txt");
    let names = read_class_names(&names_path)?;
    let (train_dir, val_dir) = (dir.join("images/train"), dir.join("images/val"));
    let val = list_folders(&val_dir)?;
    let has_train = train_dir.exists();
    let train = if has_train { list_folders(&train_dir)? } else { Folders::new() };

    let mut faults = Faults::default();
    if val.is_empty() {
        faults.push("found no folder in `val`, expected one per class".to_owned());
    }
    if has_train {
        compare_folders(&train, &val, &mut faults);
    }
    for wnid in val.keys().filter(|wnid| !names.contains_key(*wnid)) {
        faults.push(format!("found the folder `{wnid}`, expected one that `classnames.txt` names"));
    }
    let class_names: Vec<String> =
        val.keys().map(|wnid| names.get(wnid).cloned().unwrap_or_default()).collect();
    faults.or_else(ID, &dir.join("images"), ())?;

    let train = examples("train", &train, &class_names);
    let test = examples("val", &val, &class_names);
    Ok(ClassesAndLists { class_names, train, val: test.clone(), test })
}

fn read_class_names(path: &Path) -> Result<BTreeMap<String, String>, DatasetError> {
    let text = fs::read_to_string(path).map_err(|source| {
        DatasetError::io(ID, path, source, layout::drive_hint("1-61f_ol79pViBFDG_IDlUQSwoLcn2XXF"))
    })?;
    let mut faults = Faults::default();
    let mut names = BTreeMap::new();
    for (number, line) in (1..).zip(text.lines()) {
        let Some((wnid, name)) = line.trim().split_once(' ') else {
            faults.push(format!(
                "line {number}: found `{line}`, expected a wnid, a blank and a name"
            ));
            continue;
        };
        if names.insert(wnid.to_owned(), name.to_owned()).is_some() {
            faults.push(format!("line {number}: found `{wnid}` again, expected every wnid once"));
        }
    }
    faults.or_else(ID, path, names)
}

fn list_folders(dir: &Path) -> Result<Folders, DatasetError> {
    let mut faults = Faults::default();
    let mut folders = Folders::new();
    for wnid in list_names(dir, &mut faults)? {
        let folder = dir.join(&wnid);
        if folder.is_dir() {
            folders.insert(wnid, list_names(&folder, &mut faults)?);
        }
    }
    faults.or_else(ID, dir, folders)
}

/// The names in a folder, hidden ones left out, in byte order.
fn list_names(dir: &Path, faults: &mut Faults) -> Result<Vec<String>, DatasetError> {
    let names: io::Result<Vec<OsString>> =
        fs::read_dir(dir).and_then(|entries| entries.map(|entry| Ok(entry?.file_name())).collect());
    let names = names.map_err(|source| {
        let hint = "ImageNet's pictures stand in one folder per class, named by its wnid; the \
                    official validation archive is flat and must be sorted into such folders";
        DatasetError::io(ID, dir, source, hint.to_owned())
    })?;
    let mut kept = Vec::new();
    for name in names {
        match name.into_string() {
            Ok(name) if name.starts_with('.') => {}
            Ok(name) => kept.push(name),
            Err(name) => {
                faults.push(format!(
                    "found the name {name:?} in `{}`, expected UTF-8",
                    dir.display()
                ));
            }
        }
    }
    kept.sort_unstable();
    Ok(kept)
}

fn compare_folders(train: &Folders, val: &Folders, faults: &mut Faults) {
    for wnid in train.keys().filter(|wnid| !val.contains_key(*wnid)) {
        faults.push(format!("found `{wnid}` in `train` only, expected it in `val` too"));
    }
    for wnid in val.keys().filter(|wnid| !train.contains_key(*wnid)) {
        faults.push(format!("found `{wnid}` in `val` only, expected it in `train` too"));
    }
}

fn examples(split: &str, folders: &Folders, class_names: &[String]) -> Vec<Example> {
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
