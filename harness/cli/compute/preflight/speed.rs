//! How long a step of each method and an answered image take, at a suite's shapes.

use std::collections::BTreeMap;

use clsrl_data::{
    datasets::Dataset,
    image::Processor,
    prompts,
    text::{TextTokenizer, expand_image_tokens},
};
use clsrl_lab::speed::{EvalBench, GrpoBench, Measured, SftBench, Shapes};
use clsrl_spec::{CellKey, MethodId, Training, Trial};
use clsrl_vlm::Model;
use serde_json::{Value, json};

use crate::{
    inputs::Inputs,
    progress::Detail,
    request::Request,
    work::{n_evaluation_images, n_steps, n_training_images},
};

/// Tokens of a label, as an SFT example has it: a class name and its tags.
const LABEL_TOKENS: usize = 16;

/// Steps before the one that is timed: the first one loads kernels.
const WARMUP: usize = 1;

/// What was timed.
#[derive(Debug, Default)]
pub struct Speeds {
    /// By method, then the evaluation.
    pub rows: Vec<Speed>,
    /// Methods that were not timed, with the reason.
    pub left_out: Vec<String>,
    /// The most memory of the device: tensors on a GPU, the process on a CPU.
    pub peak_bytes: u64,
    /// Tokens of the longest prompt, image tokens included.
    pub prompt_tokens: usize,
}

/// One thing that a suite does often.
#[derive(Debug)]
pub struct Speed {
    /// What it is.
    pub what: String,
    /// Seconds of one.
    pub seconds: f64,
    /// How often the selection does it.
    pub n: usize,
}

impl Speeds {
    /// Seconds of everything, one trial after another.
    pub fn seconds(&self) -> f64 {
        self.rows.iter().map(|row| row.seconds * row.n as f64).sum()
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let row = |row: &Speed| json!({ "what": row.what, "seconds": row.seconds, "n": row.n });
        json!({
            "rows": self.rows.iter().map(row).collect::<Vec<_>>(),
            "left_out": self.left_out,
            "peak_bytes": self.peak_bytes,
            "prompt_tokens": self.prompt_tokens,
            "seconds": self.seconds(),
        })
    }

    fn add(&mut self, what: String, measured: &Measured, n_per_step: usize, n: usize) {
        let total: f64 = measured.steps.iter().map(|step| step.total).sum();
        let seconds = total / (measured.steps.len() * n_per_step) as f64;
        let peak = measured.peak_allocated_bytes.unwrap_or(measured.peak_resident_bytes);
        self.peak_bytes = self.peak_bytes.max(peak);
        self.rows.push(Speed { what, seconds, n });
    }
}

/// Times a batch of answers and a step of every method that the selection trains with.
pub fn measure(
    request: &Request,
    inputs: &Inputs,
    model: &mut Model,
    detail: Detail,
) -> anyhow::Result<Speeds> {
    let longest = longest_prompt(request, inputs)?;
    let mut shapes = Shapes {
        image_side: longest.image_side,
        prompt_tokens: longest.n_tokens,
        completion_tokens: LABEL_TOKENS,
        warmup: WARMUP,
        steps: 1,
        seed: 1,
    };
    let mut speeds = Speeds { prompt_tokens: longest.n_tokens, ..Speeds::default() };
    let mut methods: BTreeMap<MethodId, Vec<&Trial>> = BTreeMap::new();
    for trial in &request.trials {
        methods.entry(trial.method).or_default().push(trial);
    }
    if let Some(trial) = request.trials.first() {
        detail.say("timing a batch of answers");
        shapes.completion_tokens = trial.evaluation.max_new_tokens;
        let bench = EvalBench { shapes, batch: trial.evaluation.batch, spread: 0.0 };
        let n: usize =
            request.trials.iter().map(|trial| n_evaluation_images(trial, Some(inputs))).sum();
        speeds.add("images answered".to_owned(), &bench.run(model)?, bench.batch, n);
    }
    for (method, trials) in methods {
        let training = &trials[0].training;
        if let Training::None = training {
            continue;
        }
        if request.suite.protocol.lora.is_some() {
            speeds.left_out.push(format!("{method} with LoRA"));
            continue;
        }
        detail.say(&format!("timing a step of {method}"));
        let steps = |trial: &&Trial| n_steps(trial, n_training_images(trial, Some(inputs)));
        let n: usize = trials.iter().map(steps).sum();
        let measured = time_step(training, shapes, model)?;
        speeds.add(format!("steps of {method}"), &measured, 1, n);
    }
    Ok(speeds)
}

/// Trains some steps; the weights that come out are nobody's.
fn time_step(training: &Training, shapes: Shapes, model: &mut Model) -> anyhow::Result<Measured> {
    Ok(match training {
        Training::None => Measured::default(),
        Training::Sft(settings) => SftBench {
            shapes: Shapes { completion_tokens: LABEL_TOKENS, ..shapes },
            examples_per_step: settings.duration.prompts_per_step,
            micro_batch: settings.micro_batch,
            spread: 0.0,
            learning_rate: settings.optimizer.learning_rate,
            completion_alone: false,
        }
        .run(model)?,
        Training::Grpo(settings) => GrpoBench {
            shapes: Shapes { completion_tokens: settings.max_new_tokens, ..shapes },
            generations: settings.generations,
            prompts_per_step: settings.duration.prompts_per_step,
            micro_batch: settings.micro_batch,
            spread: 0.0,
            learning_rate: settings.optimizer.learning_rate,
            beta: settings.beta,
        }
        .run(model)?,
    })
}

/// The longest of a suite's prompts.
struct Longest {
    n_tokens: usize,
    /// The side of a square with as many pixels as its image has.
    image_side: usize,
}

/// Renders the first prompt of every cell, and takes the longest.
fn longest_prompt(request: &Request, inputs: &Inputs) -> anyhow::Result<Longest> {
    let image = &request.suite.protocol.image;
    let processor =
        Processor::from_dir(&inputs.model_dir)?.with_pixels(image.min_pixels, image.max_pixels);
    let tokenizer = TextTokenizer::from_dir(&inputs.model_dir)?;
    let mut cells: BTreeMap<CellKey, &Trial> = BTreeMap::new();
    for trial in &request.trials {
        for cell in trial.cells() {
            cells.entry(cell).or_insert(trial);
        }
    }
    let mut longest = Longest { n_tokens: 0, image_side: 0 };
    for (cell, trial) in cells {
        let dataset: &Dataset = &inputs.datasets[&cell.target];
        let split = trial.evaluation.split_of(cell.target);
        let questions = prompts::questions(&request.suite.protocol, dataset, cell.form);
        let Some(example) = questions.view().evaluated(split, None).first().copied() else {
            continue;
        };
        let question = questions.ask(split.as_str(), example);
        let asked = prompts::evaluation_prompt(&trial.protocol, cell, &question);
        let rgb = processor.load_rgb(&dataset.image_path(example)?, image.evaluation())?;
        let patches = processor.load(&dataset.image_path(example)?, image.evaluation())?;
        let ids = expand_image_tokens(
            &tokenizer.encode(&asked.conversation),
            tokenizer.token_id("<|image_pad|>")?,
            &[processor.n_features(&patches)],
        )?;
        if longest.n_tokens < ids.len() {
            let n_pixels = f64::from(rgb.width) * f64::from(rgb.height);
            longest = Longest { n_tokens: ids.len(), image_side: n_pixels.sqrt().round() as usize };
        }
    }
    Ok(longest)
}
