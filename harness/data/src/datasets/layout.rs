//! Where a dataset's lists and images lie: the facts that its own file states.

use std::iter;

use super::{DatasetError, dataset_dir::DatasetDir, lists::ClassesAndLists};

/// Where a dataset's lists and images lie inside its folder.
#[derive(Debug)]
pub struct Layout {
    /// The folder that listed paths start from; empty for the dataset's own.
    pub image_prefix: &'static str,
    /// The folders that hold the images, in byte order.
    pub(crate) image_folders: &'static [&'static str],
    /// How the lists are stored.
    pub lists: Lists,
}

impl Layout {
    /// Every file, below the dataset's folder, that lists can be read from; those that decide come first.
    pub(crate) fn list_files(&self) -> Vec<&'static str> {
        match &self.lists {
            Lists::WordNetFolders { class_names } => vec![class_names],
            Lists::VariantFiles { files } => files.to_vec(),
            Lists::SplitFile(file) => {
                iter::once(file.name).chain(file.annotations.files().iter().copied()).collect()
            }
        }
    }

    /// The standard split's file, for datasets that have one.
    pub(crate) fn split_file(&self) -> Option<&'static str> {
        match &self.lists {
            Lists::SplitFile(file) => Some(file.name),
            Lists::WordNetFolders { .. } | Lists::VariantFiles { .. } => None,
        }
    }
}

/// How a dataset's lists are stored.
#[derive(Debug)]
pub enum Lists {
    /// One `split_zhou_*.json`, or the raw annotations in its place.
    SplitFile(SplitFile),
    /// Folders named by WordNet id, and a file of class names.
    WordNetFolders {
        /// The file of class names.
        class_names: &'static str,
    },
    /// A file of variants and one for each list.
    VariantFiles {
        /// The variants, then the training, validation and test list.
        files: [&'static str; 4],
    },
}

/// CoOp's split file of a dataset, and what is read where it is missing.
#[derive(Debug)]
pub struct SplitFile {
    /// The file's name inside the dataset's folder.
    pub name: &'static str,
    /// Its identity on Google Drive, as CoOp publishes it.
    pub(super) drive_id: &'static str,
    /// The raw annotations.
    pub(super) annotations: Annotations,
    /// Reads the raw annotations by CoOp's rules.
    pub(super) read_annotations: fn(&DatasetDir) -> Result<ClassesAndLists, DatasetError>,
}

impl SplitFile {
    /// Where Google Drive has the file.
    pub(super) fn address(&self) -> String {
        drive_address(self.drive_id)
    }
}

/// The raw annotations that a split can be made from.
#[derive(Debug)]
pub(super) enum Annotations {
    /// Files, by their paths below the dataset's folder.
    Files(&'static [&'static str]),
    /// A folder of class folders.
    Folder(&'static str),
}

impl Annotations {
    /// The files; none where folders say it all.
    fn files(&self) -> &'static [&'static str] {
        match self {
            Annotations::Files(files) => files,
            Annotations::Folder(_) => &[],
        }
    }

    /// Files and folders, all of which are needed.
    pub(super) fn paths(&self) -> &[&'static str] {
        match self {
            Annotations::Files(files) => files,
            Annotations::Folder(folder) => std::slice::from_ref(folder),
        }
    }
}

/// Where a dataset's three lists come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListsFrom {
    /// The files that every publication uses: CoOp's split file, or the dataset's own lists.
    Standard,
    /// The raw annotations, split by CoOp's rules because its split file is missing.
    Annotations,
}

/// How to get a file that Google Drive has under `drive_id`.
pub(super) fn drive_hint(drive_id: &str) -> String {
    format!("CoOp's DATASETS.md describes the layout; this file is {}", drive_address(drive_id))
}

fn drive_address(drive_id: &str) -> String {
    format!("https://drive.google.com/file/d/{drive_id}/view")
}
