//! Writes the eleven drawn datasets to disk, each in its native layout.
//!
//! `drawn.json` at the data root says that the images are synthetic, and its presence that all of
//! them are there: the whole root is made under another name, that file last, and then renamed.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use clsrl_files::limit;
use clsrl_spec::{DatasetId, Stream};
use image::codecs::jpeg::JpegEncoder;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{
    image::draw,
    layout::{Entry, Part, entries_of, image_folder, json_text, lists_of},
    style::style_of,
};

/// The version of what is drawn and how it is laid out; raised whenever a byte changes.
pub const FORMAT: u32 = 1;

/// The file at the data root that marks drawn datasets.
const MARKER: &str = "drawn.json";

/// The JPEG quality of drawn images.
const QUALITY: u8 = 95;

/// Why drawn datasets could not be written.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum DrawnError {
    #[error("cannot {action} `{}`", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error("cannot encode `{}` as JPEG", path.display())]
    Encode { path: PathBuf, source: image::ImageError },
    #[error(
        "`{}` holds files but no {MARKER}, expected a new folder or datasets drawn earlier\n\
         hint: give another folder; what lies there is not overwritten", path.display()
    )]
    Occupied { path: PathBuf },
    #[error(
        "`{}` is no marker of drawn datasets\nhint: remove the folder to have them drawn again",
        path.display()
    )]
    Marker { path: PathBuf, source: serde_json::Error },
    #[error("`{}` has format {found}, this program knows formats up to {FORMAT}", path.display())]
    Newer { path: PathBuf, found: u32 },
}

/// What `drawn.json` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Marker {
    format: u32,
    seed: u64,
    synthetic: bool,
    classes_per_dataset: usize,
    train_per_class: usize,
    val_per_class: usize,
    test_per_class: usize,
}

impl Marker {
    fn new(seed: u64) -> Marker {
        Marker {
            format: FORMAT,
            seed,
            synthetic: true,
            classes_per_dataset: 8,
            train_per_class: Part::Train.per_class(),
            val_per_class: Part::Val.per_class(),
            test_per_class: Part::Test.per_class(),
        }
    }
}

/// Draws the eleven datasets of a seed into `data_dir`, unless they are there already.
///
/// Datasets drawn earlier with another seed or format are replaced; any other content is an error.
/// `progress` is called with each dataset when it is done.
pub fn write_drawn(
    data_dir: &Path,
    seed: u64,
    progress: &mut dyn FnMut(DatasetId),
) -> Result<(), DrawnError> {
    let marker = Marker::new(seed);
    let found = found_marker(data_dir)?;
    if found.as_ref() == Some(&marker) {
        return Ok(());
    }
    let mut partial = data_dir.as_os_str().to_owned();
    partial.push(format!(".partial-{}", std::process::id()));
    let partial = PathBuf::from(partial);
    remove(&partial)?;
    let written = write_root(&partial, &marker, progress).and_then(|()| {
        // What another process has drawn meanwhile is in use: a folder that was not there is not
        // replaced, because renaming onto one that holds files fails.
        if found.is_some() && found_marker(data_dir)? == found {
            remove(data_dir)?;
        }
        at("rename", &partial, fs::rename(&partial, data_dir))
    });
    if written.is_err() {
        remove(&partial)?;
        // Another process may have been faster.
        if found_marker(data_dir)?.as_ref() == Some(&marker) {
            return Ok(());
        }
    }
    written
}

/// The marker of a data root, `None` where the folder is missing or empty.
fn found_marker(data_dir: &Path) -> Result<Option<Marker>, DrawnError> {
    let path = data_dir.join(MARKER);
    let bytes = match clsrl_files::read(&path, limit::SETTINGS) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let is_empty = match fs::read_dir(data_dir) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => true,
                listing => at("list", data_dir, listing)?.next().is_none(),
            };
            let path = data_dir.to_owned();
            return if is_empty { Ok(None) } else { Err(DrawnError::Occupied { path }) };
        }
        read => at("read", &path, read)?,
    };
    let marker: Marker = serde_json::from_slice(&bytes)
        .map_err(|source| DrawnError::Marker { path: path.clone(), source })?;
    if FORMAT < marker.format {
        return Err(DrawnError::Newer { path, found: marker.format });
    }
    Ok(Some(marker))
}

fn remove(dir: &Path) -> Result<(), DrawnError> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => at("remove", dir, removed),
    }
}

fn write_root(
    root: &Path,
    marker: &Marker,
    progress: &mut dyn FnMut(DatasetId),
) -> Result<(), DrawnError> {
    for dataset in DatasetId::ALL {
        let entries = entries_of(dataset, marker.seed);
        let folder = root.join(image_folder(dataset));
        let folders: std::collections::BTreeSet<PathBuf> = entries
            .iter()
            .filter_map(|entry| folder.join(&entry.path).parent().map(Path::to_owned))
            .collect();
        for folder in &folders {
            at("create", folder, fs::create_dir_all(folder))?;
        }
        entries.par_iter().try_for_each(|entry| {
            let path = folder.join(&entry.path);
            let bytes = jpeg_of(dataset, entry, marker.seed, &path)?;
            at("write", &path, fs::write(&path, bytes))
        })?;
        for (path, text) in lists_of(dataset, &entries) {
            let path = root.join(path);
            at("write", &path, fs::write(&path, text))?;
        }
        progress(dataset);
    }
    let path = root.join(MARKER);
    at("write", &path, clsrl_files::replace(&path, (json_text(marker) + "\n").as_bytes()))
}

/// One image's file. The encoder's transform is an integer one, so the bytes are the same everywhere.
fn jpeg_of(
    dataset: DatasetId,
    entry: &Entry,
    seed: u64,
    path: &Path,
) -> Result<Vec<u8>, DrawnError> {
    let idx = entry.idx.to_string();
    let name = ["drawn", dataset.as_str(), entry.part.name(), entry.class.name, &idx];
    let image = draw(entry.class.look, &style_of(dataset), &mut Stream::new(seed, &name));
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, QUALITY)
        .encode_image(&image)
        .map_err(|source| DrawnError::Encode { path: path.to_owned(), source })?;
    Ok(bytes)
}

fn at<T>(action: &'static str, path: &Path, result: io::Result<T>) -> Result<T, DrawnError> {
    result.map_err(|source| DrawnError::Io { action, path: path.to_owned(), source })
}
