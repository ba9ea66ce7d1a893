//! Prefilled, extended, repeated and batched equals plain.

use clsrl_vlm::{Batch, Model, PadSide, Prompt, token_log_probs};
use tch::{Kind, Tensor, no_grad};

use crate::{
    golden::{assert_close, max_difference},
    tiny,
};

/// Rounding of float32 sums in another order.
const TOLERANCE: f64 = 2e-5;

/// Hidden states of the real tokens, one row after the other.
fn real_hidden(model: &Model, batch: &Batch) -> Tensor {
    model.hidden(batch).flatten(0, 1).index_select(0, &real_places(&batch.mask))
}

fn real_places(mask: &Tensor) -> Tensor {
    mask.flatten(0, 1).nonzero().squeeze_dim(1)
}

fn continued(prompt: &Prompt, ids: &[i64]) -> Prompt {
    Prompt {
        ids: [&prompt.ids, ids].concat(),
        pixels: prompt.pixels.shallow_clone(),
        grids: prompt.grids.clone(),
    }
}

fn check_batch_equals_singles(side: PadSide) {
    let model = tiny::model();
    let prompts = tiny::prompts();
    no_grad(|| {
        let singles: Vec<Tensor> = prompts
            .chunks(1)
            .map(|prompt| real_hidden(&model, &tiny::batch(prompt, side)))
            .collect();
        let together = real_hidden(&model, &tiny::batch(&prompts, side));
        assert_close("batch of n", &together, &Tensor::cat(&singles, 0), TOLERANCE);
    });
}

#[test]
fn a_left_padded_batch_equals_batches_of_one() {
    check_batch_equals_singles(PadSide::Left);
}

#[test]
fn a_right_padded_batch_equals_batches_of_one() {
    check_batch_equals_singles(PadSide::Right);
}

/// Two continuations behind each prompt, the second shorter.
fn check_continued_equals_plain(side: PadSide) {
    let model = tiny::model();
    let prompts = tiny::prompts();
    let ids = Tensor::arange(24, (Kind::Int64, tch::Device::Cpu)).view([8, 3]) + 3;
    no_grad(|| {
        let prefill = model.prefill(&tiny::batch(&prompts, side));
        assert_eq!(prefill.n_prompts(), 4);
        let found = model.continue_with(&prefill, &ids); // (8, 3, c)
        for row in 0..8 {
            let (prompt, n_real) = (&prompts[row as usize / 2], 3 - row % 2);
            let more: Vec<i64> = Vec::try_from(ids.get(row).narrow(0, 0, n_real)).unwrap();
            let plain = model.hidden(&tiny::batch(&[continued(prompt, &more)], side)).get(0);
            let n_prompt = prompt.ids.len() as i64;
            let found = found.get(row).narrow(0, 0, n_real);
            assert_close("continued", &found, &plain.narrow(0, n_prompt, n_real), TOLERANCE);
            let last = prefill.last_hidden.get(row / 2);
            assert_close("last token of the prompt", &last, &plain.get(n_prompt - 1), TOLERANCE);
        }
    });
}

#[test]
fn a_left_padded_prefill_continues_to_plain() {
    check_continued_equals_plain(PadSide::Left);
}

#[test]
fn a_right_padded_prefill_continues_to_plain() {
    check_continued_equals_plain(PadSide::Right);
}

#[test]
fn selected_prompts_continue_as_they_did_among_the_others() {
    let model = tiny::model();
    no_grad(|| {
        let prefill = model.prefill(&tiny::batch(&tiny::prompts(), PadSide::Left));
        let ids = Tensor::arange(8, (Kind::Int64, tch::Device::Cpu)).view([8, 1]) + 3;
        let together = model.continue_with(&prefill, &ids);
        let chosen = prefill.select(&Tensor::from_slice(&[3i64, 1]));
        let rows = Tensor::from_slice(&[6i64, 7, 2, 3]);
        let found = model.continue_with(&chosen, &ids.index_select(0, &rows));
        assert_close("selected", &found, &together.index_select(0, &rows), TOLERANCE);
    });
}

#[test]
fn a_continuation_of_no_tokens_has_no_states() {
    let model = tiny::model();
    let prefill = no_grad(|| model.prefill(&tiny::batch(&tiny::prompts(), PadSide::Left)));
    let nothing = Tensor::zeros([4, 0], (Kind::Int64, tch::Device::Cpu));
    assert_eq!(model.continue_with(&prefill, &nothing).size(), [4, 0, 32]);
}

