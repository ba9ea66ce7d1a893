//! A check: what was found, and what is allowed.

use clsrl_vlm::Precision;
use tch::{Kind, Tensor};

/// Something that must be small.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// What is compared with what.
    pub name: String,
    /// What was found, in the unit that the name tells.
    pub found: f64,
    /// How large it may be.
    pub allowed: f64,
}

impl Check {
    /// Whether the found number is allowed; what is no number is not.
    pub fn passed(&self) -> bool {
        self.found <= self.allowed
    }
}

/// Whether there are checks and all of them passed.
pub fn all_passed(checks: &[Check]) -> bool {
    !checks.is_empty() && checks.iter().all(Check::passed)
}

/// By how much of the largest logit two ways of computing the same may differ.
///
/// float32 rounds at 6e-8 and bf16 at 4e-3; both have dozens of layers to add it up in.
pub(super) fn share(precision: Precision) -> f64 {
    match precision {
        Precision::Float32 => 2e-4,
        Precision::Bfloat16 => 5e-2,
    }
}

/// The largest difference of two tensors of one shape.
pub(super) fn difference(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.size(), b.size(), "only tensors of one shape are compared");
    let (a, b) = (a.to_kind(Kind::Double), b.to_device(a.device()).to_kind(Kind::Double));
    (a - b).abs().max().double_value(&[])
}

/// The largest magnitude in a tensor.
pub(super) fn magnitude(tensor: &Tensor) -> f64 {
    tensor.to_kind(Kind::Double).abs().max().double_value(&[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_does_not_pass() {
        let check = |found| Check { name: String::new(), found, allowed: 1.0 };
        assert!(all_passed(&[check(1.0)]));
        assert!(!all_passed(&[check(0.0), check(f64::NAN)]));
        assert!(!all_passed(&[]), "nothing checked is nothing passed");
    }
}
