//! Scaled dot-product attention with shared key-value heads, softmax in float32.
//!
//! Within prompts, a GPU runs libtorch's fused kernels (flash or memory-efficient), which never store the scores. On a
//! CPU, where the backward pass of the fused kernel is slow, attention is plain matrix products, and the backward pass
//! recomputes the scores. Plain attention never repeats keys and values: the queries of the heads that share them are
//! stacked as rows, and so are those of the rows that share a prompt.

use clsrl_libtorch::{MaskedKeys, fused_attention, recompute, shared_attention};
use tch::{Kind, Tensor};

use crate::ops::cast;

/// Scores that exist at a time on a CPU where the backward pass does not keep them: 8 MiB in float32.
const CACHED_SCORES: i64 = 1 << 21;

/// How tokens attend to each other.
#[derive(Debug)]
pub(crate) enum Attending {
    /// By a fused kernel, bidirectional or causal. It takes no attention mask: kernels differ in which they refuse, and
    /// the fastest refuses all.
    Fused {
        /// Whether a token sees none after it.
        is_causal: bool,
    },
    /// By plain matrix products.
    Plain {
        /// Added to the scores (b, 1, t, s).
        mask: Option<Tensor>,
    },
}

impl Attending {
    /// The same again.
    pub(crate) fn share(&self) -> Attending {
        match self {
            Attending::Fused { is_causal } => Attending::Fused { is_causal: *is_causal },
            Attending::Plain { mask } => {
                Attending::Plain { mask: mask.as_ref().map(Tensor::shallow_clone) }
            }
        }
    }
}

/// Attends with q (b, h, t, d) to k and v (b, g, s, d). Returns (b, t, h * d).
pub(crate) fn attend(q: &Tensor, k: &Tensor, v: &Tensor, attending: &Attending) -> Tensor {
    match (attending, q.requires_grad()) {
        (Attending::Fused { is_causal }, _) => attend_fused(q, k, v, *is_causal),
        (Attending::Plain { mask }, true) => attend_recomputed(q, k, v, mask.as_ref()),
        (Attending::Plain { mask }, false) => by_batch(q, k, v, mask.as_ref(), attend_plainly),
    }
}

/// Scores grow with the square of an image's patches and are cheap to recompute: the backward pass keeps none.
fn attend_recomputed(q: &Tensor, k: &Tensor, v: &Tensor, mask: Option<&Tensor>) -> Tensor {
    by_batch(q, k, v, mask, |q, k, v, mask| {
        let mask = mask.map(Tensor::shallow_clone);
        let attend = move |inputs: &[Tensor]| {
            let [q, k, v] = inputs else { panic!("attention has three inputs") };
            [attend_plainly(q, k, v, mask.as_ref())]
        };
        let [mixed] = recompute(&[q, k, v], attend).unwrap_or_else(|error| panic!("{error}"));
        mixed
    })
}

/// Attends a few rows of the batch at a time, so that scores which nothing keeps stay in the processor's cache.
fn by_batch(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    mask: Option<&Tensor>,
    attend: impl Fn(&Tensor, &Tensor, &Tensor, Option<&Tensor>) -> Tensor,
) -> Tensor {
    let (b, h, t, _) = q.size4().expect("queries are (b, h, t, d)");
    let n_rows = (CACHED_SCORES / (h * t * k.size()[2])).max(1);
    if b <= n_rows {
        return attend(q, k, v, mask);
    }
    let [q, k, v] = [q, k, v].map(|tensor| tensor.split(n_rows, 0));
    let masks = mask.map(|mask| mask.split(n_rows, 0));
    let part = |at: usize| attend(&q[at], &k[at], &v[at], masks.as_ref().map(|masks| &masks[at]));
    Tensor::cat(&(0..q.len()).map(part).collect::<Vec<_>>(), 0)
}

