//! Holm's correction: several tests, one level.

use super::Probability;

/// Adjusts p-values for their number (Holm 1979), in their own order: those at most the level are
/// rejected, and the chance of any wrong one among them is at most the level, however they depend.
pub fn holm(p_values: &[Probability]) -> Vec<Probability> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&left, &right| p_values[left].get().total_cmp(&p_values[right].get()));
    let mut adjusted = p_values.to_vec();
    let mut largest: f64 = 0.0;
    for (rank, &position) in order.iter().enumerate() {
        let remaining = (p_values.len() - rank) as f64;
        largest = largest.max(remaining * p_values[position].get());
        adjusted[position] = Probability::rounded(largest);
    }
    adjusted
}
