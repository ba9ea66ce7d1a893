//! Lists with one row per line, read as CoOp reads them: a line's ends are stripped, so either kind of line
//! end will do; a line without anything on it is a fault.

use super::{
    DatasetError, Example, Faults, coop_split::split_lists, dataset_dir::DatasetDir,
    ledger::Ledger, lists::ClassesAndLists,
};

/// A text list of a dataset.
pub(super) struct TextList<'a> {
    dir: &'a DatasetDir<'a>,
    name: &'static str,
    text: String,
}

/// The image that a line names.
pub(super) struct Row {
    /// Where it lies, inside the dataset's image folder.
    pub(super) path: String,
    /// Its class, counted from 0.
    pub(super) label: usize,
    /// Its class's name.
    pub(super) class_name: String,
}

impl<'a> TextList<'a> {
    /// Reads the file; `hint` is for whoever does not have it.
    pub(super) fn open(
        dir: &'a DatasetDir<'a>,
        name: &'static str,
        hint: &str,
    ) -> Result<Self, DatasetError> {
        Ok(TextList { dir, name, text: dir.read_text(name, hint)? })
    }

    /// Hands every line's number and text to `take` and reports all faults that it finds.
    pub(super) fn for_each(
        &self,
        mut take: impl FnMut(usize, &str) -> Result<(), String>,
    ) -> Result<(), DatasetError> {
        let mut faults = Faults::default();
        for (number, line) in (1..).zip(self.text.lines()) {
            if let Err(fault) = take(number, line.trim()) {
                faults.push(format!("line {number}: {fault}"));
            }
        }
        faults.or_else(self.dir.id(), &self.dir.join(self.name), ())
    }

    /// Reads an image from every line.
    pub(super) fn examples(
        &self,
        ledger: &mut Ledger,
        read: impl Fn(&str) -> Result<Row, String>,
    ) -> Result<Vec<Example>, DatasetError> {
        let mut examples = Vec::new();
        self.for_each(|number, line| {
            let Row { path, label, class_name } = read(line)?;
            let example = Example { index: examples.len(), path, label, class_name };
            ledger.admit(&example, &format!("`{}` line {number}", self.name))?;
            examples.push(example);
            Ok(())
        })?;
        Ok(examples)
    }
}

/// Reads a list for training and validation, which CoOp splits, and one for the test.
pub(super) fn read_split_lists(
    dir: &DatasetDir,
    [trainval, test]: [&'static str; 2],
    hint: &str,
    mut ledger: Ledger,
    read: impl Fn(&str) -> Result<Row, String>,
) -> Result<ClassesAndLists, DatasetError> {
    let trainval_path = dir.join(trainval);
    let trainval = TextList::open(dir, trainval, hint)?.examples(&mut ledger, &read)?;
    let test = TextList::open(dir, test, hint)?.examples(&mut ledger, &read)?;
    let mut faults = Faults::default();
    let read = split_lists(trainval, test, ledger, &mut faults);
    faults.or_else(dir.id(), &trainval_path, read)
}

/// Reads a class that is counted from 1.
pub(super) fn read_class_number(text: &str) -> Result<usize, String> {
    let number = text.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
    number.ok_or_else(|| format!("found the class `{text}`, expected a number from 1"))
}
