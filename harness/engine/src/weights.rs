//! The identity of a model's weights, and that they are numbers.

use clsrl_spec::lock;
use clsrl_vlm::{Model, float32_bytes, is_finite};
use sha2::{Digest, Sha256};
use tch::Tensor;

use crate::EngineError;

/// SHA-256 over names, shapes and float32 values of all weights in the model's order, hexadecimal. Adapters are in the
/// weights that they adapt.
///
/// # Errors
///
/// Where a weight is not finite, or has to be read again and cannot.
pub fn digest(model: &Model) -> Result<String, EngineError> {
    let weights = model.merged_weights()?;
    let mut hasher = Sha256::new();
    for at in 0..weights.n_weights() {
        let values = weights.values(at)?;
        add(&mut hasher, weights.name(at).0, &values)?;
    }
    Ok(hex(hasher))
}

/// The same over tensors that have names.
pub fn digest_of(tensors: &[(String, Tensor)]) -> Result<String, EngineError> {
    let mut hasher = Sha256::new();
    tensors.iter().try_for_each(|(name, values)| add(&mut hasher, name, values))?;
    Ok(hex(hasher))
}

fn add(hasher: &mut Sha256, name: &str, values: &Tensor) -> Result<(), EngineError> {
    if !is_finite(values) {
        return Err(EngineError::WeightNotFinite { name: name.to_owned() });
    }
    hasher.update(format!("{name} {:?}\n", values.size()));
    hasher.update(float32_bytes(values));
    Ok(())
}

fn hex(hasher: Sha256) -> String {
    lock::Digest(hasher.finalize().into()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(values: &[f32]) -> Vec<(String, Tensor)> {
        vec![
            ("a".to_owned(), Tensor::from_slice(&[1f32, 2.0])),
            ("b".to_owned(), Tensor::from_slice(values)),
        ]
    }

    #[test]
    fn a_digest_is_of_names_shapes_and_values() {
        let digest = |tensors: &[(String, Tensor)]| digest_of(tensors).unwrap();
        let reference = digest(&named(&[0.5, -0.0]));
        assert_eq!(reference, digest(&named(&[0.5, -0.0])));
        assert_ne!(reference, digest(&named(&[0.5, 0.0])));
        assert_ne!(reference, digest(&named(&[0.5, -0.0])[..1]));
        let ones = |name: &str, shape: [i64; 2]| {
            digest(&[(name.to_owned(), Tensor::ones(shape, tch::kind::FLOAT_CPU))])
        };
        assert_ne!(ones("a", [2, 3]), ones("a", [3, 2]));
        assert_ne!(ones("a", [2, 3]), ones("b", [2, 3]));
    }

    #[test]
    fn what_is_no_number_has_no_digest() {
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let error = digest_of(&named(&[0.5, value])).unwrap_err().to_string();
            assert!(error.contains("`b` is not finite"), "{error}");
        }
    }
}
