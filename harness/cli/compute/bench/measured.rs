//! What was measured, in the timing peers' fields.

use clsrl_engine::profiler::{Phase, PhaseTimes};
use clsrl_lab::speed::{EvalBench, GrpoBench, Measured, Probes, SftBench};
use serde_json::{Map, Value, json};

const GIB: f64 = (1u64 << 30) as f64;

/// The peers' names of our phases.
const PHASES: [(Phase, &str); 6] = [
    (Phase::Preprocess, "preprocess"),
    (Phase::Prefill, "prefill"),
    (Phase::Decode, "decode"),
    (Phase::Reference, "ref_forward"),
    (Phase::Update, "update"),
    (Phase::Optimizer, "optimizer"),
];

/// What a bench measured, and what the device can do.
pub struct Timings<'a> {
    measured: &'a Measured,
    probes: Probes,
}

impl<'a> Timings<'a> {
    pub fn new(measured: &'a Measured, probes: Probes) -> Self {
        Timings { measured, probes }
    }

    pub fn grpo(&self, bench: &GrpoBench) -> Value {
        let shapes = &bench.shapes;
        let n_prompts = bench.prompts_per_step as f64;
        let n_rows = n_prompts * bench.generations as f64;
        let n_new = shapes.completion_tokens as f64;
        let generate = self.mean(Phase::Prefill) + self.mean(Phase::Decode);
        let n_trained = n_rows * (shapes.prompt_tokens as f64 + n_new);
        self.with_steps(
            "seconds_per_step",
            json!({
                "images_per_s": n_prompts / self.step(),
                "completions_per_s": n_rows / self.step(),
                "generated_tokens_per_s": n_rows * n_new / generate,
                "trained_tokens_per_s": n_trained / self.mean(Phase::Update),
                "decode_ms_per_token": 1000.0 * generate / n_prompts / n_new,
                "losses": self.measured.losses,
            }),
        )
    }

    pub fn sft(&self, bench: &SftBench) -> Value {
        let shapes = &bench.shapes;
        let n_examples = bench.examples_per_step as f64;
        let n_tokens = n_examples * (shapes.prompt_tokens + shapes.completion_tokens) as f64;
        self.with_steps(
            "seconds_per_step",
            json!({
                "images_per_s": n_examples / self.step(),
                "trained_tokens_per_s": n_tokens / self.mean(Phase::Update),
                "losses": self.measured.losses,
            }),
        )
    }

    pub fn eval(&self, bench: &EvalBench) -> Value {
        let batch = bench.batch as f64;
        let new_tokens = &self.measured.new_tokens;
        let n_new = new_tokens.iter().sum::<usize>() as f64 / new_tokens.len() as f64;
        let decode = self.mean(Phase::Decode);
        let generate = self.mean(Phase::Prefill) + decode;
        self.with_steps(
            "seconds_per_batch",
            json!({
                "new_tokens": new_tokens,
                "images_per_s": batch / self.step(),
                "generated_tokens_per_s": batch * n_new / generate,
                "decode_ms_per_token": 1000.0 * decode / (n_new - 1.0).max(1.0),
            }),
        )
    }

    fn with_steps(&self, mean_name: &str, rates: Value) -> Value {
        let steps: Vec<Value> = self.measured.steps.iter().map(seconds).collect();
        let mut json = json!({
            "steps": steps,
            "memory": self.memory(),
            "flops": self.flops(),
            "bytes": {
                "decode": self.measured.work.decode_bytes,
                "optimizer": self.measured.work.optimizer_bytes,
            },
            "probes": {
                "matmul_flops_per_s": self.probes.matmul_per_s,
                "copy_bytes_per_s": self.probes.copy_bytes_per_s,
            },
            "share_of_matmul_rate": self.shares(),
            "share_of_bandwidth": self.bandwidth_shares(),
        });
        json[mean_name] = mean(&steps);
        merge(&mut json, rates);
        json
    }

    fn memory(&self) -> Value {
        let gib = |bytes: u64| round3(bytes as f64 / GIB);
        let mut memory = json!({ "peak_rss_gib": gib(self.measured.peak_resident_bytes) });
        if let Some(bytes) = self.measured.peak_allocated_bytes {
            memory["peak_allocated_gib"] = json!(gib(bytes));
        }
        memory
    }

    fn flops(&self) -> Value {
        self.computed().into_iter().map(|(phase, flops)| (name(phase), json!(flops))).collect()
    }

    /// The phases that are made of products, with their operations.
    fn computed(&self) -> Vec<(Phase, f64)> {
        let work = &self.measured.work;
        let all = [
            (Phase::Prefill, work.prefill),
            (Phase::Decode, work.decode),
            (Phase::Reference, work.reference),
            (Phase::Update, work.update),
        ];
        all.into_iter().filter(|(phase, _)| 0.0 < self.mean(*phase)).collect()
    }

    fn shares(&self) -> Value {
        let share = |(phase, flops): (Phase, f64)| {
            (name(phase), json!(round3(flops / self.mean(phase) / self.probes.matmul_per_s)))
        };
        self.computed().into_iter().map(share).collect()
    }

    fn bandwidth_shares(&self) -> Value {
        let work = &self.measured.work;
        let all = [(Phase::Decode, work.decode_bytes), (Phase::Optimizer, work.optimizer_bytes)];
        let rate = self.probes.copy_bytes_per_s;
        let share = |(phase, bytes)| (name(phase), json!(round3(bytes / self.mean(phase) / rate)));
        all.into_iter().filter(|(phase, _)| 0.0 < self.mean(*phase)).map(share).collect()
    }

    /// Mean seconds of a phase.
    fn mean(&self, phase: Phase) -> f64 {
        self.mean_of(|times| times.of(phase))
    }

    fn step(&self) -> f64 {
        self.mean_of(|times| times.total)
    }

    fn mean_of(&self, seconds: impl Fn(&PhaseTimes) -> f64) -> f64 {
        let steps = &self.measured.steps;
        steps.iter().map(seconds).sum::<f64>() / steps.len() as f64
    }
}

/// Adds the entries of an object to another one.
pub fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}

fn name(phase: Phase) -> String {
    let found = PHASES.iter().find(|(named, _)| *named == phase);
    found.expect("every phase has a name").1.to_owned()
}

fn seconds(times: &PhaseTimes) -> Value {
    let mut seconds: Map<String, Value> =
        times.phases.iter().map(|(phase, s)| (name(*phase), json!(s))).collect();
    seconds
        .insert("generate".to_owned(), json!(times.of(Phase::Prefill) + times.of(Phase::Decode)));
    seconds.insert("step".to_owned(), json!(times.total));
    Value::Object(seconds)
}

fn mean(steps: &[Value]) -> Value {
    let Some(Value::Object(first)) = steps.first() else { return json!({}) };
    let of = |key: &String| {
        let sum: f64 = steps.iter().filter_map(|step| step[key].as_f64()).sum();
        (key.clone(), json!(sum / steps.len() as f64))
    };
    first.keys().map(of).collect()
}

fn round3(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}
