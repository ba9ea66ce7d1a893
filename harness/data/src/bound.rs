//! What a run found of a dataset before it began, and how everything that is read later is held to it.
//!
//! Between the check of a tree and its use lie hours, other processes and other machines. So a worker gets the
//! digests of what was checked and compares the very bytes that it decodes and parses.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use clsrl_files::Differs;
use clsrl_spec::{DatasetId, lock::Digest};
use serde::{Deserialize, Serialize};

use crate::{
    datasets::{Dataset, DatasetError, Example, Links},
    image::ImageFile,
    lock::ImageDigests,
};

/// A dataset as a run found it: its lists, the files that they were read from, and the images that are used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoundDataset {
    /// Over everything that the lists say, see [`Dataset::lists_digest`]; none if nothing was found yet.
    lists: Option<Digest>,
    /// What says how its images were drawn.
    drawn: Option<String>,
    /// Of every file that the lists were read from, by its path below the dataset's folder.
    read_from: BTreeMap<String, Digest>,
    /// Of the images that are used.
    images: ImageDigests,
    /// The folders that links may lead into, beside those of the data.
    links: Vec<PathBuf>,
}

/// Why a dataset cannot be used as it was bound.
#[derive(Debug, thiserror::Error)]
pub enum BoundError {
    /// It cannot be read.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// It is not what was checked.
    #[error(transparent)]
    Differs(#[from] Differs),
}

impl BoundDataset {
    /// Binds what was found of a dataset.
    pub fn new(dataset: &Dataset, images: ImageDigests) -> Self {
        let read_from = dataset.read_from.iter();
        BoundDataset {
            lists: Some(dataset.lists_digest()),
            drawn: dataset.drawn.clone(),
            read_from: read_from.map(|(path, file)| (path.clone(), file.sha256)).collect(),
            images,
            links: match dataset.places.links() {
                Links::Into(folders) => folders.clone(),
                Links::Everywhere => Vec::new(),
            },
        }
    }

    /// The same with no more images than these examples'.
    pub fn with_images_of<'e>(
        &self,
        dataset: &Dataset,
        examples: impl IntoIterator<Item = &'e Example>,
    ) -> Self {
        let images = self.images.of(dataset, examples);
        BoundDataset { images, ..self.clone() }
    }

    /// The digests of the images that are used.
    pub fn images(&self) -> &ImageDigests {
        &self.images
    }

    /// Opens the dataset again, which must be what it was.
    pub fn open(&self, id: DatasetId, data_dir: &Path) -> Result<Dataset, BoundError> {
        let dataset = Dataset::open_with_links(id, data_dir, Links::Into(self.links.clone()))?;
        for (path, expected) in &self.read_from {
            let found = dataset.read_from.get(path).map(|file| file.sha256);
            if found != Some(*expected) {
                let found = found.map_or_else(|| "another file in its place".to_owned(), sha256);
                let path = dataset.dir.join(path);
                return Err(Differs { path, expected: sha256(*expected), found }.into());
            }
        }
        if dataset.drawn != self.drawn {
            let words = |drawn: &Option<String>| drawn.clone().unwrap_or_else(|| "none".to_owned());
            let (expected, found) = (words(&self.drawn), words(&dataset.drawn));
            return Err(Differs { path: data_dir.join("drawn.json"), expected, found }.into());
        }
        let found = dataset.lists_digest();
        match self.lists {
            Some(expected) if expected == found => Ok(dataset),
            expected => Err(Differs {
                path: dataset.dir.clone(),
                expected: expected.map_or_else(|| "no lists".to_owned(), |lists| words(&lists)),
                found: words(&found),
            }
            .into()),
        }
    }

    /// Reads the image of an example, which must be what it was.
    ///
    /// # Errors
    /// [`Differs`] for other bytes; `E` for an image that cannot be found or read.
    pub fn read_image<E: From<DatasetError> + From<crate::image::ImageError> + From<Differs>>(
        &self,
        dataset: &Dataset,
        example: &Example,
    ) -> Result<ImageFile, E> {
        let file = ImageFile::read(&dataset.image_path(example)?)?;
        let expected = self.images.get(dataset, example);
        if expected == Some(file.sha256()) {
            return Ok(file);
        }
        Err(Differs {
            path: file.path().to_owned(),
            expected: expected.map_or_else(|| "an image that was checked".to_owned(), sha256),
            found: sha256(file.sha256()),
        }
        .into())
    }
}

fn sha256(digest: Digest) -> String {
    format!("sha256 {digest}")
}

fn words(lists: &Digest) -> String {
    format!("lists with sha256 {lists}")
}
