//! The files that a dataset's lists are made of: which there can be, and what they hold.

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
};

use clsrl_spec::{
    DatasetId,
    lock::{Annotation, FileDigest, Known},
};

use super::{Hashed, hash::hash_file};
use crate::datasets::{Dataset, Places, layout};

/// Every file, below the dataset's folder, that lists can be read from; those that decide come first.
pub(super) fn known_paths(id: DatasetId) -> Vec<&'static str> {
    let raw: &[&str] = match id {
        DatasetId::ImageNet => &["classnames.txt"],
        DatasetId::OxfordPets => &["annotations/trainval.txt", "annotations/test.txt"],
        DatasetId::StanfordCars => &[
            "devkit/cars_meta.mat",
            "devkit/cars_train_annos.mat",
            "cars_test_annos_withlabels.mat",
        ],
        DatasetId::OxfordFlowers => &["imagelabels.mat", "cat_to_name.json"],
        DatasetId::FgvcAircraft => &[
            "variants.txt",
            "images_variant_train.txt",
            "images_variant_val.txt",
            "images_variant_test.txt",
        ],
        DatasetId::Sun397 => &["ClassName.txt", "Training_01.txt", "Testing_01.txt"],
        DatasetId::Ucf101 => &[
            "ucfTrainTestlist/classInd.txt",
            "ucfTrainTestlist/trainlist01.txt",
            "ucfTrainTestlist/testlist01.txt",
        ],
        DatasetId::Caltech101 | DatasetId::Food101 | DatasetId::Dtd | DatasetId::Eurosat => &[],
    };
    split_file(id).into_iter().chain(raw.iter().copied()).collect()
}

/// The standard split's file, for datasets that have one.
pub(super) fn split_file(id: DatasetId) -> Option<&'static str> {
    match &layout::layout_of(id).lists {
        layout::Lists::SplitFile(file) => Some(file.name),
        layout::Lists::WordNetFolders | layout::Lists::VariantFiles => None,
    }
}

/// Whether the lists of the dataset in `dir` are read from the file: where the split file lies, no other
/// is looked at.
pub(super) fn is_read(id: DatasetId, dir: &Path, path: &str) -> bool {
    match split_file(id) {
        Some(split_file) => path == split_file || !dir.join(split_file).is_file(),
        None => true,
    }
}

/// The annotation files of a dataset that lie there: their content as the lists were read from it, or hashed now.
/// The folders that links lead to and that nobody named are added to `beyond`.
pub(super) fn found(
    dataset: &Dataset,
    beyond: &mut BTreeSet<PathBuf>,
) -> io::Result<Vec<Annotation>> {
    let mut files = Vec::new();
    for path in known_paths(dataset.id) {
        let content = match dataset.read_from.get(path) {
            Some(content) => Some(content.clone()),
            None => content((&dataset.dir, &dataset.places), path, beyond)?,
        };
        if let Some(content) = content {
            files.push(Annotation { path: path.to_owned(), content: Known::Verified(content) });
        }
    }
    Ok(files)
}

/// The content of a file below `dir`; `None` where there is none.
pub(super) fn content(
    (dir, places): (&Path, &Places),
    path: &str,
    beyond: &mut BTreeSet<PathBuf>,
) -> io::Result<Option<FileDigest>> {
    let target = match dir.join(path).canonicalize() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        target => target?,
    };
    if places.admit(&target, beyond).is_err() {
        return Err(io::Error::other(format!("a link to `{}`", target.display())));
    }
    let mut buffer = vec![0; 1 << 16];
    let (sha256, size) = hash_file(&target, &mut buffer, &|_: Hashed| ())?;
    Ok(Some(FileDigest { size, sha256 }))
}
