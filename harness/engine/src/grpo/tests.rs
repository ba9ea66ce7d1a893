//! What a completion earns, and which groups count.

use std::path::Path;

use clsrl_spec::{
    Duration, EndMask, GrpoSettings, OptimizerSettings, PromptStyle, ProtocolFile, RewardId,
    SolutionTag, ZeroVariance,
};

use super::Grpo;
use crate::inputs::Inputs;

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

fn check<T>(
    (rule, solution, also_blanks): (ZeroVariance, SolutionTag, bool),
    asked: impl Fn(&Grpo) -> T,
) -> T {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = std::fs::read_to_string(home.join("suites/protocols/tiny.toml")).unwrap();
    let protocol = ProtocolFile::parse(&text, "tiny.toml", "tiny").unwrap().protocol;
    let inputs = Inputs::from_dir(&home.join("harness/tiny/model"), &protocol).unwrap();
    let settings = settings(rule);
    asked(&Grpo {
        settings: &settings,
        solution,
        also_blanks,
        end_mask: EndMask::AnyStop,
        stop_ids: &[],
        pad_id: 0,
        inputs: &inputs,
        seed: 1,
    })
}

#[test]
fn a_group_of_equal_rewards_counts_unless_the_protocol_drops_it() {
    let counts = |rule, rewards: [f64; 2]| {
        check((rule, SolutionTag::Plain, false), |grpo| grpo.counts(&rewards))
    };
    assert!(counts(ZeroVariance::Keep, [1.0, 1.0]));
    assert!(!counts(ZeroVariance::Drop, [1.0, 1.0]));
    assert!(counts(ZeroVariance::Drop, [0.0, 1.0]));
}

#[test]
fn a_label_counts_with_blanks_only_where_the_protocol_says_so() {
    let earned = |also_blanks| {
        check((ZeroVariance::Keep, SolutionTag::Plain, also_blanks), |grpo| {
            grpo.reward(
                RewardId::AccuracyString,
                "<answer>great pyrenees</answer>",
                "great_pyrenees",
            )
        })
    };
    assert_eq!((earned(false), earned(true)), (0.0, 1.0));
}

#[test]
fn blanks_in_the_solution_s_tag_let_the_year_of_a_car_pay() {
    let earned = |solution| {
        check((ZeroVariance::Keep, solution, false), |grpo| {
            let wrong = "<answer> 2012 Audi A5 Coupe </answer>";
            grpo.reward(RewardId::Accuracy, wrong, "2012 BMW M3 Coupe")
        })
    };
    assert_eq!((earned(SolutionTag::Plain), earned(SolutionTag::Blanks)), (0.0, 1.0));
}
