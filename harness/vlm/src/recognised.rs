//! What a model directory was recognised as, without reading its weights.

use std::path::Path;

use crate::{
    checkpoint::read_headers, config::Config, error::VlmError, generation_config::GenerationConfig,
    layout::layout,
};

/// A model directory whose files all fit: how they were written.
#[derive(Debug)]
pub struct Recognised {
    /// What the model is.
    pub config: Config,
    /// How its answers end.
    pub generation: GenerationConfig,
    /// Config, names and kinds of the weights, in a few words.
    pub weights: String,
}

/// Checks `config.json`, `generation_config.json` and the names and shapes of every tensor.
///
/// # Errors
///
/// Those of loading the model, but for what only the numbers can show.
pub fn recognise(dir: &Path) -> Result<Recognised, VlmError> {
    let config = Config::from_dir(dir)?;
    let headers = read_headers(dir, &layout(&config))?;
    let generation = GenerationConfig::from_dir(dir)?;
    generation.check_padding(dir, &config)?;
    let files = match headers.n_files {
        1 => "1 file".to_owned(),
        n => format!("{n} files"),
    };
    let kinds: Vec<String> = headers.kinds.into_iter().collect();
    let weights = format!(
        "config {}; {} tensors of {} in {files}, named {}; {}",
        config.form().describe(),
        headers.n_tensors,
        kinds.join(" and "),
        headers.names,
        if config.tie_word_embeddings { "tied embeddings" } else { "a head of its own" },
    );
    Ok(Recognised { config, generation, weights })
}
