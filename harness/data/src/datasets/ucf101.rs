//! UCF101: one frame of every video of 101 human actions.
//!
//! Khurram Soomro, Amir Roshan Zamir, Mubarak Shah: "UCF101: A Dataset of 101 Human Actions Classes From Videos
//! in The Wild", CRCV-TR-12-01, 2012. The split is CoOp's (see `caltech101.rs`).
//!
//! Licence: research purposes; the videos are from YouTube. Where to get it: the lists
//! (`UCF101TrainTestSplits-RecognitionTask.zip`) from <https://www.crcv.ucf.edu/data/UCF101.php>, the middle
//! frames, that CoOp's authors cut out, at
//! <https://drive.google.com/file/d/10Jqome3vtUA2keJkNanAiFpgbyC9Hc2O/view>.
//!
//! ```text
//! ucf101/
//!     split_zhou_UCF101.json
//!     UCF-101-midframes/<Renamed_Action>/v_<Action>_gNN_cNN.jpg
//!     ucfTrainTestlist/classInd.txt       <class from 1> <Action>
//!     ucfTrainTestlist/trainlist01.txt    <Action>/v_<Action>_gNN_cNN.avi <class>
//!     ucfTrainTestlist/testlist01.txt     <Action>/v_<Action>_gNN_cNN.avi
//! ```
//!
//! Folders and classes, but not files, are renamed: an `_` before every capital but the first, so
//! `ApplyEyeMakeup` is `Apply_Eye_Makeup` and `YoYo` is `Yo_Yo`. A file's capitals may differ from its folder's:
//! `Handstand_Pushups/v_HandStandPushups_g24_c02.jpg`. CoOp keeps 80 % of every class of the first training
//! list for training: 7,639 training, 1,898 validation and 3,783 test images.

use std::collections::BTreeMap;

use super::{
    DatasetError, Faults,
    dataset_dir::DatasetDir,
    layout::{Annotations, Layout, Lists, SplitFile},
    ledger::Ledger,
    lists::ClassesAndLists,
    text_list::{Row, TextList, read_class_number, read_split_lists},
};

pub(super) const LAYOUT: Layout = Layout {
    image_prefix: "UCF-101-midframes",
    image_folders: &["UCF-101-midframes"],
    lists: Lists::SplitFile(SplitFile {
        name: "split_zhou_UCF101.json",
        drive_id: "1I0S0q91hJfsV9Gf4xDIjgDq4AqBNJb1y",
        annotations: Annotations::Files(&[CLASSES, TRAINVAL, TEST]),
        read_annotations,
    }),
};

const CLASSES: &str = "ucfTrainTestlist/classInd.txt";
const TRAINVAL: &str = "ucfTrainTestlist/trainlist01.txt";
const TEST: &str = "ucfTrainTestlist/testlist01.txt";
const HINT: &str = "unpack UCF101TrainTestSplits-RecognitionTask.zip \
                    (https://www.crcv.ucf.edu/data/UCF101.php)";

fn read_annotations(dir: &DatasetDir) -> Result<ClassesAndLists, DatasetError> {
    let labels = read_classes(dir)?;
    let mut faults = Faults::default();
    let mut by_label: Vec<(usize, &String)> = labels.iter().map(|(name, at)| (*at, name)).collect();
    by_label.sort_unstable();
    if let Some(missing) = (0..).zip(&by_label).find(|(number, (label, _))| number != label) {
        faults.push(format!("found no class {}, expected all from 1", missing.0 + 1));
    }
    faults.or_else(dir.id(), &dir.join(CLASSES), ())?;
    let names: Result<Vec<String>, String> =
        by_label.iter().map(|(_, action)| class_name_of(action)).collect();
    let ledger = Ledger::with_classes(&names.unwrap_or_default());
    read_split_lists(dir, [TRAINVAL, TEST], HINT, ledger, |line| read_line(line, &labels))
}

fn read_classes(dir: &DatasetDir) -> Result<BTreeMap<String, usize>, DatasetError> {
    let mut labels = BTreeMap::new();
    TextList::open(dir, CLASSES, HINT)?.for_each(|_, line| {
        let Some((class, action)) = line.split_once(' ') else {
            return Err(format!("found `{line}`, expected a class from 1 and an action"));
        };
        class_name_of(action)?;
        match labels.insert(action.to_owned(), read_class_number(class)?) {
            None => Ok(()),
            Some(_) => Err(format!("found the action `{action}` again, expected it once")),
        }
    })?;
    Ok(labels)
}

fn read_line(line: &str, labels: &BTreeMap<String, usize>) -> Result<Row, String> {
    let (video, class) = line.split_once(' ').map_or((line, None), |(path, at)| (path, Some(at)));
    let Some((action, file)) = video.split_once('/').filter(|(_, file)| !file.contains('/')) else {
        return Err(format!("found `{video}`, expected an action, `/` and a file"));
    };
    let Some(&label) = labels.get(action) else {
        return Err(format!("found the action `{action}`, expected one of {CLASSES}"));
    };
    if let Some(class) = class.filter(|class| read_class_number(class) != Ok(label)) {
        return Err(format!("found the class `{class}`, expected {}, the action's", label + 1));
    }
    let class_name = class_name_of(action)?;
    Ok(Row { path: format!("{class_name}/{}", file.replace(".avi", ".jpg")), label, class_name })
}

/// The action with an `_` before every capital but the first; what stands before that is dropped.
fn class_name_of(action: &str) -> Result<String, String> {
    let mut name = String::new();
    for letter in action.chars().skip_while(|letter| !letter.is_ascii_uppercase()) {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter);
    }
    if name.is_empty() {
        return Err(format!("found the action `{action}`, expected one with capitals"));
    }
    Ok(name)
}
