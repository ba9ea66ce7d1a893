//! The files that a dataset's lists are made of: which there can be, and what they hold.

use std::{fs, io, path::Path};

use clsrl_spec::{
    DatasetId,
    lock::{Annotation, FileDigest, Known},
};

use super::{Hashed, hash::hash_file};
use crate::datasets::layout;

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

/// The annotation files that lie in `dir`, hashed.
pub(super) fn found(id: DatasetId, dir: &Path) -> io::Result<Vec<Annotation>> {
    let mut files = Vec::new();
    for path in known_paths(id) {
        if let Some(content) = content(dir, path)? {
            files.push(Annotation { path: path.to_owned(), content: Known::Verified(content) });
        }
    }
    Ok(files)
}

/// A file's content; `None` where there is none.
pub(super) fn content(dir: &Path, path: &str) -> io::Result<Option<FileDigest>> {
    let path = dir.join(path);
    let metadata = match fs::metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        metadata => metadata?,
    };
    if !metadata.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut buffer = vec![0; 1 << 16];
    let (sha256, size) = hash_file(&path, &mut buffer, &|_: Hashed| ())?;
    Ok(Some(FileDigest { size, sha256 }))
}
