//! `bench`: how fast steps and answers are, as JSON in the timing peers' form.

mod measured;
mod input;

use std::{fs, num::NonZero, path::Path, thread, time::Instant};

use anyhow::{Context, anyhow};
use clsrl_engine::{
    Init, Model, Precision, parse_device, set_num_threads,
    speed::{EvalBench, GrpoBench, SftBench, Shapes, probe, qwen2_vl_2b},
};
use serde_json::{Value, json};

use self::measured::Timings;
pub use self::measured::program;
use super::{environment, trial::open_backend};
use crate::{
    args::{BenchEvalArgs, BenchGrpoArgs, BenchModelArgs, BenchSftArgs, BenchVerb, Dtype, Labels},
    device::Device,
    exit::Exit,
    hub,
    output::print,
    progress::Detail,
};

/// Placeholders and frame of a picture leave a prompt this much text at least.
const LEAST_TEXT: usize = 4;

/// Times what is asked for, and prints JSON.
pub fn bench(verb: &BenchVerb, detail: Detail) -> anyhow::Result<Exit> {
    environment::become_as_a_trial()?;
    let (json, json_out) = match verb {
        BenchVerb::Grpo(args) => (grpo(args, detail)?, &args.model.json_out),
        BenchVerb::Sft(args) => (sft(args, detail)?, &args.model.json_out),
        BenchVerb::Eval(args) => (eval(args, detail)?, &args.model.json_out),
        BenchVerb::Input(args) => (input::input(args)?, &args.json_out),
    };
    let text = format!("{json:#}\n");
    if let Some(path) = json_out {
        fs::write(path, &text).with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    print(&text)?;
    Ok(Exit::Ok)
}

fn grpo(args: &BenchGrpoArgs, detail: Detail) -> anyhow::Result<Value> {
    let mut loaded = Loaded::new(&args.model, detail)?;
    let bench = GrpoBench {
        shapes: shapes(&args.model, args.steps, &loaded.model)?,
        generations: args.num_generations,
        prompts_per_step: args.accum,
        micro_batch: args.micro_batch.unwrap_or(args.accum),
        learning_rate: args.lr,
        beta: args.beta,
    };
    let measured = bench.run(&mut loaded.model)?;
    let told = Timings::new(&measured, loaded.probes());
    let shown = json!({
        "num_generations": args.num_generations,
        "accum": args.accum,
        "micro_batch": bench.micro_batch,
        "lr": args.lr,
        "beta": args.beta,
        "steps": args.steps,
    });
    Ok(loaded.about(&args.model, shown, told.grpo(&bench)))
}

fn sft(args: &BenchSftArgs, detail: Detail) -> anyhow::Result<Value> {
    let mut loaded = Loaded::new(&args.model, detail)?;
    let bench = SftBench {
        shapes: shapes(&args.model, args.steps, &loaded.model)?,
        examples_per_step: args.accum,
        micro_batch: args.micro_batch.unwrap_or(args.accum),
        learning_rate: args.lr,
        completion_alone: args.labels == Labels::Completion,
    };
    let measured = bench.run(&mut loaded.model)?;
    let told = Timings::new(&measured, loaded.probes());
    let shown = json!({
        "accum": args.accum,
        "micro_batch": bench.micro_batch,
        "lr": args.lr,
        "labels": if bench.completion_alone { "completion" } else { "all" },
        "steps": args.steps,
    });
    Ok(loaded.about(&args.model, shown, told.sft(&bench)))
}

fn eval(args: &BenchEvalArgs, detail: Detail) -> anyhow::Result<Value> {
    let loaded = Loaded::new(&args.model, detail)?;
    let bench = EvalBench {
        shapes: shapes(&args.model, args.steps, &loaded.model)?,
        batch: args.batch,
        spread: args.spread,
    };
    let measured = bench.run(&loaded.model)?;
    let told = Timings::new(&measured, loaded.probes());
    let shown = json!({ "batch": args.batch, "spread": args.spread, "steps": args.steps });
    Ok(loaded.about(&args.model, shown, told.eval(&bench)))
}

fn shapes(args: &BenchModelArgs, steps: usize, model: &Model) -> anyhow::Result<Shapes> {
    let shapes = Shapes {
        image_side: args.image_size,
        prompt_tokens: args.prompt_tokens,
        completion_tokens: args.completion_tokens,
        warmup: args.warmup,
        steps,
        seed: args.seed,
    };
    let least = shapes.n_features(model.config())? + LEAST_TEXT;
    if args.prompt_tokens < least {
        let found = args.prompt_tokens;
        return Err(Exit::Usage.because(anyhow!(
            "--prompt-tokens: expected at least {least} for a picture of this size, found {found}"
        )));
    }
    Ok(shapes)
}

/// A model with how it was loaded.
struct Loaded {
    model: Model,
    load_s: f64,
    threads: usize,
}

impl Loaded {
    fn new(args: &BenchModelArgs, detail: Detail) -> anyhow::Result<Self> {
        let name = args.device.to_string();
        open_backend(&name)?;
        let threads = args.threads.unwrap_or_else(all_threads);
        set_num_threads(i32::try_from(threads).context("there are too many threads")?);
        let device = parse_device(&name).map_err(|error| Exit::Usage.because(error))?;
        let precision = precision_of(args.dtype, &args.device);
        let started = Instant::now();
        let model = match &args.weights.model {
            Some(given) => Model::load(&hub::dir_of(given)?, device, precision)?,
            None => {
                detail.say("drawing random weights");
                let config = qwen2_vl_2b(args.layers, args.vision_layers)?;
                Model::random(config, &Init { seed: args.seed }, device).with_precision(precision)
            }
        };
        Ok(Loaded { model, load_s: started.elapsed().as_secs_f64(), threads })
    }

    fn probes(&self) -> clsrl_engine::speed::Probes {
        probe(self.model.device(), self.model.precision())
    }

    /// Puts arguments and place before what was measured.
    fn about(&self, args: &BenchModelArgs, shown: Value, measured: Value) -> Value {
        let mut shown = shown;
        let weights: Option<&Path> = args.weights.model.as_deref();
        merge(
            &mut shown,
            json!({
                "model": weights.map(|dir| dir.display().to_string()),
                "random_2b": args.weights.random_2b,
                "layers": args.layers,
                "vision_layers": args.vision_layers,
                "device": args.device.to_string(),
                "image_size": args.image_size,
                "prompt_tokens": args.prompt_tokens,
                "completion_tokens": args.completion_tokens,
                "warmup": args.warmup,
                "seed": args.seed,
                "threads": args.threads,
            }),
        );
        let parameters = self.model.named_parameters();
        let n_parameters: usize = parameters.iter().map(|(_, tensor)| tensor.numel()).sum();
        let mut about = json!({
            "args": shown,
            "program": measured::program(),
            "torch": clsrl_engine::libtorch_version(),
            "dtype": match self.model.precision() {
                Precision::Float32 => "torch.float32",
                Precision::Bfloat16 => "torch.bfloat16",
            },
            "device": clsrl_engine::describe_device(self.model.device()),
            "processor": measured::processor(),
            "threads": self.threads,
            "parameters": n_parameters,
            "load_s": self.load_s,
        });
        merge(&mut about, measured);
        about
    }
}

/// The precision that is asked for.
pub fn precision_of(dtype: Dtype, device: &Device) -> Precision {
    match (dtype, device.kind()) {
        (Dtype::Bf16, _) | (Dtype::Auto, "cuda") => Precision::Bfloat16,
        _ => Precision::Float32,
    }
}

/// All threads of the machine.
pub fn all_threads() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// Adds the entries of an object to another one.
fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}
