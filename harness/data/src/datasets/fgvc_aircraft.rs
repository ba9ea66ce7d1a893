//! FGVC-Aircraft, at variant level: airliners, business jets, fighters and propeller planes.
//!
//! Subhransu Maji, Esa Rahtu, Juho Kannala, Matthew Blaschko, Andrea Vedaldi: "Fine-Grained Visual Classification
//! of Aircraft", 2013, arXiv:1306.5151.
//!
//! Licence: non-commercial research; the images belong to their photographers. Where to get it:
//! `fgvc-aircraft-2013b.tar.gz`, from <https://www.robots.ox.ac.uk/~vgg/data/fgvc-aircraft/>, whose folder
//! `data` CoOp renames to `fgvc_aircraft`.
//!
//! ```text
//! fgvc_aircraft/
//!     images/NNNNNNN.jpg
//!     variants.txt                          a variant on each line; the line's number is the label
//!     images_variant_{train,val,test}.txt   <image id> <variant>
//! ```
//!
//! There is no split file of CoOp's: the lists are the authors' own, 3,334 training, 3,333 validation and 3,333
//! test images of 100 variants, sorted by label. A variant may have a hyphen, a slash or a blank: `737-200`,
//! `F/A-18`. Every image has a banner of 20 pixels with its photographer's name at the bottom.

use std::collections::BTreeMap;

use super::{
    DatasetError, Example, Faults,
    dataset_dir::DatasetDir,
    layout::{Layout, Lists},
    ledger::Ledger,
    lists::ClassesAndLists,
    text_list::{Row, TextList},
};

pub(super) const LAYOUT: Layout = Layout {
    image_prefix: "images",
    image_folders: &["images"],
    lists: Lists::VariantFiles { files: [VARIANTS, TRAIN, VAL, TEST] },
};

const VARIANTS: &str = "variants.txt";
const TRAIN: &str = "images_variant_train.txt";
const VAL: &str = "images_variant_val.txt";
const TEST: &str = "images_variant_test.txt";

const HINT: &str = "it is in the folder `data` of fgvc-aircraft-2013b.tar.gz \
     (https://www.robots.ox.ac.uk/~vgg/data/fgvc-aircraft/), which CoOp renames to `fgvc_aircraft`";

/// Reads the four lists.
pub(super) fn read(dir: &DatasetDir) -> Result<ClassesAndLists, DatasetError> {
    let names = read_variants(dir)?;
    let labels = names.iter().enumerate().map(|(label, name)| (name.as_str(), label)).collect();
    let mut ledger = Ledger::with_classes(&names);
    let mut list = |name| -> Result<Vec<Example>, DatasetError> {
        TextList::open(dir, name, HINT)?.examples(&mut ledger, |line| read_line(line, &labels))
    };
    let (train, val, test) = (list(TRAIN)?, list(VAL)?, list(TEST)?);
    let mut faults = Faults::default();
    let class_names = ledger.class_names(&train, &mut faults);
    faults.or_else(dir.id(), &dir.join(TRAIN), ClassesAndLists { class_names, train, val, test })
}

fn read_variants(dir: &DatasetDir) -> Result<Vec<String>, DatasetError> {
    let mut first_lines = BTreeMap::new();
    let mut names = Vec::new();
    TextList::open(dir, VARIANTS, HINT)?.for_each(|number, line| {
        if line.is_empty() {
            return Err("found nothing, expected a variant's name".to_owned());
        }
        names.push(line.to_owned());
        match first_lines.insert(line.to_owned(), number) {
            None => Ok(()),
            Some(first) => {
                first_lines.insert(line.to_owned(), first);
                Err(format!("found `{line}` again, expected it on line {first} only"))
            }
        }
    })?;
    if names.is_empty() {
        let mut faults = Faults::default();
        faults.push("found no line, expected a variant's name on each".to_owned());
        return Err(faults.of(dir.id(), &dir.join(VARIANTS)));
    }
    Ok(names)
}

fn read_line(line: &str, labels: &BTreeMap<&str, usize>) -> Result<Row, String> {
    let Some((image_id, name)) = line.split_once(' ') else {
        return Err(format!("found `{line}`, expected an image id, a blank and a variant"));
    };
    let Some(&label) = labels.get(name) else {
        return Err(format!("found the variant `{name}`, expected one of {VARIANTS}"));
    };
    Ok(Row { path: format!("{image_id}.jpg"), label, class_name: name.to_owned() })
}