fn attend_fused(q: &Tensor, k: &Tensor, v: &Tensor, is_causal: bool) -> Tensor {
    let (b, h, t, d) = q.size4().expect("queries are (b, h, t, d)");
    let n_sharing = h / k.size()[1];
    let for_kernel = |x: &Tensor| match x.kind() {
        // No fused kernel of float32 takes shared heads.
        Kind::Float if 1 < n_sharing => x.repeat_interleave_self_int(n_sharing, 1, None),
        _ => x.shallow_clone(),
    };
    let mixed = fused_attention(q, &for_kernel(k), &for_kernel(v), is_causal)
        .unwrap_or_else(|error| panic!("{error}"));
    // Each kernel has a layout of its own for its result: this copies where it must.
    mixed.transpose(1, 2).reshape([b, t, h * d])
}

fn attend_plainly(q: &Tensor, k: &Tensor, v: &Tensor, mask: Option<&Tensor>) -> Tensor {
    let (b, h, t, d) = q.size4().expect("queries are (b, h, t, d)");
    let (_, g, s, _) = k.size4().expect("keys are (b, g, s, d)");
    let shared = [b * g, h / g * t, d];
    let q = (q * scale(d)).reshape(shared);
    let k = k.reshape([b * g, s, d]);
    let v = v.reshape([b * g, s, d]);
    let scores = cast(&q.bmm(&k.transpose(1, 2)), Kind::Float).view([b, h, t, s]);
    let scores = match mask {
        // In place: the product above keeps nothing of its result for the backward pass.
        Some(mask) => { scores }.g_add_(mask),
        None => scores,
    };
    let weights = cast(&scores.softmax(-1, Kind::Float), v.kind()); // (b, h, t, s)
    let mixed = weights.view([b * g, h / g * t, s]).bmm(&v).view([b, h, t, d]);
    mixed.transpose(1, 2).reshape([b, t, h * d])
}

/// Scores of a layer's suffixes that a GPU keeps for the backward pass: 256 MiB in float32. More are computed in parts
/// and recomputed, so that a step's memory grows with its tokens, and not with their square.
const KEPT_SCORES: i64 = 1 << 26;

/// Keys and values of some tokens, and what is added to their scores.
pub(crate) struct KeyValues<'a> {
    pub(crate) k: &'a Tensor,
    pub(crate) v: &'a Tensor,
    pub(crate) mask: Option<&'a Tensor>,
}

/// As [`attend_shared`], for suffixes of any length.
pub(crate) fn attend_suffixes(q: &Tensor, prompts: &KeyValues<'_>, own: &KeyValues<'_>) -> Tensor {
    let most_scores = if q.device().is_cuda() { KEPT_SCORES } else { i64::MAX };
    attend_shared_within(most_scores, q, prompts, own)
}

/// Attends as [`attend_shared`] does; above `most_scores`, a part of the rows at a time, whose scores the backward pass
/// recomputes.
fn attend_shared_within(
    most_scores: i64,
    q: &Tensor,
    prompts: &KeyValues<'_>,
    own: &KeyValues<'_>,
) -> Tensor {
    let (b, h, t, _) = q.size4().expect("queries are (b, h, t, d)");
    let n_keys = prompts.k.size()[2] + own.k.size()[2];
    let n_rows = (most_scores / (h * t * n_keys)).max(1);
    if b <= n_rows {
        return attend_rows(q, prompts, own);
    }
    let of_part = |&(first, n_rows): &(i64, i64)| {
        let (first_prompt, n_prompts) = prompts_of(first, n_rows, b / prompts.k.size()[0]);
        let of_rows = |x: &Tensor| x.narrow(0, first, n_rows);
        let of_prompts = |x: &Tensor| x.narrow(0, first_prompt, n_prompts);
        let masks = (prompts.mask.map(of_prompts), own.mask.map(Tensor::shallow_clone));
        let attend = move |inputs: &[Tensor]| {
            let [q, prompt_k, prompt_v, k, v] = inputs else { panic!("there are five inputs") };
            let prompts = KeyValues { k: prompt_k, v: prompt_v, mask: masks.0.as_ref() };
            [attend_rows(q, &prompts, &KeyValues { k, v, mask: masks.1.as_ref() })]
        };
        let [prompt_k, prompt_v] = [prompts.k, prompts.v].map(of_prompts);
        let inputs = [&of_rows(q), &prompt_k, &prompt_v, &of_rows(own.k), &of_rows(own.v)];
        let [mixed] = recompute(&inputs, attend).unwrap_or_else(|error| panic!("{error}"));
        mixed
    };
    let parts = parts(b, b / prompts.k.size()[0], n_rows);
    Tensor::cat(&parts.iter().map(of_part).collect::<Vec<_>>(), 0)
}

