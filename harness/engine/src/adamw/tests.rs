//! Steps against `torch.optim.AdamW` and `torch.nn.utils.clip_grad_norm_` of PyTorch 2.11.

use super::*;

/// A rounding or two of a parameter near 1.
const TOLERANCE: f64 = 3e-7;

fn settings(weight_decay: f64, max_grad_norm: f64) -> OptimizerSettings {
    OptimizerSettings {
        learning_rate: 0.02,
        beta1: 0.9,
        beta2: 0.99,
        epsilon: 1e-6,
        weight_decay,
        max_grad_norm,
    }
}

fn leaf(values: &[f32]) -> Tensor {
    Tensor::from_slice(values).set_requires_grad(true)
}

/// Gives a leaf this gradient, by way of a backward pass.
fn set_gradient(leaf: &Tensor, gradient: &[f32]) {
    (leaf * Tensor::from_slice(gradient).view_as(leaf)).sum(Kind::Float).backward();
}

fn assert_close(found: &Tensor, expected: &[f64]) {
    let found = Vec::<f64>::try_from(found.detach().flatten(0, -1).to_kind(Kind::Double)).unwrap();
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= TOLERANCE, "expected {expected}, found {found}");
    }
}

/// Gradients of two parameters, the norm of both, and what the step makes of the parameters.
type Step = ([f32; 3], [f32; 2], f64, [f64; 3], [f64; 2]);

#[test]
fn three_steps_with_clipping_and_decay_are_those_of_torch() {
    let matrix = leaf(&[1.0, -2.0, 0.5]).detach().view([1, 3]).set_requires_grad(true);
    let bias = leaf(&[0.25, -0.125]);
    let named = [("matrix", &matrix), ("bias", &bias)];
    let named = named.map(|(name, tensor)| (name.to_owned(), tensor.shallow_clone()));
    let mut optimizer =
        AdamW::with_decay(named.into(), &settings(0.1, 1.0), |tensor| 2 <= tensor.dim());
    let steps: [Step; 3] = [
        (
            [3.0, -1.0, 0.5],
            [2.0, 0.0],
            3.7749171257019043,
            [0.9780000448226929, -1.9760000705718994, 0.47900015115737915],
            [0.23000003397464752, -0.125],
        ),
        (
            [0.01, 0.02, -0.03],
            [0.0, 0.05],
            0.06244998052716255,
            [0.9624257683753967, -1.9597786664962769, 0.4682416021823883],
            [0.2165684700012207, -0.13984878361225128],
        ),
        (
            [-4.0, 1.0, 8.0],
            [1.0, -1.0],
            9.110433578491211,
            [0.9574849605560303, -1.9519851207733154, 0.4535834491252899],
            [0.20377765595912933, -0.13301369547843933],
        ),
    ];
    for (matrix_gradient, bias_gradient, norm, matrix_after, bias_after) in steps {
        set_gradient(&matrix, &matrix_gradient);
        set_gradient(&bias, &bias_gradient);
        let found = optimizer.step(0.02).unwrap();
        assert!((found - norm).abs() <= norm * 1e-6, "norm: expected {norm}, found {found}");
        assert_close(&matrix, &matrix_after);
        assert_close(&bias, &bias_after);
    }
}

#[test]
fn a_parameter_without_a_gradient_waits_as_in_torch() {
    let (always, sometimes) = (leaf(&[1.0]), leaf(&[0.25]));
    let named = [&always, &sometimes].map(|tensor| (String::new(), tensor.shallow_clone()));
    let mut optimizer = AdamW::new(named.into(), &settings(0.0, f64::INFINITY));
    let steps = [
        (1.0, Some(1.0), 0.9800000190734863, 0.23000001907348633),
        (0.5, None, 0.9613310694694519, 0.23000001907348633),
        (0.25, Some(0.25), 0.9444223642349243, 0.21335481107234955),
    ];
    for (gradient, maybe_gradient, after, maybe_after) in steps {
        set_gradient(&always, &[gradient]);
        if let Some(gradient) = maybe_gradient {
            set_gradient(&sometimes, &[gradient]);
        }
        optimizer.step(0.02).unwrap();
        assert_close(&always, &[after]);
        assert_close(&sometimes, &[maybe_after]);
    }
    assert_eq!(optimizer.step(0.02).unwrap(), 0.0, "a step without any gradient");
    assert_close(&always, &[0.9444223642349243]);
}

#[test]
fn gradients_add_up_until_the_step_and_not_beyond() {
    let parameter = leaf(&[1.0, 1.0]);
    let named = vec![(String::new(), parameter.shallow_clone())];
    let mut optimizer = AdamW::new(named, &settings(0.0, 1e9));
    for _ in 0..2 {
        set_gradient(&parameter, &[3.0, 0.0]);
        set_gradient(&parameter, &[0.0, 4.0]);
        assert_eq!(optimizer.step(0.02).unwrap(), 5.0);
    }
}
