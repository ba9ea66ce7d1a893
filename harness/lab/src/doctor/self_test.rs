//! Ways of computing the same thing, compared: batched and alone, padded on either side, step by step and at
//! once, with a shared prompt and without, and twice.

use clsrl_engine::{
    EngineError,
    evaluate::complete,
    loss::{Group, GrpoLoss},
    reference::Reference,
};
use clsrl_libtorch::clear_gradients;
use clsrl_vlm::{Batch, GenerationConfig, Model, PadSide, Prompt, token_log_probs};
use tch::{Tensor, no_grad};

use super::check::{Check, difference, magnitude, share};
use crate::speed::{Shapes, Workload};

/// Prompts of the tests, of unlike lengths.
const N_PROMPTS: usize = 4;

/// New tokens of a completion.
const N_NEW: usize = 6;

/// Completions that share a prompt.
const GENERATIONS: usize = 3;

/// Text tokens of the longest prompt beside its image.
const N_TEXT: usize = 60;

/// How much the prompts' lengths vary.
const SPREAD: f64 = 0.15;

/// Runs all self-tests on random prompts with random images of a side.
pub fn self_tests(model: &mut Model, image_side: usize) -> Result<Vec<Check>, EngineError> {
    let mut shapes = Shapes {
        image_side,
        prompt_tokens: 0,
        completion_tokens: N_NEW,
        warmup: 0,
        steps: 1,
        seed: 1,
    };
    shapes.prompt_tokens = shapes.n_features(model.config())? + N_TEXT;
    let prompts = Workload::new(model.config(), shapes)?.spread_prompts(N_PROMPTS, SPREAD)?;
    model.set_trainable(true);
    let frozen = model.frozen_copy(false);
    let bench = Tests { model, frozen: &frozen, prompts: prompts.iter().collect() };
    let alone = bench.alone()?;
    let allowed = share(model.precision()) * magnitude(&alone);
    let mut checks = vec![bench.check_batch(&alone)?, bench.check_right_padding(&alone)?];
    let answers = bench.answers()?;
    checks.push(bench.at_once(&answers)?);
    checks.push(bench.check_shared_prefill(&answers)?);
    for check in &mut checks {
        check.allowed = allowed;
    }
    checks.push(bench.twice(&answers)?);
    Ok(checks)
}

struct Tests<'a> {
    model: &'a Model,
    frozen: &'a Model,
    prompts: Vec<&'a Prompt>,
}