/// Cuts b rows, n for each prompt, into parts (first row, rows) of at most `most` rows: of whole prompts, or of one.
fn parts(b: i64, n: i64, most: i64) -> Vec<(i64, i64)> {
    let (unit, size) = if n <= most { (b, most / n * n) } else { (n, most) };
    let of_unit = |first: i64| {
        let starts = (0..unit).step_by(size as usize);
        starts.map(move |at| (first + at, size.min(unit - at)))
    };
    (0..b).step_by(unit as usize).flat_map(of_unit).collect()
}

/// The first of the prompts, n rows each, that some rows belong to, and how many there are.
fn prompts_of(first: i64, n_rows: i64, n: i64) -> (i64, i64) {
    (first / n, (n_rows / n).max(1))
}

/// As [`attend_shared`]; on a GPU in as few kernels as there are.
fn attend_rows(q: &Tensor, prompts: &KeyValues<'_>, own: &KeyValues<'_>) -> Tensor {
    if q.device().is_cuda() {
        attend_shared_fused(q, prompts, own)
    } else {
        attend_shared(q, prompts, own)
    }
}

fn attend_shared_fused(q: &Tensor, prompts: &KeyValues<'_>, own: &KeyValues<'_>) -> Tensor {
    let [prompts, own] = [prompts, own].map(|&KeyValues { k, v, mask }| MaskedKeys { k, v, mask });
    shared_attention(q, prompts, own).unwrap_or_else(|error| panic!("{error}"))
}

/// Attends with the q (b, h, t, d) of rows to the tokens of their prompts (p, g, s, d), each shared by the
/// b / p rows that stand next to each other, and to their own (b, g, r, d), in one softmax.
///
/// The masks are (p, 1, 1, s) and (t, r). Returns (b, t, h * d).
pub(crate) fn attend_shared(q: &Tensor, prompts: &KeyValues<'_>, own: &KeyValues<'_>) -> Tensor {
    let (b, h, t, d) = q.size4().expect("queries are (b, h, t, d)");
    let (p, g, s, _) = prompts.k.size4().expect("keys are (p, g, s, d)");
    let r = own.k.size()[2];
    let (n, m) = (b / p, h / g); // rows of a prompt, heads of a key
    let q = (q * scale(d)).reshape([p, n, g, m, t, d]);

    let by_prompt = q.transpose(1, 2).reshape([p * g, n * m * t, d]);
    let k = prompts.k.reshape([p * g, s, d]);
    let scores = cast(&by_prompt.bmm(&k.transpose(1, 2)), Kind::Float).view([p, g, n, m * t, s]);
    let scores = match prompts.mask {
        Some(mask) => { scores }.g_add_(&mask.unsqueeze(1)),
        None => scores,
    };
    let by_row = q.reshape([b * g, m * t, d]);
    let k = own.k.reshape([b * g, r, d]);
    let own_scores = cast(&by_row.bmm(&k.transpose(1, 2)), Kind::Float).view([p, n, g, m, t, r]);
    let own_scores = match own.mask {
        Some(mask) => { own_scores }.g_add_(mask),
        None => own_scores,
    };
    let own_scores = own_scores.transpose(1, 2).reshape([p, g, n, m * t, r]);

    let weights = Tensor::cat(&[scores, own_scores], -1).softmax(-1, Kind::Float);
    let weights = cast(&weights, prompts.v.kind()); // (p, g, n, m t, s + r)
    let v = prompts.v.reshape([p * g, s, d]);
    let of_prompt = weights.narrow(-1, 0, s).reshape([p * g, n * m * t, s]).bmm(&v);
    let own_weights = weights.narrow(-1, s, r).transpose(1, 2); // (p, n, g, m t, r)
    let of_own = own_weights.reshape([b * g, m * t, r]).bmm(&own.v.reshape([b * g, r, d]));
    let mixed =
        of_prompt.view([p, g, n, m, t, d]).transpose(1, 2) + of_own.view([p, n, g, m, t, d]); // (p, n, g, m, t, d)
    mixed.reshape([b, h, t, d]).transpose(1, 2).reshape([b, t, h * d])
}

