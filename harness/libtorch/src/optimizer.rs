//! AdamW in one pass over everything, and the norm that clipping needs.

#![expect(unsafe_code, reason = "calls the shim")]

use std::ptr;

use tch::Tensor;

use crate::{
    LibtorchError,
    shim::{check, clsrl_fused_adamw, clsrl_global_norm, pointers},
};

/// The tensors of one step: lists of one length in one order, all of one kind and device.
#[derive(Debug, Clone, Copy)]
pub struct AdamWTensors<'a> {
    /// What is changed.
    pub parameters: &'a [&'a Tensor],
    /// Their gradients; what they are divided by is written back to them.
    pub gradients: &'a [&'a Tensor],
    /// Means of gradients, changed.
    pub moments1: &'a [&'a Tensor],
    /// Means of squared gradients, changed.
    pub moments2: &'a [&'a Tensor],
    /// How many steps each has taken, float32 scalars, raised by one.
    pub steps: &'a [&'a Tensor],
}

/// The numbers of one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamWCoefficients {
    /// The step's learning rate.
    pub learning_rate: f64,
    /// What stays of the mean of gradients.
    pub beta1: f64,
    /// What stays of the mean of squared gradients.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
    /// What a parameter loses, times the learning rate.
    pub weight_decay: f64,
}

/// Takes one step of AdamW by libtorch's fused kernel, as `torch.optim.AdamW(fused=True)`.
///
/// Every gradient is divided by a float32 scalar on the same device on the way; nothing waits for the
/// device. Panics if the lists differ in length.
pub fn fused_adamw(
    tensors: AdamWTensors<'_>,
    coefficients: &AdamWCoefficients,
    gradient_divisor: &Tensor,
) -> Result<(), LibtorchError> {
    let AdamWTensors { parameters, gradients, moments1, moments2, steps } = tensors;
    let n_tensors = parameters.len();
    let lists = [parameters, gradients, moments1, moments2, steps].map(|list| {
        assert_eq!(list.len(), n_tensors, "gradients, moments and steps are one per parameter");
        pointers(list.iter().copied())
    });
    let [parameters, gradients, moments1, moments2, steps] = lists.each_ref().map(|l| l.as_ptr());
    let AdamWCoefficients { learning_rate, beta1, beta2, epsilon, weight_decay } = *coefficients;
    // SAFETY: five lists of `n_tensors` pointers to tensors that are borrowed until the call returns.
    let status = unsafe {
        clsrl_fused_adamw(
            parameters,
            gradients,
            moments1,
            moments2,
            steps,
            n_tensors,
            learning_rate,
            beta1,
            beta2,
            weight_decay,
            epsilon,
            gradient_divisor.as_ptr(),
        )
    };
    check("take a step of AdamW", status)
}

/// The Euclidean norm over all values of all tensors, a float32 scalar on their device; nothing waits
/// for the device. An error if there is no tensor.
pub fn global_norm(tensors: &[&Tensor]) -> Result<Tensor, LibtorchError> {
    let list = pointers(tensors.iter().copied());
    let mut norm = ptr::null_mut();
    // SAFETY: the list lives until the call returns; `norm` is set to a tensor that is ours if it succeeds.
    check("take the norm of gradients", unsafe {
        clsrl_global_norm(list.as_ptr(), list.len(), &mut norm)
    })?;
    // SAFETY: the call succeeded, so `norm` owns a tensor.
    Ok(unsafe { Tensor::from_ptr(norm) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const COEFFICIENTS: AdamWCoefficients = AdamWCoefficients {
        learning_rate: 0.1,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        weight_decay: 0.0,
    };

    #[test]
    fn the_norm_is_that_of_all_values_together() {
        let (a, b) = (Tensor::from_slice(&[3f32, 0.0]), Tensor::from_slice(&[0f32, 4.0, 12.0]));
        assert_eq!(global_norm(&[&a, &b]).unwrap().double_value(&[]), 13.0);
        assert!(global_norm(&[]).is_err());
    }

    #[test]
    fn gradients_are_divided_before_the_step() {
        let mut found = Vec::new();
        for (gradient, divisor) in [(3f32, 1f32), (12.0, 4.0)] {
            let parameter = Tensor::from_slice(&[1f32]);
            let gradient = Tensor::from_slice(&[gradient]);
            let [moment1, moment2] = [parameter.zeros_like(), parameter.zeros_like()];
            let step = Tensor::from(0f32);
            let tensors = AdamWTensors {
                parameters: &[&parameter],
                gradients: &[&gradient],
                moments1: &[&moment1],
                moments2: &[&moment2],
                steps: &[&step],
            };
            fused_adamw(tensors, &COEFFICIENTS, &Tensor::from(divisor)).unwrap();
            assert_eq!(step.double_value(&[]), 1.0);
            found.push([&parameter, &moment1, &moment2].map(|tensor| tensor.double_value(&[0])));
        }
        assert_eq!(found[0], found[1]);
        assert!((found[0][0] - 0.9).abs() < 1e-6, "{found:?}"); // the first step is the learning rate
    }

    #[test]
    fn what_libtorch_throws_comes_back_as_an_error() {
        let (wide, narrow) = (Tensor::from_slice(&[1f32]), Tensor::from_slice(&[1f64]));
        let step = Tensor::from(0f32);
        let tensors = AdamWTensors {
            parameters: &[&wide],
            gradients: &[&narrow],
            moments1: &[&wide],
            moments2: &[&wide],
            steps: &[&step],
        };
        let error = fused_adamw(tensors, &COEFFICIENTS, &Tensor::from(1f32)).unwrap_err();
        let message = error.to_string();
        assert!(message.starts_with("libtorch cannot take a step of AdamW: "), "{message}");
        assert!(!message.contains("frame #"), "{message}");
    }
}
