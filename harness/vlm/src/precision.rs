//! What the model computes in.

use serde::{Deserialize, Serialize};
use tch::Kind;

/// The number format of matrix products. Master weights, norms, softmax and logits are float32 in either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Precision {
    /// 32 bits.
    #[serde(rename = "f32")]
    Float32,
    /// 16 bits with float32's range.
    #[serde(rename = "bf16")]
    Bfloat16,
}

impl Precision {
    /// The precision of this name in identities and jobs, `f32` or `bf16`.
    pub fn named(name: &str) -> Option<Precision> {
        match name {
            "f32" => Some(Precision::Float32),
            "bf16" => Some(Precision::Bfloat16),
            _ => None,
        }
    }

    pub(crate) fn kind(self) -> Kind {
        match self {
            Precision::Float32 => Kind::Float,
            Precision::Bfloat16 => Kind::BFloat16,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_names_a_precision_as_an_identity_does() {
        for precision in [Precision::Float32, Precision::Bfloat16] {
            let json = serde_json::to_value(precision).unwrap();
            assert_eq!(json.as_str().and_then(Precision::named), Some(precision));
        }
    }
}
