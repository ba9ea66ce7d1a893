//! A dataset on disk: its class names, its three ordered lists, and the way to an image.
//!
//! The order of a list is the order of its file: few-shot sampling depends on it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use clsrl_files::limit;
use clsrl_spec::{
    DatasetId, EvalSplit,
    lock::{Digest, FileDigest},
};

use super::{
    DatasetError, Links, Outside, Places,
    coop_split::SPLIT_SEED,
    dataset_dir::{DatasetDir, Reading},
    layout::{Lists, ListsFrom},
    ledger::path_fault,
    lists::Example,
    registry::{self, standard_split},
};
use crate::sha256::TextHasher;

/// The file beside the datasets that marks them as drawn.
const MARKER: &str = "drawn.json";

/// A dataset with its lists read and checked; images are looked at only by [`Dataset::image_path`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// Which of the eleven it is.
    pub id: DatasetId,
    /// Where the three lists come from.
    pub lists: ListsFrom,
    /// The class names by label. Two ImageNet classes may share a name.
    pub class_names: Vec<String>,
    /// The training list.
    pub train: Vec<Example>,
    /// The validation list. ImageNet's is its test list, as in CoOp.
    pub val: Vec<Example>,
    /// The test list.
    pub test: Vec<Example>,
    /// What `drawn.json` at the data root says, where this program drew the images.
    pub drawn: Option<String>,
    /// The dataset's folder.
    pub dir: PathBuf,
    /// The folder that the lists' paths start from.
    pub image_dir: PathBuf,
    /// The content of every file that the lists were read from, by its path below the dataset's folder.
    pub read_from: BTreeMap<String, FileDigest>,
    /// Where links may lead.
    pub places: Places,
    /// The folders that links led to while the lists were read, and that nobody had named.
    pub beyond: BTreeSet<PathBuf>,
}

/// What marks the datasets below a folder as drawn; `None` where they are not.
pub(crate) fn read_marker(data_dir: &Path) -> io::Result<Option<String>> {
    match clsrl_files::read_to_string(&data_dir.join(MARKER), limit::SETTINGS) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        read => read.map(Some),
    }
}

impl Dataset {
    /// Reads the lists of `id` below `data_dir`, in CoOp's layout, where no link leaves that folder.
    pub fn open(id: DatasetId, data_dir: &Path) -> Result<Dataset, DatasetError> {
        Dataset::open_with_links(id, data_dir, Links::NONE)
    }

    /// Reads the lists of `id` below `data_dir`, in CoOp's layout, and follows these links.
    pub fn open_with_links(
        id: DatasetId,
        data_dir: &Path,
        links: Links,
    ) -> Result<Dataset, DatasetError> {
        let dir = data_dir.join(id.folder());
        let places = Places::new(&dir, links);
        let inside = DatasetDir::new(id, &dir, &places);
        let (read, lists) = registry::read_lists(&inside)?;
        let Reading { files: read_from, beyond } = inside.into_reading();
        let drawn = read_marker(data_dir).map_err(|source| DatasetError::Read {
            dataset: id,
            path: data_dir.join(MARKER),
            source,
        })?;
        Ok(Dataset {
            id,
            lists,
            class_names: read.class_names,
            train: read.train,
            val: read.val,
            test: read.test,
            drawn,
            image_dir: dir.join(registry::layout_of(id).image_prefix),
            dir,
            read_from,
            places,
            beyond,
        })
    }

    /// The list that an evaluation on this split goes through.
    pub fn evaluated(&self, split: EvalSplit) -> &[Example] {
        match split {
            EvalSplit::Test => &self.test,
            EvalSplit::Val => &self.val,
        }
    }

