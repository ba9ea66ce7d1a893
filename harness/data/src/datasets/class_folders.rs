//! Datasets whose classes are folders. Where there are no lists either, CoOp's shares make them.

use std::collections::BTreeMap;

use super::{
    DatasetError, Example, Faults, coop_split::split_in_three, dataset_dir::DatasetDir,
    lists::ClassesAndLists,
};

/// The images' names by folder, both in byte order.
pub(super) type ImagesByFolder = BTreeMap<String, Vec<String>>;

/// Class folders and what CoOp makes of their names; labels follow the byte order of the folders.
pub(super) struct ClassFolders {
    /// The folder that holds them.
    pub(super) folder: &'static str,
    /// Folders that are no class.
    pub(super) ignored: &'static [&'static str],
    /// Class names that differ from their folder's.
    pub(super) renamed: &'static [(&'static str, &'static str)],
    /// For whoever does not have them.
    pub(super) hint: &'static str,
}

impl ClassFolders {
    /// Lists the folders and splits their images into 50 %, 20 % and 30 %.
    pub(super) fn read(&self, dir: &DatasetDir) -> Result<ClassesAndLists, DatasetError> {
        let mut faults = Faults::default();
        let (mut images, strays) = list_classes(dir, self.folder, self.hint, &mut faults)?;
        images.retain(|folder, _| !self.ignored.contains(&folder.as_str()));
        for stray in strays {
            faults.push(format!("found the file `{stray}`, expected one folder per class"));
        }
        if images.is_empty() {
            faults.push("found no folder, expected one per class".to_owned());
        }
        let class_names: Vec<String> = images.keys().map(|folder| self.name_of(folder)).collect();
        let classes = images.iter().zip(&class_names).enumerate();
        let classes = classes
            .map(|(label, ((folder, files), name))| examples(folder, files, label, name))
            .collect();
        let [train, val, test] = split_in_three(classes, &class_names, &mut faults);
        let read = ClassesAndLists { class_names, train, val, test };
        faults.or_else(dir.id(), &dir.join(self.folder), read)
    }

    fn name_of(&self, folder: &str) -> String {
        let renamed = self.renamed.iter().find(|(from, _)| *from == folder);
        renamed.map_or(folder, |(_, to)| to).to_owned()
    }
}

/// Lists the folders in `parent` with their images, and the names of what is no folder.
pub(super) fn list_classes(
    dir: &DatasetDir,
    parent: &str,
    hint: &str,
    faults: &mut Faults,
) -> Result<(ImagesByFolder, Vec<String>), DatasetError> {
    let top = dir.list(parent, hint, faults)?;
    let mut images = ImagesByFolder::new();
    for folder in top.folders {
        let inside = dir.list(&format!("{parent}/{folder}"), hint, faults)?;
        for stray in &inside.folders {
            faults.push(format!("found the folder `{folder}/{stray}`, expected images only"));
        }
        images.insert(folder, inside.files);
    }
    Ok((images, top.files))
}

fn examples(folder: &str, files: &[String], label: usize, class_name: &str) -> Vec<Example> {
    let example = |(index, file)| Example {
        index,
        path: format!("{folder}/{file}"),
        label,
        class_name: class_name.to_owned(),
    };
    files.iter().enumerate().map(example).collect()
}
