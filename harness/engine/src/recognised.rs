//! Whether a model directory can be used at all, checked before anything is trained or answered.

use std::path::Path;

use clsrl_data::{
    image::{Processor, ProcessorForm},
    text::TextTokenizer,
};
use clsrl_vlm::{Config, Recognised, recognise};

use crate::EngineError;

/// Checks config, names and shapes of every tensor, tokenizer and image processor of a model directory, and that they
/// are of one model; no weights are read. Returns how its files were written, in one line.
///
/// # Errors
///
/// Everything that is wrong, one error for each part.
pub fn recognise_model(dir: &Path) -> Result<String, Vec<EngineError>> {
    let model = recognise(dir).map_err(EngineError::from);
    let tokenizer = TextTokenizer::from_dir(dir).map_err(EngineError::from);
    let processor = Processor::recognise(dir).map_err(EngineError::from);
    match (model, tokenizer, processor) {
        (Ok(model), Ok(tokenizer), Ok((processor, form))) => {
            let problems = misfits(&model.config, &tokenizer, &processor);
            if problems.is_empty() {
                return Ok(describe(&model, &tokenizer, form));
            }
            Err(vec![EngineError::Misfit { dir: dir.to_owned(), problems }])
        }
        (model, tokenizer, processor) => {
            let errors = [model.err(), tokenizer.err(), processor.err()];
            Err(errors.into_iter().flatten().collect())
        }
    }
}

fn describe(model: &Recognised, tokenizer: &TextTokenizer, form: ProcessorForm) -> String {
    let penalty = match model.generation.repetition_penalty {
        1.0 => String::new(),
        penalty => format!("; repetition_penalty {penalty}"),
    };
    format!(
        "{}; {} tokens; image processor from {form}{penalty}",
        model.weights,
        tokenizer.n_tokens()
    )
}

/// What one file says otherwise than another.
fn misfits(config: &Config, tokenizer: &TextTokenizer, processor: &Processor) -> Vec<String> {
    let mut problems = Vec::new();
    let mut hold = |what: &str, found: Option<i64>, expected: i64| {
        if found != Some(expected) {
            let found = found.map_or_else(|| "none".to_owned(), |found| found.to_string());
            problems
                .push(format!("{what}: expected {expected}, as config.json says, found {found}"));
        }
    };
    for (token, expected) in [
        ("<|image_pad|>", config.image_token_id),
        ("<|vision_start|>", config.vision_start_token_id),
    ] {
        let id = tokenizer.token_id(token).ok();
        hold(&format!("id of `{token}` in the tokenizer"), id, expected);
    }
    let vision = &config.vision_config;
    for (key, found, expected) in [
        ("patch_size", processor.patch_size, vision.patch_size),
        ("merge_size", processor.merge_size, vision.spatial_merge_size),
        ("temporal_patch_size", processor.temporal_patch_size, vision.temporal_patch_size),
    ] {
        hold(&format!("`{key}` of the image processor"), i64::try_from(found).ok(), expected);
    }
    for token in ["<|im_start|>", "<|im_end|>", "<|endoftext|>"] {
        if tokenizer.token_id(token).is_err() {
            problems.push(format!("the tokenizer has no token `{token}`"));
        }
    }
    problems
}
