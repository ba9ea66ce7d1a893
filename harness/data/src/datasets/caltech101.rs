//! Caltech-101: images of objects in 101 categories, one folder each.
//!
//! Li Fei-Fei, Rob Fergus, Pietro Perona: "Learning Generative Visual Models from Few Training Examples: An
//! Incremental Bayesian Approach Tested on 101 Object Categories", CVPR Workshop on Generative-Model Based
//! Vision, 2004. The split is from Kaiyang Zhou, Jingkang Yang, Chen Change Loy, Ziwei Liu: "Learning to
//! Prompt for Vision-Language Models" (CoOp), IJCV 2022.
//!
//! Licence: CC BY 4.0, says CaltechDATA. Where to get it: `caltech-101.zip` of
//! <https://data.caltech.edu/records/mzrjq-6wc02>, which holds `101_ObjectCategories.tar.gz`.
//!
//! ```text
//! caltech-101/
//!     split_zhou_Caltech101.json
//!     101_ObjectCategories/<category>/image_NNNN.jpg
//! ```
//!
//! CoOp has 100 classes: `BACKGROUND_Google` is no object, and `Faces_easy` shows the images of `Faces`
//! again. Four classes are renamed; the rest are called like their folders, underscores kept. Labels
//! follow the byte order of the folders, so the three with a capital come first: Faces, Leopards, Motorbikes,
//! accordion. 4,128 training, 1,649 validation and 2,465 test images; the smallest class has 16, 6 and 9.
//! Some images are grey.

use super::{
    class_folders::ClassFolders,
    layout::{Annotations, Layout, Lists, SplitFile},
};

pub(super) const LAYOUT: Layout = Layout {
    image_prefix: FOLDERS.folder,
    image_folders: &[FOLDERS.folder],
    lists: Lists::SplitFile(SplitFile {
        name: "split_zhou_Caltech101.json",
        drive_id: "1hyarUivQE36mY6jSomru6Fjd-JzwcCzN",
        annotations: Annotations::Folder(FOLDERS.folder),
        read_annotations: |dir| FOLDERS.read(dir),
    }),
};

const FOLDERS: ClassFolders = ClassFolders {
    folder: "101_ObjectCategories",
    ignored: &["BACKGROUND_Google", "Faces_easy"],
    renamed: &[
        ("airplanes", "airplane"),
        ("Faces", "face"),
        ("Leopards", "leopard"),
        ("Motorbikes", "motorbike"),
    ],
    hint: "unpack 101_ObjectCategories.tar.gz (https://data.caltech.edu/records/mzrjq-6wc02)",
};
