//! Generation: a decode step for all rows at a time, until all have ended.
//!
//! On a CPU each token is read as soon as it is chosen. A GPU would wait for that, so there several tokens are decoded
//! before they are read, all at once; those after a row's end are thrown away.

use clsrl_libtorch::upload;
use tch::{Device, Kind, Tensor, no_grad};

use crate::{
    error::VlmError,
    kv_cache::{Prefill, RowCache},
    model::Model,
    sampling::{Decoding, Repetition, draws_of, sample, sample_of_largest},
    slot_cache::SlotCache,
};

/// Tokens that are decoded before they are read, where that is worth it.
const READ_AT_ONCE: usize = 16;

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
    let mut rows = Rows::new(row_seeds.len(), row_seeds.len() / n_prompts);
    let n_at_once = if model.decodes_ahead() { READ_AT_ONCE } else { 1 };
    no_grad(|| {
        let mut decoder = Decoder::new(model, prompts, decoding, max_new_tokens, row_seeds);
        loop {
            let n_tokens = n_at_once.min(max_new_tokens - decoder.n_taken);
            let (taken, read) = decoder.take(n_tokens);
            for (token, ids) in taken.into_iter().zip(read) {
                if let Some(entropies) = token.entropies {
                    rows.entropies.push((rows.running(), entropies));
                }
                rows.push(&ids, stop_ids)?;
            }
            if decoder.n_taken == max_new_tokens || rows.n_running() == 0 {
                return Ok::<(), VlmError>(());
            }
            if let Some(kept) = rows.drop_ended() {
                decoder.select(&kept, rows.n_per_prompt as i64);
            }
            decoder.advance();
        }
    })?;
    let mean_entropy = matches!(decoding, Decoding::Sample(_)).then(|| rows.mean_entropy());
    Ok(Generated { completions: rows.completions, mean_entropy })
}

/// Rows on the device: what continues them, and what they were continued with last.
struct Decoder<'a> {
    model: &'a Model,
    decoding: &'a Decoding,
    cache: Cache,
    repetition: Option<Repetition>,
    /// A number in [0, 1) for each row and token (b, tokens), if tokens are drawn.
    draws: Option<Tensor>,
    /// After the final norm, at the last token of each row (b, c).
    last_hidden: Tensor,
    /// The last token of each row (b).
    last: Tensor,
    /// Tokens that each row has taken.
    n_taken: usize,
}

/// The KV cache of a model's way to decode.
enum Cache {
    /// Each prompt once.
    Shared { prompts: Prefill, rows: RowCache },
    /// A prompt for each row.
    Slots(SlotCache),
}

/// The next token of each row.
struct Token {
    /// The ids, or what stands for them (b).
    read: Tensor,
    /// The entropies that they were drawn at (b).
    entropies: Option<Tensor>,
}

impl<'a> Decoder<'a> {
    fn new(
        model: &'a Model,
        prompts: &Prefill,
        decoding: &'a Decoding,
        max_new_tokens: usize,
        row_seeds: &[u64],
    ) -> Self {
        let device = model.device();
        let n_per_prompt = row_seeds.len() as i64 / prompts.n_prompts();
        let prompts = prompts.detached();
        let each = Tensor::arange(prompts.n_prompts(), (Kind::Int64, device));
        let each = each.repeat_interleave_self_int(n_per_prompt, 0, None);
        let repetition = match *decoding {
            Decoding::Penalised(penalty) => {
                let tokens = [&prompts.tokens.0, &prompts.tokens.1];
                let [ids, mask] = tokens.map(|tokens| tokens.index_select(0, &each));
                Some(Repetition::new(penalty, (&ids, &mask), model.config().vocab_size))
            }
            Decoding::Greedy | Decoding::Sample(_) => None,
        };
        let is_drawn = matches!(decoding, Decoding::Sample(_));
        let last_hidden = prompts.last_hidden.index_select(0, &each); // (b, c)
        let cache = if model.decodes_ahead() {
            Cache::Slots(SlotCache::new(&prompts, n_per_prompt, max_new_tokens as i64))
        } else {
            let shape = (prompts.n_prompts(), n_per_prompt);
            Cache::Shared { rows: RowCache::new(model.config(), shape, &prompts), prompts }
        };
        Decoder {
            model,
            decoding,
            cache,
            repetition,
            draws: is_drawn.then(|| bring(&draws_of(row_seeds, max_new_tokens), device)),
            last_hidden,
            last: each,
            n_taken: 0,
        }
    }

    /// Takes the next tokens of every row; returns them and what was read of them, token by token.
    fn take(&mut self, n_tokens: usize) -> (Vec<Token>, Vec<Vec<i64>>) {
        let begun = (self.cache.length(), self.last_hidden.shallow_clone(), self.n_taken);
        let taken = self.take_by(n_tokens, self.model.decodes_ahead());
        let ids = read(&taken);
        if !ids.iter().flatten().any(|id| *id == OPEN) {
            return (taken, ids);
        }
        // Rare: more tokens tied with the k-th than were looked at.
        let length;
        (length, self.last_hidden, self.n_taken) = begun;
        self.cache.rewind(length);
        let taken = self.take_by(n_tokens, false);
        let ids = read(&taken);
        (taken, ids)
    }

    /// Takes the next tokens, drawn from the largest logits alone if that is wanted, and reads none.
    fn take_by(&mut self, n_tokens: usize, of_largest: bool) -> Vec<Token> {
        let mut taken = Vec::with_capacity(n_tokens);
        for at in 0..n_tokens {
            if 0 < at {
                self.advance();
            }
            taken.push(self.take_one(of_largest));
        }
        taken
    }

