//! The class names that an audit goes through.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow};
use clsrl_files::limit;
use clsrl_spec::DatasetId;

use crate::{exit::Exit, inputs::open_dataset};

type Named = (DatasetId, Vec<String>);

/// Reads the names of the datasets that were asked for, or of all that the folder has, in table order.
pub fn read_class_names(
    data: Option<&Path>,
    class_names: Option<&Path>,
    datasets: &[DatasetId],
) -> anyhow::Result<Vec<Named>> {
    let (dir, is_there, read): (&Path, fn(DatasetId, &Path) -> bool, _) = match (data, class_names)
    {
        (Some(dir), _) => (dir, |id, dir| dir.join(id.folder()).is_dir(), from_lists as Read),
        (None, Some(dir)) => (dir, |id, dir| name_file(id, dir).is_file(), from_file as Read),
        (None, None) => {
            return Err(Exit::Usage.because(anyhow!(
                "there are no class names to audit\nhint: give the datasets' folder with --data \
                     DIR, or a folder of files such as `dtd.txt` with --class-names DIR"
            )));
        }
    };
    if !dir.is_dir() {
        return Err(Exit::Usage.because(anyhow!("there is no folder `{}`", dir.display())));
    }
    let asked: BTreeSet<DatasetId> = match datasets.is_empty() {
        true => DatasetId::ALL.into_iter().filter(|&id| is_there(id, dir)).collect(),
        false => datasets.iter().copied().collect(),
    };
    if asked.is_empty() {
        return Err(
            Exit::Usage.because(anyhow!("`{}` has none of the eleven datasets", dir.display()))
        );
    }
    asked.into_iter().map(|id| Ok((id, read(id, dir)?))).collect()
}

type Read = fn(DatasetId, &Path) -> anyhow::Result<Vec<String>>;

fn from_lists(id: DatasetId, data_dir: &Path) -> anyhow::Result<Vec<String>> {
    Ok(open_dataset(id, data_dir, None)?.class_names)
}

fn from_file(id: DatasetId, dir: &Path) -> anyhow::Result<Vec<String>> {
    let path = name_file(id, dir);
    let shown = path.display();
    let text = clsrl_files::read_to_string(&path, limit::LIST)
        .with_context(|| format!("cannot read the class names `{shown}`"))
        .map_err(|error| Exit::Usage.because(error))?;
    if text.starts_with('\u{feff}') {
        let fault = "begins with a byte order mark, expected plain UTF-8";
        return Err(Exit::Usage.because(anyhow!("`{shown}` {fault}")));
    }
    let names: Vec<String> = text.lines().map(str::to_owned).collect();
    if let Some(empty) = names.iter().position(|name| name.trim().is_empty()) {
        let line = empty + 1;
        return Err(Exit::Usage.because(anyhow!("`{shown}` has no class name on line {line}")));
    }
    if names.len() < 2 {
        let n = names.len();
        let fault = anyhow!("`{shown}` has {n} class names, expected two or more");
        return Err(Exit::Usage.because(fault));
    }
    Ok(names)
}

fn name_file(id: DatasetId, dir: &Path) -> PathBuf {
    dir.join(format!("{id}.txt"))
}
