//! FGVC-Aircraft's own lists, at variant level: `variants.txt` (a line's number is the label) and
//! `images_variant_{train,val,test}.txt` (`<image id> <variant>`).

use std::{collections::BTreeMap, fs, path::Path};

use clsrl_spec::DatasetId;

use super::{
    DatasetError, Example, Faults,
    dataset::{ClassesAndLists, path_fault},
};

const ID: DatasetId = DatasetId::FgvcAircraft;

const HINT: &str = "it is in the folder `data` of fgvc-aircraft-2013b.tar.gz \
     (https://www.robots.ox.ac.uk/~vgg/data/fgvc-aircraft/), which CoOp renames to `fgvc_aircraft`";

/// Reads the four lists.
pub(super) fn read(dir: &Path) -> Result<ClassesAndLists, DatasetError> {
    let class_names = read_variants(&dir.join("variants.txt"))?;
    let labels = class_names.iter().enumerate().map(|(label, name)| (name.as_str(), label));
    let labels: BTreeMap<&str, usize> = labels.collect();
    let list = |split| read_list(&dir.join(format!("images_variant_{split}.txt")), &labels);
    let (train, val, test) = (list("train")?, list("val")?, list("test")?);
    Ok(ClassesAndLists { class_names, train, val, test })
}

fn read_variants(path: &Path) -> Result<Vec<String>, DatasetError> {
    let text = read_text(path)?;
    let mut faults = Faults::default();
    let mut first_lines = BTreeMap::new();
    let mut names = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let name = line.trim();
        if name.is_empty() {
            faults.push(format!("line {number}: found nothing, expected a variant's name"));
        } else if let Some(first) = first_lines.insert(name, number) {
            faults.push(format!(
                "line {number}: found `{name}` again, expected it on line {first} only"
            ));
        }
        names.push(name.to_owned());
    }
    if names.is_empty() {
        faults.push("found no line, expected a variant's name on each".to_owned());
    }
    faults.or_else(ID, path, names)
}

fn read_list(path: &Path, labels: &BTreeMap<&str, usize>) -> Result<Vec<Example>, DatasetError> {
    let text = read_text(path)?;
    let mut faults = Faults::default();
    let mut examples = Vec::new();
    for (index, line) in text.lines().enumerate() {
        match read_line(index, line, labels) {
            Ok(example) => examples.push(example),
            Err(fault) => faults.push(format!("line {}: {fault}", index + 1)),
        }
    }
    faults.or_else(ID, path, examples)
}

fn read_line(index: usize, line: &str, labels: &BTreeMap<&str, usize>) -> Result<Example, String> {
    let Some((image_id, name)) = line.trim().split_once(' ') else {
        return Err(format!("found `{line}`, expected an image id, a blank and a variant"));
    };
    let Some(&label) = labels.get(name) else {
        return Err(format!("found the variant `{name}`, expected one of variants.txt"));
    };
    if let Some(fault) = path_fault(image_id) {
        return Err(format!("found an image id that {fault}, `{image_id}`, expected digits"));
    }
    Ok(Example { index, path: format!("{image_id}.jpg"), label, class_name: name.to_owned() })
}

fn read_text(path: &Path) -> Result<String, DatasetError> {
    fs::read_to_string(path).map_err(|source| DatasetError::io(ID, path, source, HINT.to_owned()))
}
