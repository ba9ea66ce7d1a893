//! Group-relative advantages and the k3 estimate of the KL divergence.
//!
//! As the published trainer (TRL 0.14): the standard deviation has Bessel's correction, and a group whose
//! rewards are all equal keeps zero advantages, hence only its KL gradient. One deviation: a group of
//! one completion has advantage 0, there it is not a number.

use tch::Tensor;

/// `(r - mean) / (std + epsilon)` within each group of `n_generations` completions; rewards are prompt-major.
pub fn advantages(rewards: &[f64], n_generations: usize, epsilon: f64) -> Vec<f64> {
    rewards
        .chunks(n_generations)
        .flat_map(|rewards| {
            let n = rewards.len() as f64;
            let mean = rewards.iter().sum::<f64>() / n;
            let squares = rewards.iter().map(|reward| (reward - mean).powi(2)).sum::<f64>();
            let deviation = (squares / (n - 1.0).max(1.0)).sqrt();
            rewards.iter().map(move |reward| (reward - mean) / (deviation + epsilon))
        })
        .collect()
}

/// Per token `exp(ref - policy) - (ref - policy) - 1`, which is never negative (Schulman's k3).
pub fn k3(policy: &Tensor, reference: &Tensor) -> Tensor {
    let difference = reference - policy;
    difference.exp() - &difference - 1.0
}

/// Whether the rewards of a group differ.
pub fn has_variance(rewards: &[f64]) -> bool {
    rewards.iter().any(|reward| *reward != rewards[0])
}

/// The share of groups whose rewards are all equal.
pub fn zero_variance_share(rewards: &[f64], n_generations: usize) -> f64 {
    let n_groups = rewards.len() / n_generations;
    let n_equal = rewards.chunks(n_generations).filter(|rewards| !has_variance(rewards)).count();
    n_equal as f64 / n_groups as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_rewards_give_no_advantage() {
        assert_eq!(advantages(&[1.0; 4], 4, 1e-4), vec![0.0; 4]);
        assert_eq!(zero_variance_share(&[1.0, 1.0, 0.0, 1.0], 2), 0.5);
    }

    #[test]
    fn a_group_of_one_gives_no_advantage() {
        assert_eq!(advantages(&[2.0], 1, 1e-4), vec![0.0]);
    }

    #[test]
    fn k3_is_zero_where_the_models_agree_and_positive_elsewhere() {
        let policy = Tensor::from_slice(&[-1.0f64, -2.0]);
        let reference = Tensor::from_slice(&[-1.0f64, -2.5]);
        let kl = k3(&policy, &reference);
        assert_eq!(kl.double_value(&[0]), 0.0);
        assert!((kl.double_value(&[1]) - ((-0.5f64).exp() + 0.5 - 1.0)).abs() < 1e-12);
    }
}
