//! The first step's gradients twice, from the same weights: what is not deterministic shows.

use clsrl_libtorch::clear_gradients;
use clsrl_spec::{DifferingTensor, RepeatedStep};
use tch::{Kind, Tensor};

use crate::EngineError;

/// Lets a step accumulate its gradients twice, and compares them bit by bit. Leaves no gradients.
pub fn repeated_step(
    parameters: &[(String, Tensor)],
    accumulate: &mut dyn FnMut() -> Result<(), EngineError>,
) -> Result<RepeatedStep, EngineError> {
    let leaves: Vec<&Tensor> = parameters.iter().map(|(_, leaf)| leaf).collect();
    let mut gradients = || {
        accumulate()?;
        let gradients: Vec<Tensor> = leaves.iter().map(|leaf| leaf.grad()).collect();
        clear_gradients(leaves.iter().copied())?;
        Ok::<_, EngineError>(gradients)
    };
    let (first, second) = (gradients()?, gradients()?);
    let mut found = RepeatedStep::default();
    for ((name, _), (first, second)) in parameters.iter().zip(first.iter().zip(&second)) {
        if !first.defined() && !second.defined() {
            continue;
        }
        found.n_tensors += 1;
        if let Some(max_difference) = difference(first, second) {
            found.differing.push(DifferingTensor { name: name.clone(), max_difference });
        }
    }
    Ok(found)
}

/// The largest difference of two gradients, one of which may lack; nothing if all bits are equal.
fn difference(first: &Tensor, second: &Tensor) -> Option<f64> {
    let difference = match (first.defined(), second.defined()) {
        (true, true) if first.equal(second) => return None,
        (true, true) => first - second,
        (true, false) => first.shallow_clone(),
        (false, _) => second.shallow_clone(),
    };
    Some(difference.abs().max().to_kind(Kind::Double).double_value(&[]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Accumulates gradients of `steady` (always the same) and of `drifting` (one more every time).
    fn check(drift: f32) -> RepeatedStep {
        let leaf = || Tensor::from_slice(&[1f32, 2.0]).set_requires_grad(true);
        let parameters = ["steady", "drifting", "unused"].map(|name| (name.to_owned(), leaf()));
        let mut n_times = 0.0;
        let found = repeated_step(&parameters, &mut || {
            n_times += drift;
            let loss =
                &parameters[0].1 * 3.0 + &parameters[1].1 * Tensor::from_slice(&[1.0, n_times]);
            loss.sum(Kind::Float).backward();
            Ok(())
        });
        assert!(parameters.iter().all(|(_, leaf)| !leaf.grad().defined()));
        found.unwrap()
    }

    #[test]
    fn equal_steps_have_no_differences() {
        assert_eq!(check(0.0), RepeatedStep { n_tensors: 2, differing: vec![] });
    }

    #[test]
    fn what_differs_is_named_with_its_largest_difference() {
        let differing = vec![DifferingTensor { name: "drifting".to_owned(), max_difference: 0.25 }];
        assert_eq!(check(0.25), RepeatedStep { n_tensors: 2, differing });
    }
}
