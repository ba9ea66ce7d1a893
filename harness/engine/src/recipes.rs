//! The prompt recipes beside a checkpoint: one file for each cell that its weights were evaluated on.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use clsrl_data::prompts::PromptRecipe;
use clsrl_files::limit;
use serde::{Deserialize, Serialize};

use crate::{EngineError, sealed};

/// The version of the format; raised by every change of it.
const VERSION: u32 = 1;

/// The folder of them in a checkpoint.
const FOLDER: &str = "prompts";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    version: u32,
    /// The id of the fine-tune's identity.
    training_id: String,
    recipe: PromptRecipe,
}

/// Keeps how a cell asks beside the weights of a fine-tune.
pub(crate) fn keep(
    checkpoint: &Path,
    training_id: &str,
    recipe: PromptRecipe,
) -> Result<(), EngineError> {
    let dir = checkpoint.join(FOLDER);
    let path = dir.join(format!("{}.json", recipe.cell));
    let training_id = training_id.to_owned();
    let text = sealed::to_line(&Kept { version: VERSION, training_id, recipe });
    fs::create_dir_all(&dir)
        .and_then(|()| clsrl_files::replace(&path, text.as_bytes()))
        .map_err(|source| EngineError::State { path, source })
}

/// Reads how the cells of a fine-tune ask, in the order of their names; empty where nothing is kept, as by programs that
/// kept no recipes.
///
/// # Errors
///
/// A folder that cannot be read, and a recipe that is damaged, of another fine-tune or of a newer program.
pub fn prompt_recipes(
    checkpoint: &Path,
    training_id: &str,
) -> Result<Vec<PromptRecipe>, EngineError> {
    let dir = checkpoint.join(FOLDER);
    let read_error = |source| EngineError::Read { path: dir.clone(), source };
    let entries = match fs::read_dir(&dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(read_error)?,
    };
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in entries {
        let path = entry.map_err(read_error)?.path();
        // A temporary name that was left behind has another end.
        if path.extension().is_some_and(|end| end == "json") {
            paths.push(path);
        }
    }
    paths.sort();
    let read = |path: PathBuf| {
        read_one(&path, training_id).map_err(|problem| EngineError::Recipe { path, problem })
    };
    paths.into_iter().map(read).collect()
}

fn read_one(path: &Path, training_id: &str) -> Result<PromptRecipe, String> {
    let bytes = clsrl_files::read(path, limit::RECORD).map_err(|error| error.to_string())?;
    let Kept { version, training_id: found, recipe } = sealed::parse(&bytes)?;
    if version != VERSION {
        return Err(format!("expected version {VERSION}, found {version}"));
    }
    if found != training_id {
        return Err(format!("it is of fine-tune {found}, the checkpoint of {training_id}"));
    }
    recipe.check()?;
    Ok(recipe)
}
