//! `bench`: how fast steps and answers are, as JSON in the timing peers' form.

mod measured;
mod input;

use std::time::Instant;

use anyhow::{Context, anyhow};
use clsrl_engine::machine::describe_device;
use clsrl_lab::speed::{EvalBench, GrpoBench, Probes, SftBench, Shapes, probe};
use clsrl_libtorch::set_num_threads;
use clsrl_vlm::{
    Config, Init, Model, Precision,
    device::{libtorch_version, parse_device},
};
use serde_json::{Value, json};

use self::measured::{Timings, merge};
use super::{
    environment,
    machine::{all_threads, describe_processor, describe_program, precision_of},
    trial::open_backend,
};
use crate::{
    exit::Exit,
    hub,
    options::{
        BenchOptions, EvalBenchOptions, GrpoBenchOptions, ModelBenchOptions, RANDOM_2B,
        SftBenchOptions, Weights,
    },
    output::print,
    output_files::write_file,
    progress::Detail,
};

/// Placeholders and frame of an image leave a prompt this much text at least.
const LEAST_TEXT: usize = 4;

/// Times what is asked for, and prints JSON.
pub fn bench(options: &BenchOptions, detail: Detail) -> anyhow::Result<Exit> {
    environment::become_as_a_trial()?;
    let (json, json_out) = match options {
        BenchOptions::Grpo(options) => (grpo(options, detail)?, &options.model.json_out),
        BenchOptions::Sft(options) => (sft(options, detail)?, &options.model.json_out),
        BenchOptions::Eval(options) => (eval(options, detail)?, &options.model.json_out),
        BenchOptions::Input(options) => (input::input(options)?, &options.json_out),
    };
    let text = format!("{json:#}\n");
    if let Some(path) = json_out {
        write_file(path, &text)?;
    }
    print(&text)?;
    Ok(Exit::Ok)
}

fn grpo(options: &GrpoBenchOptions, detail: Detail) -> anyhow::Result<Value> {
    let mut loaded = Loaded::new(&options.model, detail)?;
    let bench = GrpoBench {
        shapes: shapes(&options.model, options.steps, &loaded.model)?,
        generations: options.generations,
        prompts_per_step: options.accumulation,
        micro_batch: options.micro_batch,
        spread: options.spread,
        learning_rate: options.learning_rate,
        beta: options.beta,
    };
    let measured = bench.run(&mut loaded.model)?;
    let timings = Timings::new(&measured, loaded.probes());
    let shown = json!({
        "num_generations": options.generations,
        "accum": options.accumulation,
        "micro_batch": bench.micro_batch,
        "spread": bench.spread,
        "lr": options.learning_rate,
        "beta": options.beta,
        "steps": options.steps,
    });
    Ok(loaded.about(&options.model, shown, timings.grpo(&bench)))
}

fn sft(options: &SftBenchOptions, detail: Detail) -> anyhow::Result<Value> {
    let mut loaded = Loaded::new(&options.model, detail)?;
    let bench = SftBench {
        shapes: shapes(&options.model, options.steps, &loaded.model)?,
        examples_per_step: options.accumulation,
        micro_batch: options.micro_batch,
        spread: options.spread,
        learning_rate: options.learning_rate,
        completion_alone: options.completion_alone,
    };
    let measured = bench.run(&mut loaded.model)?;
    let timings = Timings::new(&measured, loaded.probes());
    let shown = json!({
        "accum": options.accumulation,
        "micro_batch": bench.micro_batch,
        "spread": bench.spread,
        "lr": options.learning_rate,
        "labels": if bench.completion_alone { "completion" } else { "all" },
        "steps": options.steps,
    });
    Ok(loaded.about(&options.model, shown, timings.sft(&bench)))
}

fn eval(options: &EvalBenchOptions, detail: Detail) -> anyhow::Result<Value> {
    let loaded = Loaded::new(&options.model, detail)?;
    let bench = EvalBench {
        shapes: shapes(&options.model, options.steps, &loaded.model)?,
        batch: options.batch,
        spread: options.spread,
    };
    let measured = bench.run(&loaded.model)?;
    let timings = Timings::new(&measured, loaded.probes());
    let shown = json!({ "batch": options.batch, "spread": options.spread, "steps": options.steps });
    Ok(loaded.about(&options.model, shown, timings.eval(&bench)))
}

