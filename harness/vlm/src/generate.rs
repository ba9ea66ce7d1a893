//! Generation: a decode step for all rows at a time, until all have ended.

use tch::{Kind, Tensor, no_grad};

use crate::{
    error::VlmError,
    kv_cache::{Prefill, RowCache},
    model::Model,
    sampling::{Decoding, Repetition, RowRng, choose},
};

/// What a row was continued with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// The new tokens, a stop token included.
    pub ids: Vec<i64>,
    /// Whether it ended with a stop token and not for length.
    pub stopped: bool,
}

/// What a batch of prompts was continued with.
#[derive(Debug, Clone, PartialEq)]
pub struct Generated {
    /// The rows, prompt by prompt.
    pub completions: Vec<Completion>,
    /// Mean over the new tokens of the entropy, in nats, of the distribution over all words that each was
    /// drawn from, before temperature and truncation; none of greedy decoding, where nothing is drawn.
    pub mean_entropy: Option<f64>,
}

/// Continues every prompt with `row_seeds.len() / n_prompts` rows, prompt by prompt.
///
/// Each row draws from its own stream, so what it samples does not depend on the others; on a GPU up to rounding, which
/// differs from one number of rows to another there. Greedy decoding of
/// one answer for each prompt has one seed for each, which is not looked at. Prompts all of whose rows
/// have ended leave the batch, and so do ended rows of the others, once a quarter of it is saved by that.
/// Panics if the seeds do not divide evenly among the prompts.
///
/// # Errors
///
/// Where the logits of a token that a row takes are not finite: none is the likeliest then, and the one that comes out
/// means nothing.
pub fn generate(
    model: &Model,
    prompts: &Prefill,
    decoding: &Decoding,
    max_new_tokens: usize,
    stop_ids: &[i64],
    row_seeds: &[u64],
) -> Result<Generated, VlmError> {
    let n_prompts = prompts.n_prompts() as usize;
    assert!(row_seeds.len().is_multiple_of(n_prompts), "every prompt has the same number of seeds");
    let mut rows = Rows::new(row_seeds, row_seeds.len() / n_prompts);
    no_grad(|| {
        let device = model.device();
        let of_rows = |rows: &[i64]| Tensor::from_slice(rows).to_device(device);
        let shape = (n_prompts as i64, rows.n_per_prompt as i64);
        let mut cache = RowCache::new(model.config(), shape, prompts);
        let mut prompts = prompts.detached();
        let each = Tensor::arange(shape.0, (Kind::Int64, device));
        let each = each.repeat_interleave_self_int(shape.1, 0, None);
        let mut repetition = match *decoding {
            Decoding::Penalised(penalty) => {
                let tokens = [&prompts.tokens.0, &prompts.tokens.1];
                let [ids, mask] = tokens.map(|tokens| tokens.index_select(0, &each));
                Some(Repetition::new(penalty, (&ids, &mask), model.config().vocab_size))
            }
            Decoding::Greedy | Decoding::Sample(_) => None,
        };
        let mut last_hidden = prompts.last_hidden.index_select(0, &each); // (b, c)
        for step in 1..=max_new_tokens {
            let mut logits = model.logits(&last_hidden); // (b, vocabulary)
            if let Some(repetition) = &repetition {
                logits = repetition.penalise(&logits);
            }
            let mut next = choose(&logits, decoding, || rows.draws()); // (b)
            if matches!(decoding, Decoding::Sample(_)) {
                rows.entropies.push((rows.running(), entropies(&logits)));
            }
            // One read: a second synchronization with the device at each token would cost more than all else here.
            let read = next.masked_fill(&not_finite(&logits), NOT_FINITE);
            rows.push(&Vec::try_from(&read).expect("ids are int64"), stop_ids)?;
            if step == max_new_tokens || rows.n_running() == 0 {
                break;
            }
            if let Some(repetition) = &mut repetition {
                repetition.push(&next);
            }
            if let Some(kept) = rows.drop_ended() {
                let slots = of_rows(&kept.slots);
                prompts = prompts.select(&of_rows(&kept.prompts));
                cache.select(&slots, rows.n_per_prompt as i64);
                next = next.index_select(0, &slots);
                if let Some(repetition) = &mut repetition {
                    repetition.select(&slots);
                }
            }
            last_hidden = model.next(&prompts, &mut cache, &next);
        }
        Ok::<(), VlmError>(())
    })?;
    let mean_entropy = matches!(decoding, Decoding::Sample(_)).then(|| rows.mean_entropy());
    Ok(Generated { completions: rows.completions, mean_entropy })
}

/// Stands for a token that was chosen by logits which are no numbers.
const NOT_FINITE: i64 = -1;