#[test]
fn states_of_some_tokens_are_those_among_all() {
    let model = tiny::model();
    no_grad(|| {
        let batch = tiny::batch(&tiny::prompts(), PadSide::Right);
        let width = batch.ids.size()[1];
        let places = Tensor::from_slice(&[0i64, 3, width + 1, 3 * width]);
        let all = model.hidden(&batch).flatten(0, 1).index_select(0, &places);
        assert_close("some states", &model.hidden_at(&batch, &places), &all, TOLERANCE);
    });
}

#[test]
fn an_image_that_prompts_share_is_encoded_once() {
    let model = tiny::model();
    let first = tiny::prompt(3, 9, 4, 6);
    let second = Prompt { ids: [&first.ids[..], &[7, 8]].concat(), ..continued(&first, &[]) };
    let prompts = [first, tiny::prompt(20, 5, 2, 2), second];
    let batch = tiny::batch(&prompts, PadSide::Left);
    assert_eq!(batch.grids.len(), 2);
    no_grad(|| {
        let together = model.prefill(&batch).last_hidden;
        for (row, prompt) in prompts.iter().enumerate() {
            let alone = tiny::batch(std::slice::from_ref(prompt), PadSide::Left);
            let alone = model.prefill(&alone).last_hidden;
            assert_close("shared", &together.get(row as i64), &alone.get(0), TOLERANCE);
        }
    });
}

/// Gradients of one loss with the completions behind whole prompts, and behind a shared prefill.
#[test]
fn gradients_through_a_shared_prefill_equal_plain_ones() {
    let prompt = tiny::prompt(3, 9, 4, 6);
    let completions = [[5i64, 6, 7], [8, 9, 10]];
    let gradients = |loss: &dyn Fn(&Model) -> Tensor| {
        let mut model = tiny::model();
        model.set_trainable(true);
        loss(&model).backward();
        let parameters = model.named_parameters();
        parameters.into_iter().map(|(name, leaf)| (name, leaf.grad())).collect::<Vec<_>>()
    };
    let targets = Tensor::from_slice2(&completions).flatten(0, 1);
    let plain = gradients(&|model| {
        let rows: Vec<Prompt> = completions.iter().map(|ids| continued(&prompt, ids)).collect();
        let hidden = model.hidden(&tiny::batch(&rows, PadSide::Left));
        let first = prompt.ids.len() as i64 - 1;
        let scored = hidden.narrow(1, first, 3).flatten(0, 1);
        token_log_probs(model, &scored, &targets).sum(Kind::Float)
    });
    let shared = gradients(&|model| {
        let prefill = model.prefill(&tiny::batch(std::slice::from_ref(&prompt), PadSide::Left));
        let inputs = targets.view([2, 3]).narrow(1, 0, 2);
        let hidden = model.continue_with(&prefill, &inputs);
        let last = prefill.last_hidden.unsqueeze(1).expand([2, 1, 32], false);
        let scored = Tensor::cat(&[last, hidden], 1).flatten(0, 1);
        token_log_probs(model, &scored, &targets).sum(Kind::Float)
    });
    for ((name, plain), (_, shared)) in plain.iter().zip(&shared) {
        assert!(plain.defined() && shared.defined(), "{name} has no gradient");
        let scale = 1.0 + f64::try_from(plain.abs().max()).unwrap();
        let difference = max_difference(shared, plain);
        assert!(difference <= TOLERANCE * scale, "{name}: off by {difference:e}");
    }
}

#[test]
fn two_images_in_one_prompt_are_encoded_in_order() {
    let model = tiny::model();
    let (first, second) = (tiny::prompt(3, 4, 4, 2), tiny::prompt(9, 4, 2, 4));
    let both = Prompt {
        ids: [&first.ids[..], &second.ids].concat(),
        pixels: Tensor::cat(&[&first.pixels, &second.pixels], 0),
        grids: [&first.grids[..], &second.grids].concat(),
    };
    no_grad(|| {
        let batch = tiny::batch(&[both], PadSide::Left);
        let together = model.encode_images(&batch.pixels, &batch.grids);
        let alone =
            [first, second].map(|prompt| model.encode_images(&prompt.pixels, &prompt.grids));
        assert_close("features", &together, &Tensor::cat(&alone, 0), TOLERANCE);
    });
}

#[test]
fn padding_never_gives_a_number_that_is_not_one() {
    let mut model = tiny::model();
    model.set_trainable(true);
    let hidden = model.hidden(&tiny::batch(&tiny::prompts(), PadSide::Left));
    hidden.sum(Kind::Float).backward();
    assert!(bool::try_from(hidden.isfinite().all()).unwrap());
    for (name, leaf) in model.named_parameters() {
        assert!(bool::try_from(leaf.grad().isfinite().all()).unwrap(), "{name}");
    }
}
