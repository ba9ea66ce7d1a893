//! Scaled dot-product attention with shared key-value heads, softmax in float32.
//!
//! Within prompts it is on a GPU libtorch's fused one, which never writes the scores down; on a CPU, where the
//! backward pass of that one is slow, it is written out, and the scores are made again for the backward pass. Keys and values are never repeated: the queries
//! of the heads that share them stand one below the other, and so do those of the rows that share a prompt.

use clsrl_libtorch::recompute;
use tch::{Kind, Tensor};

use crate::layers::cast;

/// What the fused attention adds to the score of a key that must not be seen; its weight is 0 all the same.
const HIDDEN: f64 = -1e30;

/// Scores that are made at a time on a CPU where nothing keeps them: 8 MiB in float32.
const CACHED_SCORES: i64 = 1 << 21;

/// Attends with q (b, h, t, d) to k and v (b, g, s, d); the mask (b, 1, t, s) is added to the
/// scores. Returns (b, t, h * d).
pub(crate) fn attend(q: &Tensor, k: &Tensor, v: &Tensor, mask: Option<&Tensor>) -> Tensor {
    match (q.device().is_cuda(), q.requires_grad()) {
        (true, _) => attend_fused(q, k, v, mask),
        (false, true) => attend_again(q, k, v, mask),
        (false, false) => in_parts(q, k, v, mask, attend_plainly),
    }
}

/// Scores grow with the square of a picture's patches, and are soon made: nothing keeps them.
fn attend_again(q: &Tensor, k: &Tensor, v: &Tensor, mask: Option<&Tensor>) -> Tensor {
    in_parts(q, k, v, mask, |q, k, v, mask| {
        let mask = mask.map(Tensor::shallow_clone);
        let attend = move |inputs: &[Tensor]| {
            let [q, k, v] = inputs else { panic!("attention has three inputs") };
            [attend_plainly(q, k, v, mask.as_ref())]
        };
        let [mixed] = recompute(&[q, k, v], attend).unwrap_or_else(|error| panic!("{error}"));
        mixed
    })
}

/// A few rows of the batch at a time, so that scores which nothing keeps stay in the processor's cache.
fn in_parts(
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

fn attend_fused(q: &Tensor, k: &Tensor, v: &Tensor, mask: Option<&Tensor>) -> Tensor {
    let (b, h, t, d) = q.size4().expect("queries are (b, h, t, d)");
    let (g, s) = (k.size()[1], k.size()[2]);
    let q = q.reshape([b, g, h / g * t, d]);
    let mask = mask.map(|mask| {
        // Finite in bfloat16 too, so that a query that sees nothing gets equal weights and not NaN.
        let mask = cast(&mask.clamp_min(HIDDEN), q.kind()).unsqueeze(2); // (b, 1, 1, t, s)
        mask.expand([b, 1, h / g, t, s], false)
            .reshape([b, 1, h / g * t, s])
            .expand([b, g, -1, s], false)
    });
    let mixed =
        Tensor::scaled_dot_product_attention(&q, k, v, mask.as_ref(), 0.0, false, None, false);
    mixed.view([b, h, t, d]).transpose(1, 2).reshape([b, t, h * d])
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

/// Keys and values of some tokens, and what is added to their scores.
pub(crate) struct Seen<'a> {
    pub(crate) k: &'a Tensor,
    pub(crate) v: &'a Tensor,
    pub(crate) mask: Option<&'a Tensor>,
}

/// Attends with the q (b, h, t, d) of rows to the tokens of their prompts (p, g, s, d), each shared by the
/// b / p rows that stand next to each other, and to their own (b, g, r, d), in one softmax.
///
/// The masks are (p, 1, 1, s) and (t, r). Returns (b, t, h * d).
pub(crate) fn attend_shared(q: &Tensor, prompts: &Seen<'_>, own: &Seen<'_>) -> Tensor {
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

fn scale(d: i64) -> f64 {
    1.0 / (d as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;
    use crate::mask::{padding_mask, prompt_mask};

    /// Output and gradients of queries, keys and values, in float32.
    fn computed(
        attend: fn(&Tensor, &Tensor, &Tensor, Option<&Tensor>) -> Tensor,
        kind: Kind,
        mask: Option<&Tensor>,
        shapes: [[i64; 4]; 2],
    ) -> Vec<Tensor> {
        let leaf = |shape: [i64; 4], phase: f64| {
            let values = Tensor::arange(shape.iter().product::<i64>(), (Kind::Float, Device::Cpu));
            ((values * 0.7 + phase).sin() * 2.0).reshape(shape).set_requires_grad(true)
        };
        let leaves = [leaf(shapes[0], 0.0), leaf(shapes[1], 1.0), leaf(shapes[1], 2.0)];
        let [q, k, v] = leaves.each_ref().map(|leaf| leaf.to_kind(kind));
        let mixed = attend(&q, &k, &v, mask).to_kind(Kind::Float);
        let weights = Tensor::arange(mixed.numel() as i64, (Kind::Float, Device::Cpu)).cos();
        (&mixed * weights.view_as(&mixed)).sum(Kind::Float).backward();
        std::iter::once(mixed.detach()).chain(leaves.map(|leaf| leaf.grad())).collect()
    }

    fn check(kind: Kind, mask: Option<&Tensor>, shapes: [[i64; 4]; 2], tolerance: f64) {
        let fused = computed(attend_fused, kind, mask, shapes);
        let plain = computed(attend_plainly, kind, mask, shapes);
        for (fused, plain) in fused.iter().zip(&plain) {
            let difference = (fused - plain).abs().max().double_value(&[]);
            assert!(difference <= tolerance, "{kind:?}: off by {difference:e}");
        }
    }

    #[test]
    fn scores_that_are_made_again_have_the_bits_of_kept_ones() {
        // With several threads MKL may cut the same product in two ways.
        tch::set_num_threads(1);
        // So many tokens that the rows run one at a time.
        let (q, k) = ([2, 2, 1025, 8], [2, 1, 1025, 8]);
        assert!(CACHED_SCORES < q[1..3].iter().product::<i64>() * k[2]);
        let seen = Tensor::ones([2, 1025], (Kind::Int64, Device::Cpu));
        for mask in [None, Some(prompt_mask(&seen))] {
            for kind in [Kind::Float, Kind::BFloat16] {
                let kept = computed(attend_plainly, kind, mask.as_ref(), [q, k]);
                let again = computed(attend_again, kind, mask.as_ref(), [q, k]);
                for (kept, again) in kept.iter().zip(&again) {
                    assert!(kept.equal(again), "{kind:?}, mask: {}", mask.is_some());
                }
            }
        }
    }

    #[test]
    fn fused_attention_is_the_plain_one() {
        // Filled up behind: the gradients of queries that see nothing differ, and nobody reads those.
        let key_mask = Tensor::from_slice2(&[[1i64, 1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 1, 1]]);
        for (kind, tolerance) in [(Kind::Float, 2e-6), (Kind::BFloat16, 0.04)] {
            check(kind, None, [[2, 2, 6, 8], [2, 2, 6, 8]], tolerance);
            // Shared heads.
            let whole = prompt_mask(&key_mask);
            check(kind, Some(&whole), [[2, 6, 7, 8], [2, 2, 7, 8]], tolerance);
            let continued = padding_mask(&key_mask);
            check(kind, Some(&continued), [[2, 6, 1, 8], [2, 2, 7, 8]], tolerance);
        }
    }
}