/// Whether each row of logits (b, vocabulary) has a NaN or an infinity, left on the device (b).
fn not_finite(logits: &Tensor) -> Tensor {
    let (least, most) = logits.aminmax(-1i64, false); // one pass, and both carry NaN
    ((most - least) * 0.0).not_equal(0.0)
}

/// Entropies in nats of the softmax of logits (b, vocabulary), left on the device (b).
fn entropies(logits: &Tensor) -> Tensor {
    let log_probs = logits.log_softmax(-1, Kind::Float);
    -(log_probs.exp() * log_probs).sum_dim_intlist([-1i64].as_slice(), false, Kind::Float)
}

/// All rows, and which of them the batch still holds.
struct Rows {
    completions: Vec<Completion>,
    rngs: Vec<RowRng>,
    /// The row in each slot of the batch; every prompt that is still there has `n_per_prompt` slots.
    active: Vec<usize>,
    n_per_prompt: usize,
    /// For each new token, whether each slot took it, and the entropies that it was drawn at (b): read when all
    /// is sampled, so that no token waits for the device on their account.
    entropies: Vec<(Vec<bool>, Tensor)>,
}

/// What stays in the batch, by its indices before.
struct Kept {
    prompts: Vec<i64>,
    slots: Vec<i64>,
}

impl Rows {
    fn new(row_seeds: &[u64], n_per_prompt: usize) -> Rows {
        let empty = Completion { ids: Vec::new(), stopped: false };
        Rows {
            completions: vec![empty; row_seeds.len()],
            rngs: row_seeds.iter().map(|&seed| RowRng::new(seed)).collect(),
            active: (0..row_seeds.len()).collect(),
            n_per_prompt,
            entropies: Vec::new(),
        }
    }

    /// Whether each slot still takes a token.
    fn running(&self) -> Vec<bool> {
        self.active.iter().map(|&row| !self.completions[row].stopped).collect()
    }

    /// Mean over all tokens of the entropies that they were drawn at.
    fn mean_entropy(&self) -> f64 {
        let sums = self.entropies.iter().map(|(is_running, entropies)| {
            let entropies = Vec::<f64>::try_from(entropies.to_kind(Kind::Double));
            let entropies = entropies.expect("one number for each slot");
            let counted = is_running.iter().zip(entropies).filter(|(is_running, _)| **is_running);
            counted.map(|(_, entropy)| entropy).sum::<f64>()
        });
        let n_tokens: usize = self.completions.iter().map(|row| row.ids.len()).sum();
        sums.sum::<f64>() / n_tokens as f64
    }

    /// A number in [0, 1) for each slot.
    fn draws(&mut self) -> Vec<f64> {
        self.active.iter().map(|&row| self.rngs[row].draw()).collect()
    }

    fn push(&mut self, next: &[i64], stop_ids: &[i64]) -> Result<(), VlmError> {
        for (&row, &id) in self.active.iter().zip(next) {
            let completion = &mut self.completions[row];
            if completion.stopped {
                continue;
            }
            if id == NOT_FINITE {
                return Err(VlmError::NotFinite { row, token: completion.ids.len() + 1 });
            }
            completion.ids.push(id);
            completion.stopped = stop_ids.contains(&id);
        }
        Ok(())
    }

    fn n_running(&self) -> usize {
        self.active.iter().filter(|&&row| !self.completions[row].stopped).count()
    }

    /// Takes ended rows out if that saves a quarter of the batch.
    ///
    /// Every prompt keeps as many slots as the one with the most running rows; ended rows pad the others.
    fn drop_ended(&mut self) -> Option<Kept> {
        let is_running = |slot: &usize| !self.completions[self.active[*slot]].stopped;
        let running_first = |(prompt, first): (i64, usize)| {
            let slots = first..first + self.n_per_prompt;
            let (running, ended): (Vec<usize>, Vec<usize>) = slots.partition(is_running);
            (prompt, running.len(), [running, ended].concat())
        };
        let firsts = (0..self.active.len()).step_by(self.n_per_prompt);
        let mut prompts: Vec<_> = (0..).zip(firsts).map(running_first).collect();
        prompts.retain(|(_, n_running, _)| 0 < *n_running);
        let n_per_prompt = prompts.iter().map(|(_, n_running, _)| *n_running).max()?;
        if 3 * self.active.len() < 4 * prompts.len() * n_per_prompt {
            return None;
        }
        let kept = prompts.iter().flat_map(|(_, _, slots)| &slots[..n_per_prompt]);
        let slots: Vec<usize> = kept.copied().collect();
        self.active = slots.iter().map(|&slot| self.active[slot]).collect();
        self.n_per_prompt = n_per_prompt;
        Some(Kept {
            prompts: prompts.into_iter().map(|(prompt, _, _)| prompt).collect(),
            slots: slots.into_iter().map(|slot| slot as i64).collect(),
        })
    }
}
