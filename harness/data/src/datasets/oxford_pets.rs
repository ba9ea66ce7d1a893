//! Oxford-IIIT Pets: 37 breeds of cats and dogs.
//!
//! Omkar M. Parkhi, Andrea Vedaldi, Andrew Zisserman, C. V. Jawahar: "Cats and Dogs", CVPR 2012. The split is
//! CoOp's (see `caltech101.rs`).
//!
//! Licence: CC BY-SA 4.0. Where to get it: `images.tar.gz` and `annotations.tar.gz`, from
//! <https://www.robots.ox.ac.uk/~vgg/data/pets/>.
//!
//! ```text
//! oxford_pets/
//!     split_zhou_OxfordPets.json
//!     images/<Breed>_<number>.jpg
//!     annotations/trainval.txt        <Breed>_<number> <class from 1> <species> <breed of the species>
//!     annotations/test.txt
//! ```
//!
//! A class is called like its images, without the number and in lower case: `Abyssinian_100` is an
//! `abyssinian`, `american_bulldog_1` an `american_bulldog`. The test list is the authors'; of their other
//! list CoOp keeps 80 % of every class for training: 2,944 training, 736 validation and 3,669 test images.
//!
//! Not every `.jpg` is a JPEG: `Abyssinian_5.jpg`, `Egyptian_Mau_14.jpg` and a few more hold other formats,
//! so images are decoded by what is in them.

use super::{
    DatasetError,
    dataset_dir::DatasetDir,
    layout::{Annotations, Layout, Lists, SplitFile},
    ledger::Ledger,
    lists::ClassesAndLists,
    text_list::{Row, read_class_number, read_split_lists},
};

pub(super) const LAYOUT: Layout = Layout {
    image_prefix: "images",
    image_folders: &["images"],
    lists: Lists::SplitFile(SplitFile {
        name: "split_zhou_OxfordPets.json",
        drive_id: "1501r8Ber4nNKvmlFVQZ8SeUHTcdTTEqs",
        annotations: Annotations::Files(&[TRAINVAL, TEST]),
        read_annotations,
    }),
};

const TRAINVAL: &str = "annotations/trainval.txt";
const TEST: &str = "annotations/test.txt";
const HINT: &str = "unpack annotations.tar.gz (https://www.robots.ox.ac.uk/~vgg/data/pets/)";

fn read_annotations(dir: &DatasetDir) -> Result<ClassesAndLists, DatasetError> {
    read_split_lists(dir, [TRAINVAL, TEST], HINT, Ledger::default(), read_line)
}

fn read_line(line: &str) -> Result<Row, String> {
    let fields: Vec<&str> = line.split(' ').collect();
    let [image_id, class, _species, _breed] = fields[..] else {
        return Err(format!("found `{line}`, expected an image id and three numbers"));
    };
    let Some((breed, _)) = image_id.rsplit_once('_').filter(|(breed, _)| !breed.is_empty()) else {
        return Err(format!("found the image id `{image_id}`, expected a breed, `_` and a number"));
    };
    Ok(Row {
        path: format!("{image_id}.jpg"),
        label: read_class_number(class)?,
        class_name: breed.to_lowercase(),
    })
}
