//! A GPU's way through prompts, padded behind and by fused kernels, equals a CPU's, padded in front and written out.

use clsrl_vlm::{Grid, Model, PadSide, Prompt, token_log_probs};
use tch::{Device, Kind, Tensor, no_grad};

use crate::{golden::max_difference, tiny};

/// Rounding of float32 sums in another order, relative to the largest number.
const TOLERANCE: f64 = 1e-6;

/// Two ids behind each prompt, the second of which nothing is computed for.
const COMPLETIONS: [[i64; 3]; 2] = [[5, 6, 7], [8, 9, 10]];

fn assert_equal(what: &str, found: &Tensor, expected: &Tensor) {
    let largest = f64::try_from(expected.abs().max()).unwrap();
    let difference = max_difference(found, expected);
    assert!(difference <= TOLERANCE * (1.0 + largest), "{what}: off by {difference:e}");
}

/// Images of several sizes, of one size, none, and two in one prompt.
fn batches() -> [Vec<Prompt>; 4] {
    let same = || vec![tiny::prompt(3, 9, 4, 6), tiny::prompt(31, 4, 4, 6)];
    let both = {
        let (first, second) = (tiny::prompt(3, 4, 4, 2), tiny::prompt(9, 5, 2, 4));
        Prompt {
            ids: [&first.ids[..], &second.ids].concat(),
            pixels: Tensor::cat(&[&first.pixels, &second.pixels], 0),
            grids: [&first.grids[..], &second.grids].concat::<Grid>(),
        }
    };
    let text = vec![tiny::prompt(11, 4, 0, 0), tiny::prompt(7, 12, 0, 0)];
    [tiny::prompts(), same(), text, vec![both, tiny::prompt(20, 5, 2, 2)]]
}

/// Features of the images, states of the real tokens and of two suffixes, and all gradients of a loss of these.
fn computed(prompts: &[Prompt], side: PadSide, fuses: bool) -> Vec<(String, Tensor)> {
    let mut model = tiny::model().with_fused_attention(fuses);
    model.set_trainable(true);
    let batch = tiny::batch(prompts, side);
    let mut found = Vec::new();
    if !batch.grids.is_empty() {
        let features = no_grad(|| model.encode_images(&batch.pixels, &batch.grids));
        found.push(("features".to_owned(), features));
    }
    let places = batch.mask.flatten(0, 1).nonzero().squeeze_dim(1);
    let hidden = model.hidden(&batch).flatten(0, 1).index_select(0, &places);
    let prefill = model.prefill(&batch);
    let ids = Tensor::from_slice2(&COMPLETIONS).repeat([prompts.len() as i64, 1]);
    let suffixes = model.continue_with(&prefill, &ids);
    let targets = Tensor::ones([suffixes.size()[0] * 3], (Kind::Int64, Device::Cpu));
    let scored = token_log_probs(&model, &suffixes.flatten(0, 1), &targets);
    (scored.sum(Kind::Float) + hidden.square().mean(Kind::Float)).backward();
    found.push(("prompts".to_owned(), hidden.detach()));
    found.push(("suffixes".to_owned(), suffixes.detach()));
    let gradients = model.named_parameters().into_iter().map(|(name, leaf)| (name, leaf.grad()));
    found.extend(gradients.filter(|(_, gradient)| gradient.defined()));
    found
}

fn assert_all_equal(found: &[(String, Tensor)], expected: &[(String, Tensor)]) {
    assert_eq!(found.len(), expected.len());
    for ((name, found), (_, expected)) in found.iter().zip(expected) {
        assert_equal(name, found, expected);
    }
}

#[test]
fn right_padded_prompts_by_fused_kernels_equal_left_padded_ones() {
    for prompts in batches() {
        let expected = computed(&prompts, PadSide::Left, false);
        assert_all_equal(&computed(&prompts, PadSide::Right, true), &expected);
        // Where padding stands in front, a mask is needed and no kernel is used.
        assert_all_equal(&computed(&prompts, PadSide::Left, true), &expected);
    }
}

#[test]
fn a_fused_batch_of_n_equals_n_of_one() {
    let model: Model = tiny::model().with_fused_attention(true);
    for prompts in batches() {
        no_grad(|| {
            let together = model.prefill(&tiny::batch(&prompts, PadSide::Right)).last_hidden;
            for (row, prompt) in prompts.iter().enumerate() {
                let alone = tiny::batch(std::slice::from_ref(prompt), PadSide::Right);
                let alone = model.prefill(&alone).last_hidden.get(0);
                assert_equal("last state", &together.get(row as i64), &alone);
            }
        });
    }
}
