//! CPython's `random.Random` for integer seeds: the draws that CoOp's few-shot sets come from.
//!
//! Follows `Lib/random.py` and `Modules/_randommodule.c` of CPython 3.11: MT19937 seeded by an array of
//! 32-bit words, numbers below n by rejection, and two ways of sampling that are chosen by size.

use rand_mt::Mt;

/// The generator of `random.seed(n)`.
#[derive(Debug, Clone)]
pub struct PythonRandom(Mt);

impl PythonRandom {
    /// Seeds as `random.seed(seed)` does: by the seed's 32-bit words, the least significant first.
    pub fn new(seed: u64) -> Self {
        let (low, high) = (seed as u32, (seed >> 32) as u32);
        let key = if high == 0 { vec![low] } else { vec![low, high] };
        PythonRandom(Mt::new_with_key(key))
    }

    /// `getrandbits(n_bits)`. Panics unless `n_bits` is from 1 to 32.
    pub fn getrandbits(&mut self, n_bits: u32) -> u32 {
        assert!((1..=32).contains(&n_bits), "found {n_bits} bits, expected 1 to 32");
        self.0.next_u32() >> (32 - n_bits)
    }

    /// `random()`, from `[0, 1)` with 53 bits.
    pub fn random(&mut self) -> f64 {
        let high = self.0.next_u32() >> 5;
        let low = self.0.next_u32() >> 6;
        (f64::from(high) * 67_108_864.0 + f64::from(low)) / 9_007_199_254_740_992.0
    }

    /// `_randbelow(n)`. Panics if `n` is 0 or over 32 bits.
    pub fn randbelow(&mut self, n: usize) -> usize {
        let n = u32::try_from(n).expect("no list of images has 2^32 entries");
        assert!(0 < n, "cannot draw from an empty range");
        let n_bits = u32::BITS - n.leading_zeros();
        loop {
            let draw = self.getrandbits(n_bits);
            if draw < n {
                return draw as usize;
            }
        }
    }

    /// The positions that `sample(population, k)` picks of `n`. Panics if `k` is over `n`.
    pub fn sample(&mut self, n: usize, k: usize) -> Vec<usize> {
        assert!(k <= n, "cannot sample {k} of {n}");
        if n <= pool_limit(k) { self.sample_from_pool(n, k) } else { self.sample_by_redraw(n, k) }
    }

    fn sample_from_pool(&mut self, n: usize, k: usize) -> Vec<usize> {
        let mut pool: Vec<usize> = (0..n).collect();
        let mut picks = Vec::with_capacity(k);
        for n_left in (n - k + 1..=n).rev() {
            let pick = self.randbelow(n_left);
            picks.push(pool[pick]);
            pool[pick] = pool[n_left - 1];
        }
        picks
    }

    fn sample_by_redraw(&mut self, n: usize, k: usize) -> Vec<usize> {
        let mut is_picked = vec![false; n];
        let mut picks = Vec::with_capacity(k);
        while picks.len() < k {
            let pick = self.randbelow(n);
            if !is_picked[pick] {
                is_picked[pick] = true;
                picks.push(pick);
            }
        }
        picks
    }

    /// `shuffle(items)`.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.randbelow(last + 1));
        }
    }
}

/// Up to how many items CPython samples from a copy of the list: its estimate of a set's size.
fn pool_limit(k: usize) -> usize {
    if k <= 5 {
        return 21;
    }
    let mut power_of_four = 1;
    while power_of_four < 3 * k {
        power_of_four *= 4;
    }
    21 + power_of_four
}