    /// Where the image of `example` lies.
    ///
    /// A path that climbs out of the folder of images by its own text is refused, and so is a symbolic link that
    /// leaves the dataset's places. Only here is it found out whether the image exists.
    pub fn image_path(&self, example: &Example) -> Result<PathBuf, DatasetError> {
        let (dataset, image, dir) = (self.id, example.path.clone(), self.dir.clone());
        if let Some(fault) = path_fault(&image) {
            return Err(DatasetError::Outside { dataset, image, fault, dir });
        }
        let path = self.image_dir.join(&example.path);
        let real = |path: &Path| {
            fs::canonicalize(path).map_err(|source| {
                let hint = "the lists are there but this image is not; unpack the dataset's \
                            images as CoOp's DATASETS.md describes";
                DatasetError::io(dataset, path, source, hint.to_owned())
            })
        };
        let target = real(&path)?;
        match self.places.admit(&target, &mut BTreeSet::new()) {
            Ok(()) => Ok(path),
            Err(Outside) => Err(DatasetError::LinkedOutside { dataset, image, target, dir }),
        }
    }

    /// Whether the images were drawn by this program instead of photographed.
    pub fn is_synthetic(&self) -> bool {
        self.drawn.is_some()
    }

    /// Whether the lists are those that every publication uses.
    pub fn has_standard_lists(&self) -> bool {
        self.lists == ListsFrom::Standard
    }

    /// Whether the lists were made by listing the folders of images, so that they name nothing else.
    pub(crate) fn lists_are_folders(&self) -> bool {
        matches!(registry::layout_of(self.id).lists, Lists::WordNetFolders { .. })
    }

    /// What a report says of lists that are not the standard ones, and where those can be had; `None` where
    /// the lists are standard.
    pub fn not_standard(&self) -> Option<String> {
        let Lists::SplitFile(_) = &registry::layout_of(self.id).lists else { return None };
        match self.lists {
            ListsFrom::Standard => None,
            ListsFrom::Annotations => Some(format!(
                "{}: the standard split was not used; the lists were made from the raw annotations by \
                 CoOp's rules with seed {SPLIT_SEED}. {}",
                self.id.title(),
                standard_split(self.id)?,
            )),
        }
    }

    /// The identity of the data: SHA-256, in hexadecimal, over every path, label and name in order, over
    /// what says how images were drawn, and over the digest of the tree of images; `None` where the
    /// images are not those of the lock, which makes them nobody's in particular.
    pub fn digest(&self, images_root: Option<&str>) -> String {
        let mut hasher = TextHasher::default();
        hasher.text(self.id.as_str());
        hasher.text(images_root.unwrap_or("unlocked"));
        if let Some(drawn) = &self.drawn {
            hasher.text(drawn);
        }
        self.add_lists(&mut hasher);
        hasher.finish()
    }

    /// Over everything that the lists say and that a record has of them: the dataset, how its images were
    /// drawn, where the lists come from, the class names, the three lists.
    pub fn lists_digest(&self) -> Digest {
        let mut hasher = TextHasher::default();
        hasher.text("lists");
        hasher.text(self.id.as_str());
        hasher.text(self.drawn.as_deref().unwrap_or_default());
        hasher.text(if self.has_standard_lists() { "standard" } else { "annotations" });
        self.add_classes(&mut hasher);
        self.add_lists(&mut hasher);
        hasher.digest()
    }

    /// What training reads of the lists: SHA-256, in hexadecimal, over the class names and the training list.
    pub fn training_lists_digest(&self) -> String {
        let mut hasher = TextHasher::default();
        hasher.text("training lists");
        self.add_classes(&mut hasher);
        add_list(&mut hasher, "train", &self.train);
        hasher.finish()
    }

    fn add_classes(&self, hasher: &mut TextHasher) {
        hasher.number(self.class_names.len());
        self.class_names.iter().for_each(|name| hasher.text(name));
    }

    /// Adds the three lists in their order, each as its name, its length, and of every image the path as listed,
    /// the label and the class name.
    pub(crate) fn add_lists(&self, hasher: &mut TextHasher) {
        for (name, examples) in self.splits() {
            add_list(hasher, name, examples);
        }
    }

    /// The three lists with their names.
    pub(crate) fn splits(&self) -> [(&'static str, &[Example]); 3] {
        [("train", &self.train), ("val", &self.val), ("test", &self.test)]
    }
}

fn add_list(hasher: &mut TextHasher, name: &str, examples: &[Example]) {
    hasher.text(name);
    hasher.number(examples.len());
    for example in examples {
        hasher.text(&example.path);
        hasher.number(example.label);
        hasher.text(&example.class_name);
    }
}