impl Tests<'_> {
    fn batch(&self, prompts: &[&Prompt], side: PadSide) -> Result<Batch, EngineError> {
        Ok(Batch::new(prompts, side, 0, self.frozen.config(), self.frozen.device())?)
    }

    /// Logits at the last token of each prompt, prompt by prompt (b, vocabulary).
    fn alone(&self) -> Result<Tensor, EngineError> {
        let rows = self.prompts.iter().map(|prompt| {
            let batch = self.batch(&[prompt], PadSide::Left)?;
            Ok(no_grad(|| self.frozen.logits(&self.frozen.prefill(&batch).last_hidden)))
        });
        Ok(Tensor::cat(&rows.collect::<Result<Vec<_>, EngineError>>()?, 0))
    }

    fn check_batch(&self, alone: &Tensor) -> Result<Check, EngineError> {
        let batch = self.batch(&self.prompts, PadSide::Left)?;
        let logits = no_grad(|| self.frozen.logits(&self.frozen.prefill(&batch).last_hidden));
        Ok(found("logits, prompts in one batch against each alone", difference(&logits, alone)))
    }

    fn check_right_padding(&self, alone: &Tensor) -> Result<Check, EngineError> {
        let batch = self.batch(&self.prompts, PadSide::Right)?;
        let logits = no_grad(|| {
            let hidden = self.frozen.hidden(&batch); // (b, t, c)
            let last: Vec<Tensor> = self
                .prompts
                .iter()
                .enumerate()
                .map(|(row, prompt)| hidden.get(row as i64).get(prompt.ids.len() as i64 - 1))
                .collect();
            self.frozen.logits(&Tensor::stack(&last, 0))
        });
        Ok(found("logits, right-padded against unpadded", difference(&logits, alone)))
    }

    /// Greedy answers to all prompts.
    fn answers(&self) -> Result<Vec<Vec<i64>>, EngineError> {
        let completions =
            complete(self.frozen, &self.prompts, N_NEW, &GenerationConfig::endless())?;
        Ok(completions.into_iter().map(|completion| completion.ids).collect())
    }

    /// How far each token that was chosen step by step stays below the likeliest one, read at once.
    fn at_once(&self, answers: &[Vec<i64>]) -> Result<Check, EngineError> {
        let mut worst: f64 = 0.0;
        for (prompt, answer) in self.prompts.iter().zip(answers) {
            let (states, targets) = self.read_at_once(self.frozen, prompt, answer)?;
            let logits = no_grad(|| self.frozen.logits(&states)); // (n, vocabulary)
            let (best, _) = logits.max_dim(-1, false);
            let chosen = logits.gather(-1, &targets.unsqueeze(-1), false).squeeze_dim(-1);
            worst = worst.max(difference(&best, &chosen));
        }
        Ok(found("logits, tokens chosen with a cache below the best without one", worst))
    }

    /// Log-probabilities of completions that share their prompt, against each read whole.
    fn check_shared_prefill(&self, answers: &[Vec<i64>]) -> Result<Check, EngineError> {
        let groups = groups(&self.prompts, answers);
        let parts = self.loss().accumulate(&groups, 1.0)?;
        let mut plain = Vec::new();
        for group in &groups {
            for completion in &group.completions {
                let (states, targets) = self.read_at_once(self.frozen, group.prompt, completion)?;
                plain.push(no_grad(|| token_log_probs(self.frozen, &states, &targets)));
            }
        }
        let worst = difference(&parts.log_probs, &Tensor::cat(&plain, 0));
        Ok(found("log-probabilities, completions with a shared prompt against each whole", worst))
    }

    fn loss(&self) -> GrpoLoss<'_> {
        let reference = Some(Reference::of(self.frozen));
        GrpoLoss { policy: self.model, reference, beta: 0.04, pad_id: 0 }
    }

    fn clear(&self) -> Result<(), EngineError> {
        Ok(clear_gradients(&self.model.trained_leaves())?)
    }

    /// The gradients of a step, made twice, relative to the largest.
    fn twice(&self, answers: &[Vec<i64>]) -> Result<Check, EngineError> {
        let gradients = || -> Result<Vec<Tensor>, EngineError> {
            let groups = groups(&self.prompts, answers);
            self.clear()?;
            self.loss().accumulate(&groups, 1.0)?;
            let taken =
                self.model.named_parameters().into_iter().map(|(_, parameter)| parameter.grad());
            Ok(taken.collect())
        };
        let (first, second) = (gradients()?, gradients()?);
        let largest = first.iter().map(magnitude).fold(0.0, f64::max);
        let worst = first.iter().zip(&second).map(|(a, b)| difference(a, b)).fold(0.0, f64::max);
        let name = "gradients of two identical steps, relative to the largest";
        let allowed = share(self.model.precision());
        Ok(Check { name: name.to_owned(), found: worst / largest, allowed })
    }

    /// States that predict a completion's tokens, read without a cache, and the tokens.
    fn read_at_once(
        &self,
        model: &Model,
        prompt: &Prompt,
        completion: &[i64],
    ) -> Result<(Tensor, Tensor), EngineError> {
        let whole = Prompt {
            ids: [prompt.ids.as_slice(), &completion[..completion.len() - 1]].concat(),
            pixels: prompt.pixels.shallow_clone(),
            grids: prompt.grids.clone(),
        };
        let batch = self.batch(&[&whole], PadSide::Right)?;
        let hidden = no_grad(|| model.hidden(&batch)).get(0); // (t, c)
        let states = hidden.narrow(0, prompt.ids.len() as i64 - 1, completion.len() as i64);
        Ok((states, Tensor::from_slice(completion).to_device(model.device())))
    }
}

/// Each prompt with its answer, cut to several lengths.
fn groups<'p>(prompts: &[&'p Prompt], answers: &[Vec<i64>]) -> Vec<Group<'p>> {
    let group = |(prompt, answer): (&&'p Prompt, &Vec<i64>)| Group {
        prompt,
        name: None,
        completions: (0..GENERATIONS).map(|n| answer[..N_NEW - 2 * n].to_vec()).collect(),
        advantages: vec![1.0, -0.5, -0.5],
    };
    prompts.iter().zip(answers).map(group).collect()
}

fn found(name: &str, found: f64) -> Check {
    Check { name: name.to_owned(), found, allowed: 0.0 }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clsrl_vlm::Precision;
    use tch::Device;

    use super::*;
    use crate::doctor::all_passed;

    #[test]
    fn a_sound_model_passes_in_both_precisions() {
        for precision in [Precision::Float32, Precision::Bfloat16] {
            let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tiny/model");
            let mut model = Model::load(&dir, Device::Cpu, precision).unwrap();
            let checks = self_tests(&mut model, 56).unwrap();
            assert!(all_passed(&checks), "{precision:?}: {checks:#?}");
            assert_eq!(checks.len(), 5);
        }
    }
}
