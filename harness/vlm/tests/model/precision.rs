//! bf16 computes near float32, and frozen copies compute the same as their origin.

use clsrl_vlm::{Batch, Init, Model, PadSide, Precision};
use tch::{Device, Kind, Tensor, no_grad};

use crate::{
    golden::{assert_close, max_difference},
    tiny,
};

fn logits(model: &Model, batch: &Batch) -> Tensor {
    no_grad(|| model.logits(&model.hidden(batch)))
}

fn bf16_model() -> Model {
    tiny::model().with_precision(Precision::Bfloat16)
}

#[test]
fn bf16_stays_near_float32() {
    let batch = tiny::batch(&tiny::prompts(), PadSide::Right);
    let (wide, narrow) = (logits(&tiny::model(), &batch), logits(&bf16_model(), &batch));
    assert_eq!(narrow.kind(), Kind::Float);
    let difference = max_difference(&narrow, &wide);
    // Eight bits of mantissa, through two layers; logits are of size 0.5.
    assert!(0.0 < difference && difference < 0.03, "off by {difference:e}");
}

#[test]
fn frozen_copies_compute_the_same() {
    let batch = tiny::batch(&tiny::prompts(), PadSide::Left);
    for model in [tiny::model(), bf16_model()] {
        for deep in [false, true] {
            let copy = model.frozen_copy(deep);
            assert_close("frozen copy", &logits(&copy, &batch), &logits(&model, &batch), 0.0);
        }
    }
}

#[test]
fn a_shallow_copy_follows_its_origin_and_a_deep_one_does_not() {
    let mut model = tiny::model();
    model.set_trainable(true);
    let (shallow, deep) = (model.frozen_copy(false), model.frozen_copy(true));
    no_grad(|| {
        for (_, mut leaf) in model.named_parameters() {
            let _ = leaf.g_add_scalar_(0.25);
        }
    });
    let both = shallow.named_parameters().into_iter().zip(deep.named_parameters());
    for ((name, leaf), ((_, shallow), (_, deep))) in model.named_parameters().iter().zip(both) {
        assert_close(name, &shallow, leaf, 0.0);
        assert!(0.2 < max_difference(&deep, leaf), "{name} followed");
        assert!(leaf.requires_grad() && !shallow.requires_grad() && !deep.requires_grad());
    }
}

#[test]
fn bf16_training_gives_float32_gradients_to_every_leaf() {
    let mut model = bf16_model();
    model.set_trainable(true);
    let batch = tiny::batch(&tiny::prompts(), PadSide::Left);
    model.logits(&model.hidden(&batch)).square().sum(Kind::Float).backward();
    for (name, leaf) in model.named_parameters() {
        assert_eq!(leaf.kind(), Kind::Float, "{name}");
        let gradient = leaf.grad();
        assert!(gradient.defined() && gradient.kind() == Kind::Float, "{name}");
    }
}

/// The gradients of every leaf after backward passes over some batches, through `model`, into `leaves`.
fn gradients(leaves: &Model, model: &Model, batches: &[Batch]) -> Vec<(String, Tensor)> {
    for batch in batches {
        model.logits(&model.hidden(batch)).square().mean(Kind::Float).backward();
    }
    let taken = |(name, mut leaf): (String, Tensor)| {
        let gradient = leaf.grad().copy();
        leaf.zero_grad();
        (name, gradient)
    };
    leaves.named_parameters().into_iter().map(taken).collect()
}

#[test]
fn recomputed_layers_give_the_same_gradients() {
    let batches = || [tiny::batch(&tiny::prompts(), PadSide::Left)];
    let trainable = |precision: Precision| {
        let mut model = tiny::model().with_precision(precision);
        model.set_trainable(true);
        model
    };
    // The sum over images of several sizes is taken in another order, and in float32.
    for (precision, roundings) in [(Precision::Float32, 1e-6), (Precision::Bfloat16, 1.0 / 64.0)] {
        let (plain, again) =
            (trainable(precision), trainable(precision).with_gradient_checkpointing(true));
        let plain = gradients(&plain, &plain.working_copy(), &batches());
        let again = gradients(&again, &again.working_copy(), &batches());
        for ((name, plain), (_, again)) in plain.iter().zip(&again) {
            let largest = plain.abs().max().double_value(&[]);
            assert!(0.0 < largest, "{name} has no gradient");
            assert_close(name, again, plain, largest * roundings);
        }
    }
}

#[test]
fn a_working_copy_computes_the_same() {
    let batch = tiny::batch(&tiny::prompts(), PadSide::Left);
    for model in [tiny::model(), bf16_model()] {
        let copy = model.working_copy();
        assert_close("working copy", &logits(&copy, &batch), &logits(&model, &batch), 0.0);
    }
}

/// Joined layers: one product in place of several, the same numbers up to the order of sums.
#[test]
fn joint_layers_compute_the_same_and_every_leaf_gets_its_gradient() {
    for (precision, roundings) in [(Precision::Float32, 1e-5), (Precision::Bfloat16, 1.0 / 16.0)] {
        let trainable = |is_joint: bool| {
            let mut model = tiny::model().with_precision(precision).with_joint_layers(is_joint);
            model.set_trainable(true);
            model
        };
        // With padding on either side, packed or not, and continued.
        for side in [PadSide::Left, PadSide::Right] {
            let [apart, joint] = [false, true].map(|is_joint| {
                let model = trainable(is_joint);
                let batch = tiny::batch(&tiny::prompts(), side);
                let prefill = model.working_copy().frozen_copy(false).prefill(&batch);
                let logits = model.logits(&prefill.last_hidden);
                let continued = gradients(&model, &model.working_copy(), &[batch]);
                (logits, continued)
            });
            let tolerance = apart.0.abs().max().double_value(&[]) * roundings;
            assert_close("logits", &joint.0, &apart.0, tolerance);
            for ((name, apart), (_, joint)) in apart.1.iter().zip(&joint.1) {
                let largest = apart.abs().max().double_value(&[]);
                assert_close(name, joint, apart, largest * roundings);
            }
        }
    }
}

#[test]
fn passes_through_a_working_copy_add_up_in_float32() {
    let batches = || {
        let prompts = [tiny::prompts(), vec![tiny::prompt(40, 8, 2, 4)]];
        prompts.map(|prompts| tiny::batch(&prompts, PadSide::Left))
    };
    let mut model = bf16_model();
    model.set_trainable(true);
    let alone = batches().map(|batch| gradients(&model, &model.working_copy(), &[batch]));
    let per_use = gradients(&model, &model, &batches());
    let together = gradients(&model, &model.working_copy(), &batches());
    for (idx, (name, found)) in together.iter().enumerate() {
        assert_eq!(found.kind(), Kind::Float, "{name}");
        assert_close(name, found, &(&alone[0][idx].1 + &alone[1][idx].1), 0.0);
        // The sum over the uses of a weight in one pass, such as images of several sizes, has 8 bits.
        let largest = per_use[idx].1.abs().max().double_value(&[]);
        assert_close(name, found, &per_use[idx].1, largest / 64.0);
    }
}

#[test]
fn untied_heads_are_leaves_of_their_own() {
    let model = Model::random(tiny::untied_config(), &Init { seed: 1 }, Device::Cpu);
    let names: Vec<String> = model.named_parameters().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names.last().unwrap(), "lm_head.weight");
    assert!(tiny::model().named_parameters().iter().all(|(name, _)| name != "lm_head.weight"));
}
