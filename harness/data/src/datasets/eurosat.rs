//! EuroSAT: patches of Sentinel-2 satellite images by land use, the RGB edition.
//!
//! Patrick Helber, Benjamin Bischke, Andreas Dengel, Damian Borth: "EuroSAT: A Novel Dataset and Deep Learning
//! Benchmark for Land Use and Land Cover Classification", IEEE Journal of Selected Topics in Applied Earth
//! Observations and Remote Sensing, 2019. The split is CoOp's (see `caltech101.rs`).
//!
//! Licence: MIT, says the authors' repository. Where to get it: `EuroSAT.zip`, from
//! <http://madm.dfki.de/files/sentinel/EuroSAT.zip> or one of its mirrors.
//!
//! ```text
//! eurosat/
//!     split_zhou_EuroSAT.json
//!     2750/<Class>/<Class>_N.jpg      64 x 64 pixels, N from 1, without leading zeros
//! ```
//!
//! The copy on Zenodo unpacks to `EuroSAT_RGB`, which has to be renamed to `2750`. Ten classes; labels follow
//! the folders' order, and all but two are renamed to read like English. CoOp deals out the images by 50 %,
//! 20 % and 30 % of every class: 13,500 for training, 5,400 for validation and 8,100 for the test.

use super::{
    class_folders::ClassFolders,
    layout::{Annotations, Layout, Lists, SplitFile},
};

pub(super) const LAYOUT: Layout = Layout {
    image_prefix: FOLDERS.folder,
    image_folders: &[FOLDERS.folder],
    lists: Lists::SplitFile(SplitFile {
        name: "split_zhou_EuroSAT.json",
        drive_id: "1Ip7yaCWFi0eaOFUGga0lUdVi_DDQth1o",
        annotations: Annotations::Folder(FOLDERS.folder),
        read_annotations: |dir| FOLDERS.read(dir),
    }),
};

const FOLDERS: ClassFolders = ClassFolders {
    folder: "2750",
    ignored: &[],
    renamed: &[
        ("AnnualCrop", "Annual Crop Land"),
        ("HerbaceousVegetation", "Herbaceous Vegetation Land"),
        ("Highway", "Highway or Road"),
        ("Industrial", "Industrial Buildings"),
        ("Pasture", "Pasture Land"),
        ("PermanentCrop", "Permanent Crop Land"),
        ("Residential", "Residential Buildings"),
        ("SeaLake", "Sea or Lake"),
    ],
    hint: "unpack EuroSAT.zip (http://madm.dfki.de/files/sentinel/EuroSAT.zip); the copy on Zenodo \
           unpacks to `EuroSAT_RGB`, which has to be renamed to `2750`",
};
