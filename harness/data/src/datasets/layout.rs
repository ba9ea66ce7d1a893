//! Where a dataset's lists and pictures lie: the facts that its own file states.

use clsrl_spec::DatasetId;

use super::{
    DatasetError, caltech101, dataset::ClassesAndLists, dataset_dir::DatasetDir, dtd, eurosat,
    fgvc_aircraft, food101, imagenet, oxford_flowers, oxford_pets, split_file, stanford_cars,
    sun397, ucf101,
};

/// Where a dataset's lists and pictures lie inside its folder.
pub(crate) struct Layout {
    /// The folder that listed paths start from; empty for the dataset's own.
    pub(crate) image_prefix: &'static str,
    /// How the lists are written down.
    pub(crate) lists: Lists,
}

/// How a dataset's lists are written down.
pub(crate) enum Lists {
    /// One `split_zhou_*.json`, or the raw annotations in its place.
    SplitFile(SplitFile),
    /// Folders named by WordNet id, and `classnames.txt`.
    WordNetFolders,
    /// `variants.txt` and `images_variant_*.txt`.
    VariantFiles,
}

/// CoOp's split file of a dataset, and what is read where it is missing.
pub(crate) struct SplitFile {
    /// The file's name inside the dataset's folder.
    pub(crate) name: &'static str,
    /// Its identity on Google Drive, as CoOp publishes it.
    pub(crate) drive_id: &'static str,
    /// The raw annotations: files, or a folder of class folders.
    pub(crate) annotations: &'static [&'static str],
    /// Reads the raw annotations by CoOp's rules.
    pub(super) read_annotations: fn(&DatasetDir) -> Result<ClassesAndLists, DatasetError>,
}

impl SplitFile {
    /// Where Google Drive has the file.
    pub(crate) fn address(&self) -> String {
        drive_address(self.drive_id)
    }
}

/// The layout of `id`.
pub(crate) fn layout_of(id: DatasetId) -> &'static Layout {
    match id {
        DatasetId::ImageNet => &imagenet::LAYOUT,
        DatasetId::Caltech101 => &caltech101::LAYOUT,
        DatasetId::OxfordPets => &oxford_pets::LAYOUT,
        DatasetId::StanfordCars => &stanford_cars::LAYOUT,
        DatasetId::OxfordFlowers => &oxford_flowers::LAYOUT,
        DatasetId::Food101 => &food101::LAYOUT,
        DatasetId::FgvcAircraft => &fgvc_aircraft::LAYOUT,
        DatasetId::Sun397 => &sun397::LAYOUT,
        DatasetId::Dtd => &dtd::LAYOUT,
        DatasetId::Eurosat => &eurosat::LAYOUT,
        DatasetId::Ucf101 => &ucf101::LAYOUT,
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

/// Reads the lists of a dataset from its folder, and tells which files they come from.
pub(super) fn read_lists(dir: &DatasetDir) -> Result<(ClassesAndLists, ListsFrom), DatasetError> {
    let read = match &layout_of(dir.id()).lists {
        Lists::WordNetFolders => imagenet::read(dir)?,
        Lists::VariantFiles => fgvc_aircraft::read(dir)?,
        Lists::SplitFile(file) if dir.has(file.name) => {
            split_file::read(dir, file.name, &drive_hint(file.drive_id))?
        }
        Lists::SplitFile(file) => {
            find_annotations(dir, file)?;
            return Ok(((file.read_annotations)(dir)?, ListsFrom::Annotations));
        }
    };
    Ok((read, ListsFrom::Standard))
}

/// Fails unless everything is there that the lists can be made from without the split file.
fn find_annotations(dir: &DatasetDir, file: &SplitFile) -> Result<(), DatasetError> {
    let missing: Vec<String> = file
        .annotations
        .iter()
        .filter(|name| !dir.has(name))
        .map(|name| format!("`{name}`"))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let (n_missing, n_files) = (missing.len(), file.annotations.len());
    let (which, verb) = match n_missing == n_files {
        true => ("", "are"),
        false => ("a part of ", "is"),
    };
    Err(DatasetError::Missing {
        dataset: dir.id(),
        path: dir.join(file.name),
        hint: format!(
            "{}; {which}the raw annotations, which would do in its place, {verb} not there either: {}",
            drive_hint(file.drive_id),
            missing.join(", ")
        ),
    })
}

/// What to tell whoever lacks a file that Google Drive has under `drive_id`.
pub(super) fn drive_hint(drive_id: &str) -> String {
    format!("CoOp's DATASETS.md describes the layout; this file is {}", drive_address(drive_id))
}

fn drive_address(drive_id: &str) -> String {
    format!("https://drive.google.com/file/d/{drive_id}/view")
}
