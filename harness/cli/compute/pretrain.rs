//! `tiny pretrain`: a tiny model, from nothing.

use std::path::Path;

use anyhow::Context;
use clsrl_lab::pretrain::{PretrainSettings, pretrain};
use clsrl_libtorch::set_num_threads;
use clsrl_vlm::Family;

use crate::{
    cache::cache_dir, exit::Exit, options::PretrainOptions, output::print, progress::Detail,
};

/// How often a step is reported where there is no bar.
const STEPS_PER_LINE: usize = 50;

/// Pre-trains a tiny model and prints its folder. In the user's cache it is made once.
pub fn pretrain_model(options: &PretrainOptions, detail: Detail) -> anyhow::Result<Exit> {
    let dir = match &options.to {
        Some(dir) => {
            make(options, dir, detail)?;
            dir.clone()
        }
        None => {
            let PretrainOptions { family, seed, steps, batch, threads, .. } = options;
            let name = format!("{family}-seed{seed}-{steps}x{batch}-threads{threads}");
            let cache = cache_dir()
                .context("there is no folder for tiny models\nhint: give one with --to DIR")?;
            let dir = cache.join("tiny").join(name);
            // The weights are written last.
            if !dir.join("model.safetensors").is_file() {
                make(options, &dir, detail)?;
            }
            dir
        }
    };
    print(&format!("{}\n", dir.display()))?;
    Ok(Exit::Ok)
}

fn make(options: &PretrainOptions, dir: &Path, detail: Detail) -> anyhow::Result<()> {
    let settings = PretrainSettings {
        family: Family::of_model_type(&options.family).context("there is no such family")?,
        seed: options.seed,
        n_steps: options.steps,
        batch: options.batch,
    };
    let n_threads = i32::try_from(options.threads).context("there are too many threads")?;
    set_num_threads(n_threads);
    let bar = detail.count("pre-training, loss -", options.steps);
    let trained = pretrain(&settings, dir, &mut |step| {
        bar.set_message(format!("pre-training, loss {:.3}", step.loss));
        bar.inc(1);
        if detail == Detail::Lines && step.step % STEPS_PER_LINE == 0 {
            detail.say(&format!("step {} of {}, loss {:.4}", step.step, options.steps, step.loss));
        }
    });
    bar.finish_and_clear();
    trained.with_context(|| format!("cannot pre-train into `{}`", dir.display()))
}
