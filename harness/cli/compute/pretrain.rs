//! `tiny pretrain`: the tiny model, from nothing.

use anyhow::Context;
use clsrl_lab::pretrain::{PretrainSettings, pretrain};
use clsrl_libtorch::set_num_threads;

use crate::{exit::Exit, options::PretrainOptions, output::print, progress::Detail};

/// How often a step is reported where there is no bar.
const STEPS_PER_LINE: usize = 50;

/// Pre-trains the tiny model and prints its folder.
pub fn pretrain_model(options: &PretrainOptions, detail: Detail) -> anyhow::Result<Exit> {
    let settings =
        PretrainSettings { seed: options.seed, n_steps: options.steps, batch: options.batch };
    let n_threads = i32::try_from(options.threads).context("there are too many threads")?;
    set_num_threads(n_threads);
    let bar = detail.count("pre-training, loss -", options.steps);
    let trained = pretrain(&settings, &options.to, &mut |step| {
        bar.set_message(format!("pre-training, loss {:.3}", step.loss));
        bar.inc(1);
        if detail == Detail::Lines && step.step % STEPS_PER_LINE == 0 {
            detail.say(&format!("step {} of {}, loss {:.4}", step.step, options.steps, step.loss));
        }
    });
    bar.finish_and_clear();
    trained.with_context(|| format!("cannot pre-train into `{}`", options.to.display()))?;
    print(&format!("{}\n", options.to.display()))?;
    Ok(Exit::Ok)
}
