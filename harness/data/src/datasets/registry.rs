//! The registry of the datasets: the only file that knows all eleven.

use clsrl_spec::DatasetId;

use super::{
    DatasetError, caltech101,
    dataset_dir::DatasetDir,
    dtd, eurosat, fgvc_aircraft, food101, imagenet,
    layout::{Layout, Lists, ListsFrom, SplitFile, drive_hint},
    lists::ClassesAndLists,
    oxford_flowers, oxford_pets, split_file, stanford_cars, sun397, ucf101,
};

/// The layout of `id`.
pub fn layout_of(id: DatasetId) -> &'static Layout {
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

/// Where the split file can be had that everybody uses of this dataset; `None` where it has none.
pub fn standard_split(id: DatasetId) -> Option<String> {
    let Lists::SplitFile(file) = &layout_of(id).lists else { return None };
    let (name, address, folder) = (file.name, file.address(), id.folder());
    Some(format!("Get `{name}` at {address} and put it into `{folder}`."))
}

/// Reads the lists of a dataset from its folder, and says which files they come from.
pub(super) fn read_lists(dir: &DatasetDir) -> Result<(ClassesAndLists, ListsFrom), DatasetError> {
    let read = match &layout_of(dir.id()).lists {
        Lists::WordNetFolders { .. } => imagenet::read(dir)?,
        Lists::VariantFiles { .. } => fgvc_aircraft::read(dir)?,
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
    let paths = file.annotations.paths();
    let missing: Vec<String> =
        paths.iter().filter(|path| !dir.has(path)).map(|path| format!("`{path}`")).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let (which, verb) = match missing.len() == paths.len() {
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
