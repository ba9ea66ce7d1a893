//! Filtered distributions and draws from them.

use tch::Device;

use super::*;

fn probs(logits: &[f32], temperature: f64, top_k: usize, top_p: f64) -> Vec<f32> {
    let sampling = Sampling { temperature, top_k, top_p };
    let probs = filtered_probs(&Tensor::from_slice(logits).unsqueeze(0), &sampling);
    Vec::try_from(probs.squeeze()).unwrap()
}

fn check(found: &[f32], expected: &[f32]) {
    let is_near = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-6;
    assert!(found.iter().zip(expected).all(is_near), "{found:?} against {expected:?}");
}

/// Logits whose probabilities are the given ones.
fn logs(probs: [f32; 4]) -> [f32; 4] {
    probs.map(f32::ln)
}

#[test]
fn nothing_is_filtered_unless_asked() {
    let expected = [0.1, 0.4, 0.3, 0.2];
    check(&probs(&logs(expected), 1.0, 0, 1.0), &expected);
    check(&probs(&logs(expected), 1.0, 9, 1.0), &expected);
}

#[test]
fn temperature_sharpens() {
    check(&probs(&logs([0.25, 0.75, 0.0, 0.0]), 0.5, 0, 1.0), &[0.1, 0.9, 0.0, 0.0]);
}

#[test]
fn top_k_keeps_ties_with_the_last() {
    let found = probs(&logs([0.2, 0.4, 0.2, 0.2]), 1.0, 2, 1.0);
    check(&found, &[0.2, 0.4, 0.2, 0.2]);
    check(&probs(&logs([0.1, 0.4, 0.3, 0.2]), 1.0, 1, 1.0), &[0.0, 1.0, 0.0, 0.0]);
}

#[test]
fn top_p_keeps_the_token_that_crosses_and_never_none() {
    check(&probs(&logs([0.1, 0.4, 0.3, 0.2]), 1.0, 0, 0.5), &[0.0, 4.0 / 7.0, 3.0 / 7.0, 0.0]);
    check(&probs(&logs([0.1, 0.4, 0.3, 0.2]), 1.0, 0, 1e-9), &[0.0, 1.0, 0.0, 0.0]);
}

#[test]
fn top_p_is_of_what_top_k_left() {
    let found = probs(&logs([0.1, 0.4, 0.3, 0.2]), 1.0, 2, 0.5);
    check(&found, &[0.0, 1.0, 0.0, 0.0]);
}

#[test]
fn a_draw_inverts_the_distribution() {
    let row = Tensor::from_slice(&[0.0f32, 0.25, 0.0, 0.5, 0.25, 0.0]);
    let draws = [0.0, 0.2, 0.25, 0.7, 0.75, 1.0 - f64::EPSILON / 2.0];
    let found = draw(&row.expand([6, 6], false), &Tensor::from_slice(&draws));
    assert_eq!(Vec::<i64>::try_from(found).unwrap(), [1, 1, 3, 3, 4, 4]);
}

/// Every draw, also where some tokens tie with the k-th; and where so many do that the largest do not tell, that is told.
#[test]
fn what_is_drawn_from_the_largest_is_what_is_drawn_from_all() {
    let (n_rows, n_words) = (200, 1000);
    let numbers = Tensor::arange(n_rows * n_words, (Kind::Float, Device::Cpu)) * 12.9898;
    let noise = (numbers.sin() * 43758.547).frac().view([n_rows, n_words]) * 20.0;
    let draws = Tensor::arange(n_rows, (Kind::Double, Device::Cpu)) / n_rows as f64;
    for (top_k, temperature, step) in
        [(50, 1.0, 0.0), (50, 0.7, 0.125), (5, 2.0, 8.0), (1, 1.0, 0.5)]
    {
        // Of few different values, as logits of 16 bits are.
        let logits = if step == 0.0 { noise.copy() } else { (&noise / step).round() * step };
        let sampling = Sampling { temperature, top_k, top_p: 1.0 };
        let drawn = sample_of_largest(&logits, &sampling, &draws).unwrap();
        let all = sample(&logits, &sampling, &draws);
        let is_right = drawn.ids.eq_tensor(&all).logical_or(&drawn.is_open);
        assert!(bool::try_from(is_right.all()).unwrap(), "{sampling:?}, {step}");
        assert_eq!(bool::try_from(drawn.is_open.any()).unwrap(), step == 8.0, "{sampling:?}");
    }
    let flat = Tensor::zeros([1, n_words], (Kind::Float, Device::Cpu));
    let sampling = Sampling { temperature: 1.0, top_k: 50, top_p: 1.0 };
    let drawn = sample_of_largest(&flat, &sampling, &draws.narrow(0, 7, 1)).unwrap();
    assert!(bool::try_from(drawn.is_open.all()).unwrap());
}

#[test]
fn only_a_top_k_is_drawn_from_the_largest() {
    let logits = Tensor::zeros([1, 100], (Kind::Float, Device::Cpu));
    let draws = Tensor::zeros([1], (Kind::Double, Device::Cpu));
    for (top_k, top_p) in [(0, 1.0), (50, 1.0), (20, 0.9)] {
        let sampling = Sampling { temperature: 1.0, top_k, top_p };
        assert!(sample_of_largest(&logits, &sampling, &draws).is_none(), "{sampling:?}");
    }
}

#[test]
fn tokens_that_a_row_has_already_are_less_likely_and_padding_is_none_of_them() {
    let ids = Tensor::from_slice2(&[[3_i64, 0, 0], [0, 1, 3]]);
    let mask = Tensor::from_slice2(&[[1_i64, 1, 1], [0, 1, 1]]);
    let mut repetition = Repetition::new(2.0, (&ids, &mask), 4);
    let logits = Tensor::from_slice2(&[[4.0_f32, 4.0, -4.0, -4.0], [4.0, 4.0, -4.0, -4.0]]);
    let penalised =
        |repetition: &Repetition| Vec::<Vec<f32>>::try_from(repetition.penalise(&logits)).unwrap();
    assert_eq!(penalised(&repetition), [[2.0, 4.0, -4.0, -8.0], [4.0, 2.0, -4.0, -8.0]]);
    repetition.push(&Tensor::from_slice(&[2_i64, 2]));
    assert_eq!(penalised(&repetition), [[2.0, 4.0, -8.0, -8.0], [4.0, 2.0, -8.0, -8.0]]);
    repetition.select(&Tensor::from_slice(&[1_i64]));
    assert_eq!(penalised(&repetition)[0], [4.0, 2.0, -8.0, -8.0]);
}

#[test]
fn a_penalty_of_1_is_plain_greedy_decoding() {
    assert_eq!(Decoding::greedy(1.0), Decoding::Greedy);
    assert_eq!(Decoding::greedy(1.1), Decoding::Penalised(1.1));
}
