//! SUN397: scenes, indoors and outdoors.
//!
//! Jianxiong Xiao, James Hays, Krista A. Ehinger, Aude Oliva, Antonio Torralba: "SUN Database: Large-scale
//! Scene Recognition from Abbey to Zoo", CVPR 2010. The split is CoOp's (see `caltech101.rs`).
//!
//! Licence: research purposes; the images were collected from the web. Where to get it: `SUN397.tar.gz`
//! (37 GB) and `Partitions.zip`, from <https://vision.princeton.edu/projects/2010/SUN/>.
//!
//! ```text
//! sun397/
//!     split_zhou_SUN397.json
//!     SUN397/<letter>/<category>[/<kind>]/sun_*.jpg
//!     ClassName.txt        /a/abbey                  a line's number is the label
//!     Training_01.txt      /a/abbey/sun_….jpg        the authors' first of ten partitions
//!     Testing_01.txt
//! ```
//!
//! A class is called like its folders, without the letter and from back to front: `a/apartment_building/outdoor`
//! is an `outdoor apartment_building`. 397 classes with 50 + 50 images; CoOp keeps 40 of the first 50 for
//! training. In the split file the classes stand in blocks: 15,880 training, 3,970 validation and 19,850 test
//! images. Some are grey, and not every `.jpg` is a JPEG.

use std::collections::BTreeMap;

use super::{
    DatasetError,
    dataset_dir::DatasetDir,
    layout::{Annotations, Layout, Lists, SplitFile},
    ledger::Ledger,
    lists::ClassesAndLists,
    text_list::{Row, TextList, read_split_lists},
};

pub(super) const LAYOUT: Layout = Layout {
    image_prefix: "SUN397",
    image_folders: &["SUN397"],
    lists: Lists::SplitFile(SplitFile {
        name: "split_zhou_SUN397.json",
        drive_id: "1y2RD81BYuiyvebdN-JymPfyWYcd8_MUq",
        annotations: Annotations::Files(&[CLASSES, TRAINVAL, TEST]),
        read_annotations,
    }),
};

const CLASSES: &str = "ClassName.txt";
const TRAINVAL: &str = "Training_01.txt";
const TEST: &str = "Testing_01.txt";
const HINT: &str = "unpack Partitions.zip (https://vision.princeton.edu/projects/2010/SUN/)";

fn read_annotations(dir: &DatasetDir) -> Result<ClassesAndLists, DatasetError> {
    let mut labels = BTreeMap::new();
    let mut names = Vec::new();
    TextList::open(dir, CLASSES, HINT)?.for_each(|number, line| {
        let category = without_slash(line)?;
        names.push(class_name(category)?);
        match labels.insert(category.to_owned(), number - 1) {
            None => Ok(()),
            Some(first) => {
                Err(format!("found `{line}` again, expected it on line {} only", first + 1))
            }
        }
    })?;
    let ledger = Ledger::with_classes(&names);
    read_split_lists(dir, [TRAINVAL, TEST], HINT, ledger, |line| read_line(line, &labels))
}

fn read_line(line: &str, labels: &BTreeMap<String, usize>) -> Result<Row, String> {
    let path = without_slash(line)?;
    let category = path.rsplit_once('/').map_or("", |(category, _)| category);
    let Some(&label) = labels.get(category) else {
        return Err(format!("found the category `{category}`, expected one of {CLASSES}"));
    };
    Ok(Row { path: path.to_owned(), label, class_name: class_name(category)? })
}

fn without_slash(line: &str) -> Result<&str, String> {
    line.strip_prefix('/')
        .ok_or_else(|| format!("found `{line}`, expected a path that begins with `/`"))
}

/// The folders below the letter, from back to front.
fn class_name(category: &str) -> Result<String, String> {
    let folders: Vec<&str> = category.split('/').skip(1).collect();
    if folders.is_empty() || folders.contains(&"") {
        return Err(format!("found the category `{category}`, expected a letter, `/` and a name"));
    }
    Ok(folders.into_iter().rev().collect::<Vec<_>>().join(" "))
}
