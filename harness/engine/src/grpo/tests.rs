//! Which groups count, and what a device with little memory changes.

use std::{cell::RefCell, ops::ControlFlow, path::Path};

use clsrl_spec::{
    Duration, EndMask, Fitted, GrpoSettings, OptimizerSettings, PromptStyle, RewardId, StepRecord,
    StepSeconds, ZeroVariance,
};
use clsrl_vlm::{Model, Precision, Prompt};
use tch::{Device, Kind, Tensor};

use super::{Grpo, Scores};
use crate::{
    EngineError,
    budget::MemoryBudgets,
    inputs::AskedPrompt,
    order::{EpochOrder, Prepare},
    rewarder::Rewarder,
    watch::{Listener, LoopState, Watch},
};

fn settings(zero_variance_groups: ZeroVariance) -> GrpoSettings {
    GrpoSettings {
        prompt: PromptStyle::Thinking,
        duration: Duration { epochs: 1.0, prompts_per_step: 1, accumulation: 1 },
        optimizer: OptimizerSettings {
            learning_rate: 1e-6,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.0,
            max_grad_norm: 1.0,
        },
        generations: 2,
        beta: 0.0,
        beta_start: None,
        advantage_epsilon: 1e-4,
        temperature: 1.0,
        top_k: 0,
        top_p: 1.0,
        max_prompt_tokens: 1,
        max_new_tokens: 1,
        micro_batch: 1,
        rewards: vec![RewardId::AccuracyString],
        zero_variance_groups,
    }
}

/// Never asked: these groups have their rewards.
struct NoRewarder;

impl Rewarder for NoRewarder {
    fn decode(&self, _: &[i64]) -> String {
        unreachable!("no completion is sampled")
    }

    fn score(&self, _: RewardId, _: &str, _: &str) -> f64 {
        unreachable!("no completion is paid")
    }
}

/// Of two completions: what their form earns, and what they answer.
fn check(rule: ZeroVariance, form: [f64; 2], answers: [f64; 2]) -> bool {
    let rewards = vec![RewardId::Format, RewardId::AccuracyString];
    let grpo = Grpo {
        settings: &GrpoSettings { rewards, ..settings(rule) },
        rewarder: &NoRewarder,
        end_mask: EndMask::AnyStop,
        stop_ids: &[],
        pad_id: 0,
        im_end: 0,
        seed: 1,
    };
    let totals = form.iter().zip(answers).map(|(form, answer)| form + answer).collect();
    let scores = Scores { totals, per_reward: vec![form.to_vec(), answers.to_vec()] };
    grpo.is_in_loss(&scores, 0..2)
}

#[test]
fn a_group_of_equal_rewards_counts_unless_the_protocol_drops_it() {
    assert!(check(ZeroVariance::Keep, [1.0; 2], [1.0; 2]));
    assert!(!check(ZeroVariance::Drop, [1.0; 2], [1.0; 2]));
    assert!(check(ZeroVariance::Drop, [0.0, 1.0], [1.0; 2]));
    let by_answers = ZeroVariance::DropAllRightOrWrong;
    assert!(!check(by_answers, [0.0, 1.0], [1.0; 2]));
    assert!(!check(by_answers, [0.0, 1.0], [0.0; 2]));
    assert!(check(by_answers, [1.0; 2], [0.0, 1.0]));
    // One is right, the other well formed: nothing to learn of their sums.
    assert!(!check(by_answers, [0.0, 1.0], [1.0, 0.0]));
}

/// Pays for even ids.
struct EvenRewarder;

impl Rewarder for EvenRewarder {
    fn decode(&self, ids: &[i64]) -> String {
        ids.iter().filter(|id| *id % 2 == 0).count().to_string()
    }

    fn score(&self, _: RewardId, text: &str, _: &str) -> f64 {
        text.parse().unwrap()
    }
}

/// A text of `n_tokens` tokens.
fn asked(n_tokens: usize) -> AskedPrompt {
    AskedPrompt {
        prompt: Prompt {
            ids: (0..n_tokens as i64).map(|at| 40 + at * 7 % 200).collect(),
            pixels: Tensor::zeros([0, 1176], (Kind::Float, Device::Cpu)),
            grids: Vec::new(),
        },
        image: n_tokens.to_string(),
        text: String::new(),
        conversation: String::new(),
        n_choices: 0,
        gold: String::new(),
    }
}

struct Trained {
    losses: Vec<f64>,
    weights: Tensor,
    fitted: Fitted,
}

/// Two steps of four prompts, each with two completions of 6 tokens.
fn two_steps() -> GrpoSettings {
    GrpoSettings {
        duration: Duration { epochs: 2.0, prompts_per_step: 4, accumulation: 1 },
        beta: 0.04,
        max_prompt_tokens: 64,
        max_new_tokens: 6,
        micro_batch: 4,
        ..settings(ZeroVariance::Keep)
    }
}

fn grpo(settings: &GrpoSettings) -> Grpo<'_> {
    Grpo {
        settings,
        rewarder: &EvenRewarder,
        end_mask: EndMask::AnyStop,
        stop_ids: &[],
        pad_id: 0,
        im_end: 0,
        seed: 1,
    }
}

