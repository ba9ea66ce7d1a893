//! Generation: one token for every row, again and again, until all rows have ended.

use tch::{Tensor, no_grad};

use crate::{
    cache::Prefill,
    model::Model,
    sampling::{Decoding, RowRng, choose},
};

/// What a row was continued with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// The new tokens, a stop token included.
    pub ids: Vec<i64>,
    /// Whether it ended with a stop token and not for length.
    pub stopped: bool,
}

/// Continues every row of a prefilled batch. Panics if there are not as many seeds as rows.
///
/// Each row draws from its own stream, so what it samples does not depend on the others. Rows that
/// have ended leave the batch when they are a quarter of it.
pub fn generate(
    model: &Model,
    prefill: Prefill,
    decoding: &Decoding,
    max_new_tokens: usize,
    stop_ids: &[i64],
    row_seeds: &[u64],
) -> Vec<Completion> {
    assert_eq!(prefill.cache.n_rows(), row_seeds.len() as i64, "one seed for each row");
    let mut rows = Rows::new(row_seeds);
    no_grad(|| {
        let Prefill { mut cache, mut last_hidden } = prefill;
        for step in 1..=max_new_tokens {
            let logits = model.logits(&last_hidden); // (n, vocabulary)
            let mut next = choose(&logits, decoding, rows.active_rngs()); // (n)
            rows.push(&Vec::try_from(&next).expect("ids are int64"), stop_ids);
            if step == max_new_tokens || rows.n_running() == 0 {
                break;
            }
            if let Some(kept) = rows.drop_ended() {
                let kept = Tensor::from_slice(&kept).to_device(model.device());
                cache = cache.select(&kept);
                next = next.index_select(0, &kept);
            }
            let ids = next.unsqueeze(1); // (n, 1)
            let (hidden, extended) = model.extend(&cache, &ids, &ids.ones_like());
            last_hidden = hidden.squeeze_dim(1);
            cache = extended;
        }
    });
    rows.completions
}

/// All rows, and which of them the batch still holds.
struct Rows {
    completions: Vec<Completion>,
    rngs: Vec<RowRng>,
    /// Row of each place in the batch, in rising order.
    active: Vec<usize>,
}

impl Rows {
    fn new(row_seeds: &[u64]) -> Rows {
        let empty = Completion { ids: Vec::new(), stopped: false };
        Rows {
            completions: vec![empty; row_seeds.len()],
            rngs: row_seeds.iter().map(|&seed| RowRng::new(seed)).collect(),
            active: (0..row_seeds.len()).collect(),
        }
    }

    fn active_rngs(&mut self) -> impl Iterator<Item = &mut RowRng> {
        let active = &self.active;
        let rngs = self.rngs.iter_mut().enumerate();
        rngs.filter(|(row, _)| active.binary_search(row).is_ok()).map(|(_, rng)| rng)
    }

    fn push(&mut self, next: &[i64], stop_ids: &[i64]) {
        for (&row, &id) in self.active.iter().zip(next) {
            let completion = &mut self.completions[row];
            if !completion.stopped {
                completion.ids.push(id);
                completion.stopped = stop_ids.contains(&id);
            }
        }
    }

    fn n_running(&self) -> usize {
        self.active.iter().filter(|&&row| !self.completions[row].stopped).count()
    }

    /// Takes ended rows out if they are worth it; returns the places that stay.
    fn drop_ended(&mut self) -> Option<Vec<i64>> {
        let n_active = self.active.len();
        let n_ended = n_active - self.n_running();
        if n_ended == 0 || 4 * n_ended < n_active {
            return None;
        }
        let is_running = |&place: &usize| !self.completions[self.active[place]].stopped;
        let kept: Vec<usize> = (0..n_active).filter(is_running).collect();
        self.active = kept.iter().map(|&place| self.active[place]).collect();
        Some(kept.into_iter().map(|place| place as i64).collect())
    }
}