/// Attends with the q (b, h, 1, d) of rows to all keys and values of theirs, each (b, g, s, d), in as few kernels as
/// there are. The mask is (b g, 1, s). Returns (b, 1, h * d).
///
/// The softmax of 16 bits computes in float32 as well, and rounds once.
pub(crate) fn attend_slots(q: &Tensor, [k, v, mask]: &[Tensor; 3]) -> Tensor {
    let (b, h, _, d) = q.size4().expect("queries are (b, h, 1, d)");
    let (_, g, s, _) = k.size4().expect("keys are (b, g, s, d)");
    let [k, v] = [k, v].map(|tensor| tensor.reshape([b * g, s, d]));
    let q = q.reshape([b * g, h / g, d]);
    let mask = mask.expand([b * g, h / g, s], false);
    let scores = mask.baddbmm(&q, &k.transpose(1, 2), 1.0, scale(d)); // (b g, h / g, s)
    scores.softmax(-1, None).bmm(&v).view([b, 1, h * d])
}

fn scale(d: i64) -> f64 {
    1.0 / (d as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;
    use crate::mask::{causal, padding_mask, prompt_mask};

    fn leaf(shape: [i64; 4], phase: f64) -> Tensor {
        let values = Tensor::arange(shape.iter().product::<i64>(), (Kind::Float, Device::Cpu));
        ((values * 0.7 + phase).sin() * 2.0).reshape(shape).set_requires_grad(true)
    }

    /// Takes a loss of all numbers backward.
    fn backward_of(mixed: &Tensor) {
        let weights = Tensor::arange(mixed.numel() as i64, (Kind::Float, Device::Cpu)).cos();
        (mixed.to_kind(Kind::Float) * weights.view_as(mixed)).sum(Kind::Float).backward();
    }

    /// Output and gradients of queries, keys and values, in float32.
    fn computed(
        attend: impl Fn(&Tensor, &Tensor, &Tensor) -> Tensor,
        kind: Kind,
        shapes: [[i64; 4]; 2],
    ) -> Vec<Tensor> {
        let leaves = [leaf(shapes[0], 0.0), leaf(shapes[1], 1.0), leaf(shapes[1], 2.0)];
        let [q, k, v] = leaves.each_ref().map(|leaf| leaf.to_kind(kind));
        let mixed = attend(&q, &k, &v).to_kind(Kind::Float);
        backward_of(&mixed);
        std::iter::once(mixed.detach()).chain(leaves.map(|leaf| leaf.grad())).collect()
    }

    fn check(kind: Kind, is_causal: bool, shapes: [[i64; 4]; 2], tolerance: f64) {
        let mask = is_causal.then(|| {
            let (b, t) = (shapes[0][0], shapes[0][2]);
            prompt_mask(&Tensor::ones([b, t], (Kind::Int64, Device::Cpu)))
        });
        let fused = |q: &Tensor, k: &Tensor, v: &Tensor| attend_fused(q, k, v, is_causal);
        let plain = |q: &Tensor, k: &Tensor, v: &Tensor| attend_plainly(q, k, v, mask.as_ref());
        let (fused, plain) = (computed(fused, kind, shapes), computed(plain, kind, shapes));
        for (fused, plain) in fused.iter().zip(&plain) {
            let difference = (fused - plain).abs().max().double_value(&[]);
            assert!(difference <= tolerance, "{kind:?}: off by {difference:e}");
        }
    }

    #[test]
    fn scores_that_are_made_again_have_the_bits_of_kept_ones() {
        // With several threads MKL may cut the same product in two ways.
        tch::set_num_threads(1);
        // Enough tokens that the rows run one at a time.
        let (q, k) = ([2, 2, 1025, 8], [2, 1, 1025, 8]);
        assert!(CACHED_SCORES < q[1..3].iter().product::<i64>() * k[2]);
        let seen = Tensor::ones([2, 1025], (Kind::Int64, Device::Cpu));
        for mask in [None, Some(prompt_mask(&seen))] {
            for kind in [Kind::Float, Kind::BFloat16] {
                let mask = mask.as_ref();
                let kept = computed(|q, k, v| attend_plainly(q, k, v, mask), kind, [q, k]);
                let again = computed(|q, k, v| attend_recomputed(q, k, v, mask), kind, [q, k]);
                for (kept, again) in kept.iter().zip(&again) {
                    assert!(kept.equal(again), "{kind:?}, mask: {}", mask.is_some());
                }
            }
        }
    }

    #[test]
    fn parts_are_of_whole_prompts_or_of_one() {
        assert_eq!(parts(6, 2, 4), [(0, 4), (4, 2)]);
        assert_eq!(parts(6, 2, 5), [(0, 4), (4, 2)]);
        assert_eq!(parts(6, 3, 2), [(0, 2), (2, 1), (3, 2), (5, 1)]);
        assert_eq!(parts(4, 4, 1), [(0, 1), (1, 1), (2, 1), (3, 1)]);
    }

    #[test]
    fn suffixes_in_parts_and_in_few_kernels_have_the_numbers_of_all_at_once() {
        // Three prompts of 5 tokens, of which the second has 4, two rows of 3 tokens each.
        let key_mask = [[1i64, 1, 1, 1, 1], [1, 1, 1, 1, 0], [1, 1, 1, 1, 1]];
        let prompt_mask = padding_mask(&Tensor::from_slice2(&key_mask));
        let own_mask = causal(3, Device::Cpu);
        let attended = |attend: &dyn Fn(&Tensor, &KeyValues<'_>, &KeyValues<'_>) -> Tensor,
                        kind| {
            let leaves = [[6, 4, 3, 8], [3, 2, 5, 8], [3, 2, 5, 8], [6, 2, 3, 8], [6, 2, 3, 8]]
                .map(|shape: [i64; 4]| leaf(shape, shape[2] as f64));
            let [q, prompt_k, prompt_v, k, v] = leaves.each_ref().map(|leaf| leaf.to_kind(kind));
            let prompts = KeyValues { k: &prompt_k, v: &prompt_v, mask: Some(&prompt_mask) };
            let own = KeyValues { k: &k, v: &v, mask: own_mask.as_ref() };
            let mixed = attend(&q, &prompts, &own);
            backward_of(&mixed);
            let gradients = leaves.map(|leaf| leaf.grad());
            std::iter::once(mixed.detach()).chain(gradients).collect::<Vec<_>>()
        };
        let within = |most_scores: i64, kind: Kind| {
            attended(&|q, prompts, own| attend_shared_within(most_scores, q, prompts, own), kind)
        };
        let of_row = 4 * 3 * (5 + 3);
        for (kind, tolerance) in [(Kind::Float, 1e-6), (Kind::BFloat16, 0.04)] {
            let whole = within(i64::MAX, kind);
            // Parts of two prompts, of one, and of a single row.
            for most_scores in [4 * of_row, 3 * of_row, 1] {
                check_near(&within(most_scores, kind), &whole, kind, tolerance);
            }
            check_near(&attended(&attend_shared_fused, kind), &whole, kind, tolerance);
        }
    }

    #[track_caller]
    fn check_near(found: &[Tensor], expected: &[Tensor], kind: Kind, tolerance: f64) {
        for (found, expected) in found.iter().zip(expected) {
            let difference = (found - expected).abs().max().double_value(&[]);
            assert!(difference <= tolerance, "{kind:?}: off by {difference:e}");
        }
    }

    #[test]
    fn fused_attention_is_the_plain_one() {
        for (kind, tolerance) in [(Kind::Float, 2e-6), (Kind::BFloat16, 0.04)] {
            check(kind, false, [[2, 2, 6, 8], [2, 2, 6, 8]], tolerance);
            // Shared heads.
            check(kind, true, [[2, 6, 7, 8], [2, 2, 7, 8]], tolerance);
        }
    }
}
