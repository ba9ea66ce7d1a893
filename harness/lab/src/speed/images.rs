//! The input path alone: images' files to patches, on a number of threads.

use std::{path::PathBuf, time::Instant};

use clsrl_data::image::{ImageError, Processor};
use clsrl_spec::ImagePath;
use rayon::{ThreadPoolBuilder, prelude::*};

/// What is read, how, and how often.
#[derive(Debug, Clone)]
pub struct ImageBench {
    /// The images' files.
    pub paths: Vec<PathBuf>,
    /// The order of conversion and resizing.
    pub order: ImagePath,
    /// Threads.
    pub threads: usize,
    /// Passes over all images that are not counted.
    pub warmup: usize,
    /// Passes that are counted.
    pub steps: usize,
}

/// Seconds of each counted pass, and what it came to.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageSpeed {
    /// Seconds of each pass over all images.
    pub seconds: Vec<f64>,
    /// Patches of one pass.
    pub n_patches: usize,
}

/// Reads all images again and again. Panics if threads cannot be started.
pub fn read_images(processor: &Processor, bench: &ImageBench) -> Result<ImageSpeed, ImageError> {
    let pool = ThreadPoolBuilder::new()
        .num_threads(bench.threads)
        .build()
        .expect("the system starts some threads");
    let mut speed = ImageSpeed { seconds: Vec::new(), n_patches: 0 };
    for pass in 0..bench.warmup + bench.steps {
        let started = Instant::now();
        let load = |path: &PathBuf| {
            let patches = processor.load(path, bench.order)?;
            Ok::<usize, ImageError>(patches.grid_thw.iter().product())
        };
        let n_patches = pool.install(|| bench.paths.par_iter().map(load).sum::<Result<_, _>>())?;
        if bench.warmup <= pass {
            speed.seconds.push(started.elapsed().as_secs_f64());
            speed.n_patches = n_patches;
        }
    }
    Ok(speed)
}