fn tiny_model() -> Model {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tiny/model");
    let mut model = Model::load(&dir, Device::Cpu, Precision::Float32).unwrap();
    model.set_trainable(true);
    model
}

/// Prompts of 20 to 35 tokens.
fn prompts(picks: &[usize]) -> Vec<AskedPrompt> {
    picks.iter().map(|at| asked(20 + 5 * at)).collect()
}

/// Takes the two steps with so much memory for updates and for rollouts.
fn train(memory: [Option<usize>; 2]) -> Result<Trained, EngineError> {
    let settings = two_steps();
    let grpo = grpo(&settings);
    let mut budgets = MemoryBudgets::new(&settings);
    [budgets.update.device_tokens, budgets.rollout.device_tokens] = memory;
    let model = tiny_model();
    let prepare = |picks: &[usize]| Ok(prompts(picks));
    let losses = RefCell::new(Vec::new());
    let mut on_step = |step: StepRecord, _: StepSeconds| {
        losses.borrow_mut().push(step.loss);
        Ok(())
    };
    let order = &mut EpochOrder::new(1, "dtd", 4, 4);
    let listener = &mut Listener(&mut on_step);
    let (timings, _) = grpo.train_within(budgets, &model, (order, &prepare), listener)?;
    let weights: Vec<Tensor> =
        model.trained_leaves().iter().map(|leaf| leaf.flatten(0, -1)).collect();
    let weights = Tensor::cat(&weights, 0).detach();
    Ok(Trained { losses: losses.into_inner(), weights, fitted: timings.fitted })
}

#[test]
fn a_device_that_runs_out_of_memory_trains_the_same_model_in_smaller_parts() {
    let ample = train([None, None]).unwrap();
    assert_eq!(ample.fitted, Fitted { tokens: None, out_of_memory: 0, batch: None });
    assert_eq!(ample.losses.len(), 2);
    // The four prompts and their completions have 158 tokens.
    let scarce = train([Some(100), None]).unwrap();
    assert_eq!(scarce.fitted, Fitted { tokens: Some(79), out_of_memory: 1, batch: None });
    let rollouts = train([Some(60), Some(100)]).unwrap();
    assert_eq!(rollouts.fitted.tokens, Some(39));
    assert!(2 < rollouts.fitted.out_of_memory);
    for found in [scarce, rollouts] {
        for (found, expected) in found.losses.iter().zip(&ample.losses) {
            assert!((found - expected).abs() < 1e-5, "loss {found}, expected {expected}");
        }
        let off = (&found.weights - &ample.weights).abs().max().double_value(&[]);
        assert!(off < 1e-5, "weights are off by {off:e}");
    }
}

/// Breaks a run off after its first step, or takes up what is left of it.
struct Parted(Option<Vec<Fitted>>);

impl Watch for Parted {
    fn resume(&mut self, state: LoopState<'_>) -> Result<usize, EngineError> {
        let Some(fitted) = self.0.take() else { return Ok(0) };
        state.budgets.into_iter().zip(fitted).for_each(|(budget, fitted)| budget.restore(fitted));
        Ok(1)
    }

    fn hear(
        &mut self,
        _: (StepRecord, StepSeconds),
        state: LoopState<'_>,
    ) -> Result<ControlFlow<()>, EngineError> {
        self.0 = Some(state.budgets.iter().map(|budget| budget.fitted()).collect());
        Ok(ControlFlow::Break(()))
    }
}

#[test]
fn a_run_that_is_taken_up_knows_what_fits_and_does_not_run_out_of_memory_again() {
    let settings = two_steps();
    let grpo = grpo(&settings);
    let prepare = |picks: &[usize]| Ok(prompts(picks));
    for memory in [[Some(100), None], [Some(60), Some(100)]] {
        let mut parted = Parted(None);
        let mut step = || {
            let mut budgets = MemoryBudgets::new(&settings);
            [budgets.update.device_tokens, budgets.rollout.device_tokens] = memory;
            let order = &mut EpochOrder::new(1, "dtd", 4, 4);
            let inputs = (order, &prepare as &Prepare<AskedPrompt>);
            grpo.train_within(budgets, &tiny_model(), inputs, &mut parted).unwrap().0.fitted
        };
        let (_, after_both) = (step(), step());
        assert_eq!(after_both, train(memory).unwrap().fitted, "no refusal more than uncut");
    }
}

#[test]
fn a_rehearsal_finds_the_budget_and_leaves_no_gradients() {
    let settings = two_steps();
    let model = tiny_model();
    for (memory, tokens) in [(None, None), (Some(100), Some(79)), (Some(40), Some(34))] {
        let grpo = grpo(&settings);
        let mut state = grpo.begin(&model, MemoryBudgets::new(&settings), 2);
        state.budgets.update.device_tokens = memory;
        grpo.rehearse(&mut state, &prompts(&[0, 1, 2, 3])).unwrap();
        assert_eq!(state.budgets.fitted().tokens, tokens);
        assert!(state.leaves.iter().all(|leaf| !leaf.grad().defined()));
    }
}

#[test]
fn a_prompt_that_a_device_cannot_hold_ends_training() {
    let error = train([Some(40), None]).err().unwrap();
    assert!(matches!(error, EngineError::OutOfMemory { n_tokens: 41.. }), "{error}");
}
