//! Describable Textures: photographs of textures, sorted by the adjective that describes them.
//!
//! Mircea Cimpoi, Subhransu Maji, Iasonas Kokkinos, Sammy Mohamed, Andrea Vedaldi: "Describing Textures in the
//! Wild", CVPR 2014. The split is CoOp's (see `caltech101.rs`).
//!
//! Licence: research purposes; the images were collected from the web. Where to get it:
//! `dtd-r1.0.1.tar.gz`, from <https://www.robots.ox.ac.uk/~vgg/data/dtd/>.
//!
//! ```text
//! dtd/
//!     split_zhou_DescribableTextures.json
//!     images/<texture>/<texture>_NNNN.jpg     120 of each texture
//!     imdb/, labels/                          the authors' own ten splits, not read
//! ```
//!
//! 47 classes, called like their folders, some with a hyphen: `polka-dotted`. Labels follow the folders'
//! order. CoOp deals out the images anew, 60 of a class for training, 24 for validation and 36 for the test:
//! 2,820, 1,128 and 1,692. The sides of an image have 271 to 900 pixels; a few images are grey.

use super::{
    class_folders::ClassFolders,
    layout::{Annotations, Layout, Lists, SplitFile},
};

pub(super) const LAYOUT: Layout = Layout {
    image_prefix: FOLDERS.folder,
    image_folders: &[FOLDERS.folder],
    lists: Lists::SplitFile(SplitFile {
        name: "split_zhou_DescribableTextures.json",
        drive_id: "1u3_QfB467jqHgNXC00UIzbLZRQCg2S7x",
        annotations: Annotations::Folder(FOLDERS.folder),
        read_annotations: |dir| FOLDERS.read(dir),
    }),
};

const FOLDERS: ClassFolders = ClassFolders {
    folder: "images",
    ignored: &[],
    renamed: &[],
    hint: "unpack dtd-r1.0.1.tar.gz (https://www.robots.ox.ac.uk/~vgg/data/dtd/)",
};
