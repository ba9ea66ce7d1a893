//! Parity with a golden set: the public one, or what `peer_goldens.py` makes of any model.

use std::path::Path;

use clsrl_engine::{
    evaluate::complete,
    loss::{Group, GrpoLoss},
    reference::Reference,
};
use clsrl_vlm::{Batch, Completion, GenerationConfig, Model, PadSide, Precision, Prompt};
use tch::{Device, Kind, Tensor, no_grad};

use super::{
    check::{Check, difference, magnitude, share},
    golden_files::{GoldenError, GoldenJson, GoldenTensors, Tolerances},
};

/// A GPU adds in another order than the CPU whose rounding was measured.
const GPU_FACTOR: f64 = 10.0;

/// The answers under the penalty of the model's `generation_config.json`, where a set has them beside others.
const WITH_PENALTY: &str = "/greedy_with_published_repetition_penalty";

/// Compares a model with what transformers computed of the set's `model` folder.
///
/// Checks what is there: logits and image features, greedy answers, and the log-probabilities and losses of
/// a GRPO step.
pub fn golden_checks(
    dir: &Path,
    device: Device,
    precision: Precision,
) -> Result<Vec<Check>, GoldenError> {
    let mut model = Model::load(&dir.join("model"), device, precision)?;
    model.set_trainable(true);
    let set = Set {
        frozen: model.frozen_copy(false),
        model,
        forward: GoldenTensors::open(dir.join("forward.safetensors"))?,
        tolerances: Tolerances::open(dir)?,
        pad_id: 0,
        repetition_penalty: GenerationConfig::from_dir(&dir.join("model"))?.repetition_penalty,
    };
    let mut checks = set.forward()?;
    let generate = dir.join("generate.json");
    if generate.exists() {
        checks.extend(set.answers(&GoldenJson::open(generate)?)?);
    }
    let grpo = dir.join("grpo.json");
    if grpo.exists() {
        checks.extend(set.grpo(dir, &GoldenJson::open(grpo)?)?);
    }
    Ok(checks)
}

struct Set {
    model: Model,
    frozen: Model,
    forward: GoldenTensors,
    tolerances: Tolerances,
    pad_id: i64,
    /// As the set's model has it.
    repetition_penalty: f64,
}

impl Set {
    /// The prompts `s0`, `s1`, … of the set.
    fn prompts(&self) -> Result<Vec<Prompt>, GoldenError> {
        let names = (0..).map(|idx| format!("s{idx}"));
        names
            .take_while(|name| self.forward.has(&format!("{name}.input_ids")))
            .map(|name| self.forward.prompt(&name))
            .collect()
    }

    fn forward(&self) -> Result<Vec<Check>, GoldenError> {
        let prompts = self.prompts()?;
        let mut checks = Vec::new();
        for (idx, prompt) in prompts.iter().enumerate() {
            let key = format!("s{idx}.vision_features");
            if self.forward.has(&key) {
                let features = no_grad(|| {
                    let pixels = prompt.pixels.to_device(self.frozen.device());
                    self.frozen.encode_images(&pixels, &prompt.grids)
                });
                checks.push(self.close("forward", &key, &features)?);
            }
            checks.push(self.close(
                "forward",
                &format!("s{idx}.last_logits"),
                &self.logits(&[prompt])?,
            )?);
        }
        if self.forward.has("batch.last_logits") {
            let all: Vec<&Prompt> = prompts.iter().collect();
            checks.push(self.close("forward", "batch.last_logits", &self.logits(&all)?)?);
        }
        Ok(checks)
    }

    fn logits(&self, prompts: &[&Prompt]) -> Result<Tensor, GoldenError> {
        let (config, device) = (self.frozen.config(), self.frozen.device());
        let side = PadSide::of_prompts(device);
        let batch = Batch::new(prompts, side, self.pad_id, config, device)?;
        Ok(no_grad(|| self.frozen.logits(&self.frozen.prefill(&batch).last_hidden)))
    }

    fn close(&self, file: &str, key: &str, found: &Tensor) -> Result<Check, GoldenError> {
        let expected = self.forward.at(key)?;
        let difference = difference(&found.reshape(expected.size()), expected);
        Ok(self.check(&format!("{file}/{key}"), difference, magnitude(expected)))
    }

    /// A difference, held to the set's tolerance or, where it has none or bf16 is asked for, to a share.
    fn check(&self, key: &str, found: f64, scale: f64) -> Check {
        let factor = if self.model.device().is_cuda() { GPU_FACTOR } else { 1.0 };
        let by_set = self.tolerances.of(key).map(|tolerance| factor * tolerance);
        let by_share = share(self.model.precision()) * scale;
        let allowed = match (self.model.precision(), by_set) {
            (Precision::Float32, Some(tolerance)) => tolerance,
            _ => by_share,
        };
        Check { name: format!("{key}, largest difference"), found, allowed }
    }