fn shapes(options: &ModelBenchOptions, steps: usize, model: &Model) -> anyhow::Result<Shapes> {
    let shapes = Shapes {
        image_side: options.image_size,
        prompt_tokens: options.prompt_tokens,
        completion_tokens: options.completion_tokens,
        warmup: options.warmup,
        steps,
        seed: options.seed,
    };
    let least = shapes.n_features(model.config())? + LEAST_TEXT;
    if options.prompt_tokens < least {
        let found = options.prompt_tokens;
        return Err(Exit::Usage.because(anyhow!(
            "--prompt-tokens: expected at least {least} for an image of this size, found {found}"
        )));
    }
    Ok(shapes)
}

/// The shapes of a published model.
fn published(
    name: &str,
    layers: Option<usize>,
    vision_layers: Option<usize>,
) -> anyhow::Result<Config> {
    let Some(config) = Config::published_with(name, layers, vision_layers) else {
        let known: Vec<&str> = Config::published_names().collect();
        return Err(Exit::Usage.because(anyhow!(
            "--random: the shapes of `{name}` are not known\nhint: known are {}",
            known.join(", ")
        )));
    };
    config.map_err(|error| Exit::Usage.because(error))
}

/// A model with how it was loaded.
struct Loaded {
    model: Model,
    load_s: f64,
    threads: usize,
}

impl Loaded {
    fn new(options: &ModelBenchOptions, detail: Detail) -> anyhow::Result<Self> {
        let name = options.device.to_string();
        open_backend(&name)?;
        let threads = options.threads.unwrap_or_else(all_threads);
        set_num_threads(i32::try_from(threads).context("there are too many threads")?);
        let device = parse_device(&name).map_err(|error| Exit::Usage.because(error))?;
        let precision = precision_of(options.dtype, &options.device);
        let started = Instant::now();
        let model = match options.weights {
            Weights::Model(ref given) => Model::load(&hub::dir_of(given)?, device, precision)?,
            Weights::Random { ref shapes, layers, vision_layers } => {
                detail.say("drawing random weights");
                let config = published(shapes, layers, vision_layers)?;
                Model::random(config, &Init { seed: options.seed }, device)
                    .with_precision(precision)
            }
        };
        Ok(Loaded { model, load_s: started.elapsed().as_secs_f64(), threads })
    }

    fn probes(&self) -> Probes {
        probe(self.model.device(), self.model.precision())
    }

    /// Puts arguments and place before what was measured.
    fn about(&self, options: &ModelBenchOptions, shown: Value, measured: Value) -> Value {
        let mut shown = shown;
        let (given, random, layers, vision_layers) = match &options.weights {
            Weights::Model(given) => (Some(given.display().to_string()), None, None, None),
            Weights::Random { shapes, layers, vision_layers } => {
                (None, Some(shapes), *layers, *vision_layers)
            }
        };
        merge(
            &mut shown,
            json!({
                "model": given,
                "random": random,
                "random_2b": random.is_some_and(|shapes| shapes == RANDOM_2B),
                "layers": layers,
                "vision_layers": vision_layers,
                "device": options.device.to_string(),
                "image_size": options.image_size,
                "prompt_tokens": options.prompt_tokens,
                "completion_tokens": options.completion_tokens,
                "warmup": options.warmup,
                "seed": options.seed,
                "threads": options.threads,
            }),
        );
        let parameters = self.model.named_parameters();
        let n_parameters: usize = parameters.iter().map(|(_, tensor)| tensor.numel()).sum();
        let mut about = json!({
            "args": shown,
            "program": describe_program(),
            "torch": libtorch_version(),
            "dtype": match self.model.precision() {
                Precision::Float32 => "torch.float32",
                Precision::Bfloat16 => "torch.bfloat16",
            },
            "device": describe_device(self.model.device()),
            "processor": describe_processor(),
            "threads": self.threads,
            "parameters": n_parameters,
            "load_s": self.load_s,
        });
        merge(&mut about, measured);
        about
    }
}
