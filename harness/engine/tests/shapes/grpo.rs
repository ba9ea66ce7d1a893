//! The loss of groups.

use clsrl_engine::{
    loss::{Group, GrpoLoss},
    reference::{KeptPrompts, Reference},
};
use clsrl_vlm::{Model, PadSide};
use tch::{Kind, Tensor, no_grad};

use crate::{
    drawn::{Draws, PAD_ID, Shape, groups, model, prompts},
    plain::{accumulated, assert_close, assert_same, backward, log_probs},
};

const BETA: f64 = 0.3;

/// The sum over completions of the token mean of `-(ratio * advantage - beta * k3)`, and the log-probabilities
/// under both models.
fn plain_loss(model: &Model, reference: &Model, groups: &[Group]) -> (Tensor, [Tensor; 2]) {
    let (mut losses, mut of_policy, mut of_reference) = (Vec::new(), Vec::new(), Vec::new());
    for group in groups {
        for (completion, advantage) in group.completions.iter().zip(&group.advantages) {
            let policy = log_probs(model, group.prompt, completion);
            let reference = no_grad(|| log_probs(reference, group.prompt, completion));
            let ratio = (&policy - policy.detach()).exp();
            let difference = &reference - &policy;
            let k3 = difference.exp() - difference - 1.0;
            losses.push(-(ratio * *advantage - k3 * BETA).mean(Kind::Float));
            of_policy.push(policy);
            of_reference.push(reference);
        }
    }
    let loss = Tensor::stack(&losses, 0).sum(Kind::Float);
    (loss, [Tensor::cat(&of_policy, 0), Tensor::cat(&of_reference, 0)])
}

fn check(seed: u64, vocab_size: i64, shape: Shape) {
    let (policy, reference) = (model(1, vocab_size), model(2, vocab_size));
    let draws = Draws::new(seed);
    let prompts = prompts(&draws, shape.n_groups);
    let groups = groups(&draws, shape, &prompts);
    let case = format!("case {seed}, {shape:?}");

    let (loss, [of_policy, of_reference]) = plain_loss(&policy, &reference, &groups);
    let plain = backward(&policy, &loss);
    let reference = Some(Reference::of(&reference));
    let grpo = GrpoLoss { policy: &policy, reference, beta: BETA, pad_id: PAD_ID };
    let found = grpo.accumulate(&groups, 1.0).unwrap();
    assert_close(&format!("{case}: policy"), &found.log_probs, &of_policy, 1.0);
    let of_found = &found.reference_log_probs;
    assert_close(&format!("{case}: reference"), of_found, &of_reference, 1.0);
    assert_same(&case, &accumulated(&policy, &found.loss), &plain);

    // Groups one after the other add up to all at once.
    let mut loss = 0.0;
    for group in &groups {
        let part = grpo.accumulate(std::slice::from_ref(group), 1.0).unwrap();
        loss += part.loss.double_value(&[]);
    }
    let parts = accumulated(&policy, &Tensor::from(loss));
    assert_same(&format!("{case}, group by group"), &parts, &plain);
}

#[test]
fn losses_and_gradients_of_groups_are_those_of_single_rows() {
    for seed in 0..24 {
        let draws = Draws::new(100 + seed);
        let shape = Shape {
            n_groups: draws.between(1, 4, &[0]),
            n_completions: draws.between(1, 5, &[1]),
            longest: draws.between(1, 9, &[2]),
        };
        check(seed, 64, shape);
    }
}

/// With so many words a chunk of logits holds 110 tokens.
#[test]
fn chunks_of_logits_add_up_to_all_at_once() {
    check(50, 151_936, Shape { n_groups: 2, n_completions: 3, longest: 45 });
}

/// Loss, log-probabilities and gradients of a step, bit by bit.
fn numbers_of(model: &Model, loss: &GrpoLoss, groups: &[Group]) -> Vec<Vec<f32>> {
    let parts = loss.accumulate(groups, 1.0).unwrap();
    let tensors = [&parts.loss, &parts.log_probs, &parts.reference_log_probs];
    let mut numbers: Vec<Vec<f32>> =
        tensors.iter().map(|tensor| tensor.flatten(0, -1).try_into().unwrap()).collect();
    for leaf in model.trained_leaves() {
        let mut gradient = leaf.grad();
        numbers.push(gradient.flatten(0, -1).try_into().unwrap());
        let _ = gradient.zero_();
    }
    numbers
}

#[test]
fn what_is_kept_of_the_references_prompts_changes_no_bit() {
    let (policy, reference) = (model(1, 1000), model(2, 1000));
    let draws = Draws::new(7);
    let shape = Shape { n_groups: 4, n_completions: 3, longest: 5 };
    let prompts = prompts(&draws, shape.n_groups);
    let names: Vec<String> = (0..shape.n_groups).map(|group| format!("{group}.jpg")).collect();
    // One prompt's keys fit, all do, none does.
    let one = reference.prompt_keys(&prompts[0], PadSide::Left, PAD_ID).unwrap().n_bytes();
    for (room, n_kept) in [(one, 1), (u64::MAX, 4), (0, 0)] {
        let kept = KeptPrompts::with_room(room);
        let plain = Reference::of(&reference);
        let keeping = Reference { kept: Some(&kept), ..plain };
        // Two epochs, whose steps have other prompts beside each other.
        for step in [&[0, 1][..], &[2, 3], &[3, 0], &[1], &[2]] {
            let mut groups = groups(&draws, shape, &prompts);
            groups.iter_mut().zip(&names).for_each(|(group, name)| group.name = Some(name.clone()));
            let mut groups: Vec<_> = groups.into_iter().map(Some).collect();
            let groups: Vec<Group> =
                step.iter().map(|&group| groups[group].take().unwrap()).collect();
            let [found, expected] = [keeping, plain].map(|reference| {
                let reference = Some(reference);
                let loss = GrpoLoss { policy: &policy, reference, beta: BETA, pad_id: PAD_ID };
                numbers_of(&policy, &loss, &groups)
            });
            assert_eq!(found, expected, "{step:?}, room {room}");
        }
        assert_eq!(kept.len(), n_kept);
    }
}
