//! Which groups count.

use clsrl_spec::{
    Duration, EndMask, GrpoSettings, OptimizerSettings, PromptStyle, RewardId, ZeroVariance,
};

use super::Grpo;
use crate::rewarder::Rewarder;

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
    fn read(&self, _: &[i64]) -> String {
        unreachable!("no completion is sampled")
    }

    fn pay(&self, _: RewardId, _: &str, _: &str) -> f64 {
        unreachable!("no completion is paid")
    }
}

fn check(rule: ZeroVariance, rewards: [f64; 2]) -> bool {
    let grpo = Grpo {
        settings: &settings(rule),
        rewarder: &NoRewarder,
        end_mask: EndMask::AnyStop,
        stop_ids: &[],
        pad_id: 0,
        im_end: 0,
        seed: 1,
    };
    grpo.counts(&rewards)
}

#[test]
fn a_group_of_equal_rewards_counts_unless_the_protocol_drops_it() {
    assert!(check(ZeroVariance::Keep, [1.0, 1.0]));
    assert!(!check(ZeroVariance::Drop, [1.0, 1.0]));
    assert!(check(ZeroVariance::Drop, [0.0, 1.0]));
}