    fn take_one(&mut self, of_largest: bool) -> Token {
        let mut logits = self.model.logits(&self.last_hidden); // (b, vocabulary)
        if let Some(repetition) = &self.repetition {
            logits = repetition.penalise(&logits);
        }
        let (ids, is_open) = self.choose(&logits, of_largest);
        let read = ids.masked_fill(&not_finite(&logits), NOT_FINITE);
        let read = match is_open {
            None => read,
            Some(is_open) => read.masked_fill(&is_open, OPEN),
        };
        self.last = ids;
        self.n_taken += 1;
        Token { read, entropies: self.draws.is_some().then(|| entropies(&logits)) }
    }

    /// Chooses a token for each row, and tells where it is open, if that can be.
    fn choose(&self, logits: &Tensor, of_largest: bool) -> (Tensor, Option<Tensor>) {
        let (Decoding::Sample(sampling), Some(draws)) = (self.decoding, &self.draws) else {
            return (logits.argmax(-1, false), None);
        };
        let draws = draws.select(1, self.n_taken as i64);
        match of_largest.then(|| sample_of_largest(logits, sampling, &draws)).flatten() {
            Some(drawn) => (drawn.ids, Some(drawn.is_open)),
            None => (sample(logits, sampling, &draws), None),
        }
    }

    /// Runs the last tokens, so that the next ones can be chosen.
    fn advance(&mut self) {
        if let Some(repetition) = &mut self.repetition {
            repetition.push(&self.last);
        }
        self.last_hidden = match &mut self.cache {
            Cache::Shared { prompts, rows } => self.model.next(prompts, rows, &self.last),
            Cache::Slots(cache) => self.model.next_slots(cache, &self.last),
        };
    }

    /// Keeps some rows, `n_per_prompt` for each of their prompts.
    fn select(&mut self, kept: &Kept, n_per_prompt: i64) {
        let of_rows = |rows: &[i64]| bring(&Tensor::from_slice(rows), self.model.device());
        let slots = of_rows(&kept.slots);
        match &mut self.cache {
            Cache::Shared { prompts, rows } => {
                *prompts = prompts.select(&of_rows(&kept.prompts));
                rows.select(&slots, n_per_prompt);
            }
            Cache::Slots(cache) => cache.select(&slots),
        }
        self.last = self.last.index_select(0, &slots);
        self.draws = self.draws.as_ref().map(|draws| draws.index_select(0, &slots));
        if let Some(repetition) = &mut self.repetition {
            repetition.select(&slots);
        }
    }
}

impl Cache {
    /// Tokens of a row.
    fn length(&self) -> i64 {
        match self {
            Cache::Shared { rows, .. } => rows.length,
            Cache::Slots(cache) => cache.length(),
        }
    }

    /// Forgets the tokens after the first `length`.
    fn rewind(&mut self, length: i64) {
        match self {
            Cache::Shared { rows, .. } => rows.length = length,
            Cache::Slots(cache) => cache.rewind(length),
        }
    }
}

/// Brings a tensor of the host to a device.
fn bring(tensor: &Tensor, device: Device) -> Tensor {
    let arrived = upload(&[(tensor, tensor.kind())], device);
    arrived.unwrap_or_else(|error| panic!("{error}")).swap_remove(0)
}

/// Reads tokens, all at once: a synchronization with the device costs more than a token.
fn read(taken: &[Token]) -> Vec<Vec<i64>> {
    let ids: Vec<&Tensor> = taken.iter().map(|token| &token.read).collect();
    let ids = if let [ids] = ids[..] { ids.unsqueeze(0) } else { Tensor::stack(&ids, 0) };
    let n_rows = ids.size()[1] as usize;
    let ids: Vec<i64> = ids.flatten(0, 1).try_into().expect("ids are int64");
    ids.chunks(n_rows).map(<[i64]>::to_vec).collect()
}

/// Stands for a token that was chosen by logits which are no numbers.
const NOT_FINITE: i64 = -1;

/// Stands for a token that has to be drawn from all logits.
const OPEN: i64 = -2;

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
    fn new(n_rows: usize, n_per_prompt: usize) -> Rows {
        let empty = Completion { ids: Vec::new(), stopped: false };
        Rows {
            completions: vec![empty; n_rows],
            active: (0..n_rows).collect(),
            n_per_prompt,
            entropies: Vec::new(),
        }
    }

    /// Whether each slot still takes a token.
    fn running(&self) -> Vec<bool> {
        self.active.iter().map(|&row| !self.completions[row].stopped).collect()
    }

    /// Mean over all tokens of the entropies that they were drawn at, in one read.
    fn mean_entropy(&self) -> f64 {
        let all: Vec<&Tensor> = self.entropies.iter().map(|(_, entropies)| entropies).collect();
        let all = Vec::<f64>::try_from(Tensor::cat(&all, 0).to_kind(Kind::Double));
        let mut all = all.expect("one number for each slot and token").into_iter();
        let sums = self.entropies.iter().map(|(is_running, _)| {
            let counted = is_running.iter().zip(all.by_ref());
            counted.filter(|(is_running, _)| **is_running).map(|(_, entropy)| entropy).sum::<f64>()
        });
        let sum = sums.sum::<f64>();
        let n_tokens: usize = self.completions.iter().map(|row| row.ids.len()).sum();
        sum / n_tokens as f64
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
