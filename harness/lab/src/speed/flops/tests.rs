//! Counts against those made by hand, and against the model's own parameters.

use clsrl_vlm::{Init, Model};
use tch::Device;

use super::*;

const GRID: Grid = Grid { t: 1, h: 28, w: 28 };

fn qwen2_vl_2b(n_layers: Option<usize>, n_vision_blocks: Option<usize>) -> Config {
    Config::published_with("Qwen2-VL-2B-Instruct", n_layers, n_vision_blocks).unwrap().unwrap()
}

fn grpo_of(
    config: &Config,
    prompt_lengths: &[usize],
    (generations, n_new_tokens): (usize, usize),
    shares_prefill: bool,
) -> Work {
    let grid = GRID;
    let keeps_keys = false;
    let step =
        GrpoStep { grid, prompt_lengths, generations, n_new_tokens, shares_prefill, keeps_keys };
    grpo_work(config, &step, 4)
}

#[track_caller]
fn check(what: &str, found: f64, expected: f64) {
    assert!((found / expected - 1.0).abs() < 1e-12, "{what}: {found}, expected {expected}");
}

/// One block and one layer of Qwen2-VL-2B on 2 prompts of 300 tokens with 4 completions of 3 tokens.
#[test]
fn a_small_step_costs_what_a_count_by_hand_says() {
    let config = qwen2_vl_2b(Some(1), Some(1));
    let work = grpo_of(&config, &[300; 2], (4, 3), false);

    let block = 784. * 2. * (3. * 1280. * 1280. + 1280. * 1280. + 2. * 5120. * 1280.);
    let scores_and_mixing = 2. * (2. * 784. * 784. * 1280.);
    let merger = 196. * 2. * (5120. * 5120. + 5120. * 1536.);
    let vision = 784. * 2. * 1176. * 1280. + block + scores_and_mixing + merger;
    let layer = 2. * (1536. * 1536. * 2. + 2. * 1536. * 256. + 3. * 1536. * 8960.);
    let prompt = 300. * layer + 2. * (2. * (300. * 301. / 2.) * 1536.);
    let logits = 2. * 1536. * 151_936.;
    check("prefill", work.prefill, 2. * (vision + prompt + logits));

    // Two inputs behind the prompt: the first sees 301 tokens, the second 302.
    let suffix = 2. * layer + 2. * 2. * (301. + 302.) * 1536.;
    check("decode", work.decode, 8. * (suffix + 2. * logits));
    let forward = 2. * (vision + prompt) + 8. * (suffix + 3. * logits);
    check("reference", work.reference, forward);
    check("update", work.update, 3. * forward);
    let shared = grpo_of(&config, &[300; 2], (4, 3), true);
    check("update after a shared prefill", shared.update, 3. * forward - 2. * (vision + prompt));

    let weights = layer / 2. + logits / 2.;
    let keys = 2. * 256. * 2. * (2. * 300. + 4. * (1. + 2.));
    check("decode bytes", work.decode_bytes, 4. * (2. * weights + keys));
}

#[test]
fn prompts_of_several_lengths_cost_what_each_does() {
    let config = qwen2_vl_2b(Some(1), Some(1));
    let of = |lengths: &[usize]| grpo_of(&config, lengths, (4, 3), true);
    let (both, short, long) = (of(&[200, 300]), of(&[200]), of(&[300]));
    check("update", both.update, short.update + long.update);
    // The weights are read once for both.
    let weights = 2. * short.decode_bytes - of(&[200, 200]).decode_bytes;
    check("bytes", both.decode_bytes, short.decode_bytes + long.decode_bytes - weights);
    check("sft", sft_work(&config, GRID, &[(200, 5), (300, 9)]).update, {
        let one = |example| sft_work(&config, GRID, &[example]).update;
        one((200, 5)) + one((300, 9))
    });
}

#[test]
fn a_step_of_sft_is_three_forward_passes_of_its_examples() {
    let config = qwen2_vl_2b(Some(2), Some(2));
    // The same tokens as one completion of one token behind each prompt, but for how many are scored.
    let grpo = grpo_of(&config, &[340; 3], (1, 1), false);
    check("update", sft_work(&config, GRID, &[(340, 1); 3]).update, grpo.update);
    let more = sft_work(&config, GRID, &[(340, 5); 3]).update - grpo.update;
    check("scored tokens", more, 3. * 3. * 4. * 2. * 1536. * 151_936.);
}

#[test]
fn the_optimizer_moves_seven_floats_for_every_parameter() {
    let config = qwen2_vl_2b(Some(1), Some(1));
    let model = Model::random(config.clone(), &Init { seed: 1 }, Device::Cpu);
    let n: usize = model.named_parameters().iter().map(|(_, tensor)| tensor.numel()).sum();
    let found = grpo_of(&config, &[300], (1, 1), false).optimizer_bytes;
    assert!((found / (28. * n as f64) - 1.0).abs() < 1e-3, "{found} for {n} parameters");
}

#[test]
fn an_evaluation_of_one_row_decodes_like_one_completion() {
    let config = qwen2_vl_2b(Some(1), Some(1));
    let pixels = tch::Tensor::zeros([784, 1176], (tch::Kind::Float, Device::Cpu));
    let prompt = Prompt { ids: vec![0; 300], pixels, grids: vec![GRID] };
    let eval = eval_work(&config, &[&prompt], 3, 2);
    let prompt_lengths = &[300];
    let (generations, n_new_tokens, shares_prefill) = (1, 3, false);
    let keeps_keys = false;
    let step = GrpoStep {
        grid: GRID,
        prompt_lengths,
        generations,
        n_new_tokens,
        shares_prefill,
        keeps_keys,
    };
    let grpo = grpo_work(&config, &step, 2);
    check("prefill", eval.prefill, grpo.prefill);
    check("decode", eval.decode, grpo.decode);
    check("bytes", eval.decode_bytes, grpo.decode_bytes);
}
