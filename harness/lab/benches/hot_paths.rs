//! How fast the hot paths of training and evaluation are: prefill, decoding, the shared-prefix update, log-probabilities.
//!
//! `cargo bench -p clsrl-lab [-- FILTER]`. Two decoder layers and two vision blocks of Qwen2-VL-2B with its
//! whole vocabulary, random weights, prompts of 330 tokens with an image of 384 × 384, all threads of a CPU. From
//! files to patches: `cargo bench -p clsrl-data`. Whole steps against transformers: `harness/scripts/bench-peer`.

use std::{num::NonZero, thread, time::Duration};

use clsrl_engine::{
    evaluate::complete,
    loss::{Group, GrpoLoss},
    reference::Reference,
};
use clsrl_lab::speed::{Shapes, random_prompts};
use clsrl_libtorch::set_num_threads;
use clsrl_vlm::{Config, GenerationConfig, Init, Model, Precision, Prompt, backward_log_probs};
use criterion::{BenchmarkId, Criterion, Throughput};
use tch::{Device, Kind, Tensor};

const N_PROMPTS: usize = 2;
const N_NEW: usize = 8;

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(5))
        .configure_from_args();
    set_num_threads(thread::available_parallelism().map_or(1, NonZero::get) as i32);
    let config = Config::published_with("Qwen2-VL-2B-Instruct", Some(2), Some(2))
        .expect("its shapes are known")
        .expect("the config is a sound one");
    let shapes = Shapes {
        image_side: 384,
        prompt_tokens: 330,
        completion_tokens: N_NEW,
        warmup: 0,
        steps: 1,
        seed: 0,
    };
    let prompts =
        random_prompts(&config, shapes, N_PROMPTS).expect("the image fits into its prompt");
    let mut model = Model::random(config, &Init { seed: 0 }, Device::Cpu);
    for precision in [Precision::Float32, Precision::Bfloat16] {
        model.set_trainable(true);
        model = model.with_precision(precision);
        let frozen = model.frozen_copy(false);
        bench_answers(&mut criterion, &frozen, &prompts);
        bench_log_probs(&mut criterion, &model);
        bench_update(&mut criterion, &model, &frozen, &prompts);
    }
    criterion.final_summary();
}

/// Prompts to their first token, and to eight more.
fn bench_answers(criterion: &mut Criterion, model: &Model, prompts: &[Prompt]) {
    let prompts: Vec<&Prompt> = prompts.iter().collect();
    let mut group = criterion.benchmark_group("answers");
    group.throughput(Throughput::Elements(N_PROMPTS as u64));
    for (what, n_new) in [("prefill", 1), ("prefill and 8 tokens", 1 + N_NEW)] {
        group.bench_function(BenchmarkId::new(what, kind(model)), |bencher| {
            bencher.iter(|| complete(model, &prompts, n_new, &GenerationConfig::endless()));
        });
    }
    group.finish();
}

/// Scored tokens from their hidden states, forward and backward.
fn bench_log_probs(criterion: &mut Criterion, model: &Model) {
    const N_SCORED: i64 = 64;
    let width = model.config().hidden_size;
    let values = match model.precision() {
        Precision::Float32 => Kind::Float,
        Precision::Bfloat16 => Kind::BFloat16,
    };
    let hidden = Tensor::ones([N_SCORED, width], (values, Device::Cpu)).set_requires_grad(true);
    let sum = |_, log_probs: &Tensor| log_probs.sum(Kind::Float);
    let targets = Tensor::arange(N_SCORED, (Kind::Int64, Device::Cpu));
    let mut group = criterion.benchmark_group("log-probabilities");
    group.throughput(Throughput::Elements(N_SCORED as u64));
    group.bench_function(BenchmarkId::new("64 tokens, both passes", kind(model)), |bencher| {
        bencher.iter(|| backward_log_probs(model, &hidden, &targets, sum));
    });
    group.finish();
}

/// Forward and backward pass of groups that share their prompts, with the reference's forward pass.
fn bench_update(criterion: &mut Criterion, model: &Model, reference: &Model, prompts: &[Prompt]) {
    let mut group = criterion.benchmark_group("shared-prefix update");
    for generations in [1, 4, 16] {
        group.throughput(Throughput::Elements((N_PROMPTS * generations) as u64));
        let groups: Vec<Group> = prompts
            .iter()
            .map(|prompt| Group {
                prompt,
                name: None,
                completions: vec![(1..=N_NEW as i64).collect(); generations],
                advantages: vec![0.5; generations],
            })
            .collect();
        let what = format!("G = {generations}");
        group.bench_function(BenchmarkId::new(what, kind(model)), |bencher| {
            bencher.iter(|| {
                let reference = Some(Reference::of(reference));
                let loss = GrpoLoss { policy: model, reference, beta: 0.04, pad_id: 0 };
                loss.accumulate(&groups, 1.0).expect("the prompts are sound")
            });
        });
    }
    group.finish();
}

fn kind(model: &Model) -> &'static str {
    match model.precision() {
        Precision::Float32 => "fp32",
        Precision::Bfloat16 => "bf16",
    }
}
