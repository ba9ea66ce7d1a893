//! The images of a report's samples, made small, where they can be found.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use clsrl_data::{
    datasets::{Dataset, Example},
    image,
};
use clsrl_report::{ShownImage, ShownSamples, Thumbnails};
use clsrl_runner::Store;

use crate::{
    inputs::{data_dir, open_dataset},
    output::note,
    progress::Detail,
    request::Request,
    stored_run::InputNames,
};

/// So many images are embedded at most: a photograph takes about 4 KiB of the report, and a few
/// milliseconds to read.
const MAX_IMAGES: usize = 1000;

/// The longest side of a thumbnail, in pixels, as wide as the report shows it.
const SIDE: u32 = 96;

/// Where images are to be looked for: in the folder that was given, or in that of drawn datasets if the
/// results are of those; it is drawn if it is not there. A report needs no images, so otherwise there are none.
pub fn sample_images_dir(
    request: &Request,
    store: &Store,
    given: Option<&Path>,
    detail: Detail,
) -> anyhow::Result<Option<PathBuf>> {
    if given.is_some() {
        return data_dir(&request.suite, given, detail).map(Some);
    }
    if !InputNames::read(store)?.is_drawn(&request.suite) {
        return Ok(None);
    }
    match data_dir(&request.suite, None, detail) {
        Ok(dir) => Ok(Some(dir)),
        Err(error) => {
            note(&format!("warning: samples are shown without their images: {error:#}"));
            Ok(None)
        }
    }
}

/// Makes the images of samples small, as many as are embedded. What cannot be read is left out: the report
/// shows its path.
pub fn thumbnails(shown: &ShownSamples, data_dir: &Path) -> Thumbnails {
    let mut images = shown.images();
    images.truncate(MAX_IMAGES);
    let mut by_dataset: BTreeMap<_, Vec<ShownImage>> = BTreeMap::new();
    for image in images {
        by_dataset.entry(image.dataset).or_default().push(image);
    }
    let mut thumbnails = Thumbnails::new();
    for (id, images) in by_dataset {
        let Ok(dataset) = open_dataset(id, data_dir, None) else { continue };
        let (found, paths) = find_paths(&dataset, images);
        for (image, made) in found.into_iter().zip(image::thumbnails(&paths, SIDE)) {
            if let Ok(jpeg) = made {
                thumbnails.insert((id, image.image), jpeg);
            }
        }
    }
    thumbnails
}

/// The images that the dataset's lists have, with the places of their files.
fn find_paths(dataset: &Dataset, images: Vec<ShownImage>) -> (Vec<ShownImage>, Vec<PathBuf>) {
    let mut lists: BTreeMap<_, BTreeMap<&str, &Example>> = BTreeMap::new();
    let place = |image: ShownImage| {
        let list = lists.entry(image.split.as_str()).or_insert_with(|| {
            let examples = dataset.evaluated(image.split).iter();
            examples.map(|example| (example.path.as_str(), example)).collect()
        });
        let path = dataset.image_path(list.get(image.image.as_str())?).ok()?;
        Some((image, path))
    };
    images.into_iter().filter_map(place).unzip()
}