    /// Greedy answers, alone and as one batch: tokens that differ where the likeliest one stood clear.
    fn answers(&self, golden: &GoldenJson) -> Result<Vec<Check>, GoldenError> {
        let prompts = self.prompts()?;
        let n_new = golden.number("/max_new_tokens")? as usize;
        let with_penalty = |repetition_penalty| -> Result<GenerationConfig, GoldenError> {
            let (stop_ids, pad_token_id) = (golden.list("/eos_token_id")?, self.pad_id);
            Ok(GenerationConfig { stop_ids, pad_token_id, repetition_penalty })
        };
        // A set that has answers with the model's penalty beside the others gives the others without.
        let penalty = golden.number(&format!("{WITH_PENALTY}/repetition_penalty")).ok();
        let plain = if penalty.is_some() { 1.0 } else { self.repetition_penalty };
        let generation = with_penalty(plain)?;
        let scale = magnitude(self.forward.at("s0.last_logits")?);
        let clear = share(self.model.precision()) * scale;
        let all: Vec<&Prompt> = prompts.iter().collect();
        let mut singles = Vec::new();
        for prompt in &all {
            singles.extend(complete(&self.frozen, &[prompt], n_new, &generation)?);
        }
        let batch = complete(&self.frozen, &all, n_new, &generation)?;
        let mut answers = vec![
            ("singles", "/singles".to_owned(), singles),
            ("batch", "/batch".to_owned(), batch),
        ];
        if let Some(penalty) = penalty {
            let batch = complete(&self.frozen, &all, n_new, &with_penalty(penalty)?)?;
            answers.push(("penalty", format!("{WITH_PENALTY}/batch"), batch));
        }
        let mut checks = Vec::new();
        for (name, pointer, completions) in answers {
            let mut n_wrong = 0;
            for (row, completion) in completions.iter().enumerate() {
                n_wrong += wrong_tokens(golden, &format!("{pointer}/{row}"), completion, clear)?;
            }
            let name = format!("generate/{name}, tokens that differ");
            checks.push(Check { name, found: n_wrong as f64, allowed: 0.0 });
        }
        Ok(checks)
    }

    fn grpo(&self, dir: &Path, golden: &GoldenJson) -> Result<Vec<Check>, GoldenError> {
        let tensors = GoldenTensors::open(dir.join("grpo.safetensors"))?;
        let reference = self.reference(dir)?;
        let beta = golden.number("/beta")?;
        let cases: Vec<serde_json::Value> = golden.list("/prompts")?;
        let n_per_prompt = golden.number("/num_generations")? as i64;
        let mut checks = Vec::new();
        for (idx, case) in cases.iter().enumerate() {
            let name = case["case"].as_str().unwrap_or_default();
            let prompt = self.forward.prompt(name)?;
            let mask = tensors.at(&format!("p{idx}.completion_mask"))?;
            let ids = tensors.at(&format!("p{idx}.input_ids"))?;
            let advantages =
                tensors.at("advantages")?.narrow(0, idx as i64 * n_per_prompt, n_per_prompt);
            let group = group(&prompt, ids, mask, &advantages);
            let (model, reference) = (&self.model, Some(Reference::of(&reference)));
            let loss = GrpoLoss { policy: model, reference, beta, pad_id: self.pad_id };
            let parts = loss.accumulate(&[group], 1.0)?;
            let scored = mask.to_kind(Kind::Bool);
            let mut compared =
                vec![("logps", &parts.log_probs), ("ref_logps", &parts.reference_log_probs)];
            if self.model.precision() == Precision::Float32 {
                // An exponential of both: in bf16 it says nothing more, and that wildly.
                compared.push(("kl", &parts.token_kl));
            }
            for (key, found) in compared {
                let expected = tensors.at(&format!("p{idx}.{key}"))?.masked_select(&scored);
                let off = difference(found, &expected);
                checks.push(self.check(&format!("grpo/p{idx}.{key}"), off, magnitude(&expected)));
            }
            let loss = parts.loss.double_value(&[]) / n_per_prompt as f64;
            let expected = golden.number(&format!("/prompts/{idx}/loss"))?;
            let mut check = self.check(&format!("grpo/p{idx}.loss"), (loss - expected).abs(), 1.0);
            // The set's README: a loss near 0 is made of terms of size 1.
            check.allowed = check.allowed.max(1e-6);
            checks.push(check);
        }
        Ok(checks)
    }

    /// The model with the overlay's tensors in place of its own.
    fn reference(&self, dir: &Path) -> Result<Model, GoldenError> {
        let (device, precision) = (self.model.device(), self.model.precision());
        let model = Model::load(&dir.join("model"), device, precision)?;
        let overlay = GoldenTensors::open(dir.join("ref_overlay.safetensors"))?;
        for (name, value) in overlay.iter() {
            let own = model.named_parameters().into_iter().find(|(own, _)| own == name);
            if let Some((_, mut parameter)) = own {
                no_grad(|| parameter.copy_(value));
            }
        }
        Ok(model.frozen_copy(false))
    }
}

/// Tokens before the first one that was a close call and that differ.
fn wrong_tokens(
    golden: &GoldenJson,
    pointer: &str,
    completion: &Completion,
    clear: f64,
) -> Result<usize, GoldenError> {
    let expected: Vec<i64> = golden.list(&format!("{pointer}/ids"))?;
    let margins: Vec<f64> = golden.list(&format!("{pointer}/margins"))?;
    let n_used = golden.number(&format!("{pointer}/used"))? as usize;
    let n_clear = margins.iter().take(n_used).take_while(|margin| clear < **margin).count();
    let missing = n_clear.saturating_sub(completion.ids.len());
    let pairs = expected.iter().zip(&completion.ids).take(n_clear);
    Ok(missing + pairs.filter(|(expected, found)| expected != found).count())
}

/// The group of one prompt: what its mask counts of the rows (rows, prompt and completion).
fn group<'p>(prompt: &'p Prompt, ids: &Tensor, mask: &Tensor, advantages: &Tensor) -> Group<'p> {
    let n_rows = mask.size()[0];
    let n_prompt = prompt.ids.len() as i64;
    let completion = |row: i64| {
        let length = mask.get(row).sum(Kind::Int64).int64_value(&[]);
        super::golden_files::ids_of(&ids.get(row).narrow(0, n_prompt, length))
    };
    Group {
        prompt,
        name: None,
        completions: (0..n_rows).map(completion).collect(),
        advantages: (0..n_rows).map(|row| advantages.double_value(&[row])).collect(),
    }
}
