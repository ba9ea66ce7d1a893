//! Pre-trains the tiny model that is committed with the project.
//!
//! `cargo run --example pretrain_tiny -p clsrl-engine -- --out DIR --seed N --steps N --threads N`

use std::{collections::BTreeMap, error::Error, path::Path, time::Instant};

use clsrl_engine::pretrain::{PretrainSettings, pretrain};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let mut arguments = BTreeMap::new();
    for pair in words.chunks(2) {
        let [name, value] = pair else { return Err(format!("`{}` has no value", pair[0]).into()) };
        arguments.insert(name.as_str(), value.as_str());
    }
    let argument =
        |name| arguments.get(name).copied().ok_or_else(|| format!("`{name}` is missing"));
    let settings = PretrainSettings {
        seed: argument("--seed")?.parse()?,
        n_steps: argument("--steps")?.parse()?,
        batch: 64,
    };
    tch::set_num_threads(argument("--threads")?.parse()?);
    let start = Instant::now();
    pretrain(&settings, Path::new(argument("--out")?), &mut |step| {
        if step.step % 10 == 0 || step.step == 1 {
            eprintln!(
                "step {:5} of {}  {:5}  loss {:.4}  grad norm {:.3}  rate {:.2e}  {:.1} s",
                step.step,
                settings.n_steps,
                if step.is_long { "long" } else { "short" },
                step.loss,
                step.grad_norm,
                step.learning_rate,
                start.elapsed().as_secs_f64()
            );
        }
    })?;
    Ok(())
}
