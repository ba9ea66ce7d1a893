//! Food-101: dishes, photographed by the users of a restaurant guide.
//!
//! Lukas Bossard, Matthieu Guillaumin, Luc Van Gool: "Food-101 – Mining Discriminative Components with Random
//! Forests", ECCV 2014. The split is CoOp's (see `caltech101.rs`).
//!
//! Licence: the images belong to Foodspotting and its users; the authors allow scientific fair use (see
//! `license_agreement.txt` in the archive). Where to get it: `food-101.tar.gz`, from
//! <https://data.vision.ee.ethz.ch/cvl/datasets_extra/food-101/>.
//!
//! ```text
//! food-101/
//!     split_zhou_Food101.json
//!     images/<class>/<number>.jpg      1,000 of each class
//!     meta/                            the authors' own split, not read
//! ```
//!
//! 101 classes, called like their folders, underscores kept: `apple_pie`. Labels follow the folders' order.
//! CoOp deals out all 1,000 images of a class anew, 500 for training, 200 for validation and 300 for the
//! test; the authors' split in `meta/` is another one. In the split file the classes stand in blocks: 50,500
//! training, 20,200 validation and 30,300 test images.

use super::{
    class_folders::ClassFolders,
    layout::{Annotations, Layout, Lists, SplitFile},
};

pub(super) const LAYOUT: Layout = Layout {
    image_prefix: FOLDERS.folder,
    image_folders: &[FOLDERS.folder],
    lists: Lists::SplitFile(SplitFile {
        name: "split_zhou_Food101.json",
        drive_id: "1QK0tGi096I0Ba6kggatX1ee6dJFIcEJl",
        annotations: Annotations::Folder(FOLDERS.folder),
        read_annotations: |dir| FOLDERS.read(dir),
    }),
};

const FOLDERS: ClassFolders = ClassFolders {
    folder: "images",
    ignored: &[],
    renamed: &[],
    hint: "unpack food-101.tar.gz (https://data.vision.ee.ethz.ch/cvl/datasets_extra/food-101/)",
};
