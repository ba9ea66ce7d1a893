//! `bench input`: images' files to patches.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clsrl_data::image::Processor;
use clsrl_lab::speed::{ImageBench, processor_of, read_images};
use clsrl_vlm::Config;
use serde_json::{Value, json};

use crate::{
    compute::machine::{all_threads, describe_processor, describe_program},
    exit::Exit,
    options::{InputBenchOptions, RANDOM_2B},
};

/// What is taken for an image, by the end of its name.
const ENDINGS: [&str; 3] = ["jpg", "jpeg", "png"];

/// Times the input path.
pub fn input(options: &InputBenchOptions) -> anyhow::Result<Value> {
    let mut paths = Vec::new();
    find_images(&options.images, &mut paths)?;
    paths.sort();
    if paths.is_empty() {
        let dir = options.images.display();
        return Err(Exit::NothingSelected
            .because(anyhow!("`{dir}` holds no images, expected files in {ENDINGS:?}")));
    }
    let processor = match &options.model {
        Some(dir) => Processor::from_dir(dir)?,
        None => processor_of(&Config::published(RANDOM_2B).expect("its shapes are known")),
    };
    let threads = options.threads.unwrap_or_else(all_threads);
    let (order, warmup, steps) = (options.order, options.warmup, options.steps);
    let bench = ImageBench { paths, order, threads, warmup, steps };
    let speed = read_images(&processor, &bench)?;
    let n = bench.paths.len();
    let mean = speed.seconds.iter().sum::<f64>() / speed.seconds.len() as f64;
    Ok(json!({
        "args": {
            "pictures": options.images.display().to_string(),
            "order": options.order.to_string(),
            "warmup": options.warmup,
            "steps": options.steps,
            "threads": options.threads,
        },
        "program": describe_program(),
        "processor": describe_processor(),
        "threads": threads,
        "pictures": n,
        "patches": speed.n_patches,
        "steps": speed.seconds.iter().map(|s| json!({ "step": s })).collect::<Vec<_>>(),
        "seconds_per_pass": { "step": mean },
        "images_per_s": n as f64 / mean,
        "ms_per_image": 1000.0 * mean / n as f64,
    }))
}

fn find_images(dir: &Path, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let unreadable = || format!("cannot read the folder `{}`", dir.display());
    for entry in dir.read_dir().with_context(unreadable)? {
        let entry = entry.with_context(unreadable)?;
        let path = entry.path();
        if entry.file_type().with_context(unreadable)?.is_dir() {
            find_images(&path, found)?;
            continue;
        }
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        if ENDINGS.contains(&ending.to_ascii_lowercase().as_str()) {
            found.push(path);
        }
    }
    Ok(())
}
