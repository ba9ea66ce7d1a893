//! Seeds name weights and samples.

use clsrl_vlm::{Completion, Decoding, Init, Model, PadSide, Prompt, Sampling, generate};
use tch::{Device, Kind, no_grad};

use crate::{golden::max_difference, tiny};

const SAMPLING: Decoding = Decoding::Sample(Sampling { temperature: 1.5, top_k: 40, top_p: 0.95 });

fn sample(model: &Model, prompts: &[Prompt], stop_ids: &[i64], seeds: &[u64]) -> Vec<Completion> {
    let prefill = no_grad(|| model.prefill(&tiny::batch(prompts, PadSide::Left)));
    generate(model, &prefill, &SAMPLING, 12, stop_ids, seeds).unwrap().completions
}

#[test]
fn the_same_seed_makes_the_same_model() {
    let make = |seed| Model::random(tiny::config(), &Init { seed }, Device::Cpu);
    let (first, again, other) = (make(1), make(1), make(2));
    let pairs = first.named_parameters().into_iter().zip(again.named_parameters());
    for ((name, first), (_, again)) in pairs {
        assert_eq!(first, again, "{name}");
    }
    let matrix = |model: &Model| model.named_parameters().remove(0).1;
    assert_ne!(matrix(&first), matrix(&other));
}

#[test]
fn new_weights_have_the_spread_that_they_should() {
    for (name, tensor) in tiny::model().named_parameters() {
        let wide = tensor.to_kind(Kind::Double);
        let mean = f64::try_from(wide.mean(Kind::Double)).unwrap();
        let (expected_mean, expected_std) = match name.as_str() {
            name if name.ends_with("bias") => (0.0, 0.0),
            name if name.contains("norm") || name.contains("ln_q") => (1.0, 0.0),
            "model.embed_tokens.weight" => (0.0, 0.02),
            _ => (0.0, 0.05), // 1 / √(inputs) is above it for every matrix of this model
        };
        let std = f64::try_from(wide.std(false)).unwrap();
        // Five standard errors of the smallest matrix (256 values).
        assert!((mean - expected_mean).abs() <= expected_std * 0.32, "{name}: mean {mean}");
        assert!((std - expected_std).abs() <= expected_std * 0.23, "{name}: spread {std}");
    }
}

#[test]
fn the_same_seeds_sample_the_same_and_others_do_not() {
    let model = tiny::model();
    let prompts = tiny::prompts();
    let first = sample(&model, &prompts, &[], &[1, 2, 3, 4]);
    assert_eq!(first, sample(&model, &prompts, &[], &[1, 2, 3, 4]));
    let other = sample(&model, &prompts, &[], &[1, 2, 3, 5]);
    assert_eq!(first[..3], other[..3]);
    assert_ne!(first[3], other[3]);
}

#[test]
fn what_a_row_samples_does_not_depend_on_the_others() {
    let model = tiny::model();
    let prompts = tiny::prompts();
    // A fifth of the vocabulary stops: rows end, and leave the batch, at different steps.
    let stop_ids: Vec<i64> = (0..12).collect();
    let together = sample(&model, &prompts, &stop_ids, &[1, 2, 3, 4]);
    for (row, prompt) in prompts.chunks(1).enumerate() {
        assert_eq!(sample(&model, prompt, &stop_ids, &[row as u64 + 1])[0], together[row]);
    }
    let lengths: Vec<usize> = together.iter().map(|completion| completion.ids.len()).collect();
    assert!(lengths.iter().any(|&length| length != lengths[0]), "{lengths:?}");
}

#[test]
fn rows_of_one_prompt_sample_as_they_do_alone() {
    let model = tiny::model();
    let prompts = tiny::prompts();
    let stop_ids: Vec<i64> = (0..12).collect();
    let seeds: Vec<u64> = (1..13).collect(); // three rows for each of four prompts
    let together = sample(&model, &prompts, &stop_ids, &seeds);
    for (row, seed) in seeds.iter().enumerate() {
        let alone = sample(&model, &prompts[row / 3..row / 3 + 1], &stop_ids, &[*seed]);
        assert_eq!(alone[0], together[row], "row {row}");
    }
}

/// As a GPU decodes: several tokens before any is read, prompts beside their rows' tokens.
#[test]
fn tokens_that_are_read_several_at_a_time_are_those_that_are_read_one_by_one() {
    // More than are read at a time, and more than a cache has room for at first.
    let max_new_tokens = 70;
    let greedy = (Decoding::Greedy, vec![0; 4]);
    let penalised = (Decoding::Penalised(1.3), vec![0; 4]);
    let drawn = (SAMPLING, (1..13).collect());
    let prompts = tiny::prompts();
    for (decoding, seeds) in [greedy, penalised, drawn] {
        for side in [PadSide::Left, PadSide::Right] {
            for n_stops in [0, 4, 12] {
                let answer = |is_ahead: bool| {
                    let model = tiny::model().with_decoding_ahead(is_ahead);
                    let model = model.with_joint_layers(is_ahead).frozen_copy(false);
                    let prefill = no_grad(|| model.prefill(&tiny::batch(&prompts, side)));
                    let stop_ids: Vec<i64> = (0..n_stops).collect();
                    generate(&model, &prefill, &decoding, max_new_tokens, &stop_ids, &seeds)
                        .unwrap()
                };
                let (one_by_one, ahead) = (answer(false), answer(true));
                assert_eq!(ahead.completions, one_by_one.completions, "{decoding:?}, {n_stops}");
                match (ahead.mean_entropy, one_by_one.mean_entropy) {
                    (Some(ahead), Some(expected)) => assert!((ahead - expected).abs() < 1e-6),
                    (ahead, expected) => assert_eq!(ahead, expected),
                }
            }
        }
    }
}

/// Where logits tie, and of more words than are looked at: these are drawn from all.
#[test]
fn a_draw_among_many_ties_is_that_of_all_logits() {
    let mut config = tiny::config();
    config.vocab_size = 300;
    let prompts = &tiny::prompts()[..1];
    let decoding = Decoding::Sample(Sampling { temperature: 1.0, top_k: 20, top_p: 1.0 });
    let answer = |is_ahead: bool, is_flat: bool| {
        let model = Model::random(config.clone(), &Init { seed: 3 }, Device::Cpu);
        let model = model.with_decoding_ahead(is_ahead);
        let norm =
            model.named_parameters().into_iter().find(|(name, _)| name == "model.norm.weight");
        let mut norm = norm.unwrap().1;
        no_grad(|| drop(norm.g_mul_scalar_(if is_flat { 0.0 } else { 30.0 })));
        let prefill = no_grad(|| model.prefill(&tiny::batch(prompts, PadSide::Right)));
        let seeds: Vec<u64> = (0..50).collect();
        generate(&model, &prefill, &decoding, 40, &[], &seeds).unwrap().completions
    };
    for is_flat in [false, true] {
        assert_eq!(answer(true, is_flat), answer(false, is_flat), "flat: {is_flat}");
    }
}

#[test]
fn a_completion_ends_with_its_first_stop_token_or_at_the_limit() {
    let stop_ids: Vec<i64> = (0..12).collect();
    for completion in sample(&tiny::model(), &tiny::prompts(), &stop_ids, &[5, 6, 7, 8]) {
        let stop = completion.ids.iter().position(|id| stop_ids.contains(id));
        assert_eq!(completion.stopped, stop.is_some());
        assert_eq!(completion.ids.len(), stop.map_or(12, |idx| idx + 1));
    }
}

#[test]
fn weights_do_not_depend_on_where_gradients_are_wanted() {
    let (plain, mut trainable) = (tiny::model(), tiny::model());
    trainable.set_trainable(true);
    let batch = tiny::batch(&tiny::prompts(), PadSide::Left);
    let (plain, trained) = (plain.hidden(&batch), trainable.hidden(&batch));
    assert!(trained.requires_grad() && !plain.requires_grad());
    assert!(max_difference(&trained, &plain) == 0.0);
    trainable.set_trainable(false);
    assert!(!trainable.hidden(&batch).requires_grad());
}
