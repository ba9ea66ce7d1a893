//! Weights for a model made from nothing.
//!
//! Drawn on the CPU from ChaCha8, one stream for each tensor: the same seed gives the same model
//! on every machine, whatever libtorch's own generator did before.

use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use tch::{Device, Tensor};

use crate::{
    random::draw_unit,
    weights::{Role, TensorSpec},
};

const EMBEDDING_STD: f64 = 0.02;
const MAX_MATRIX_STD: f64 = 0.05;

/// How to draw the weights of a new model.
///
/// Embeddings have a spread of 0.02, other matrices of at most 0.05 and of 1/√(inputs); biases
/// are 0, norms 1.
#[derive(Debug, Clone, Copy)]
pub struct Init {
    /// Names the weights.
    pub seed: u64,
}

/// Draws every tensor of the layout, in its order.
pub(crate) fn draw_weights(
    init: &Init,
    layout: &[TensorSpec],
    device: Device,
) -> Vec<(String, Tensor)> {
    let draw = |(stream, spec): (usize, &TensorSpec)| {
        let tensor = draw_tensor(init.seed, stream as u64, spec);
        (spec.name.clone(), tensor.to_device(device))
    };
    layout.iter().enumerate().map(draw).collect()
}

fn draw_tensor(seed: u64, stream: u64, spec: &TensorSpec) -> Tensor {
    let fan_in: i64 = spec.shape[1..].iter().product();
    let count = spec.shape.iter().product::<i64>() as usize;
    let values = match spec.role {
        Role::Embedding => draw_normals(seed, stream, count, EMBEDDING_STD),
        Role::Matrix => {
            let std = MAX_MATRIX_STD.min(1.0 / (fan_in as f64).sqrt());
            draw_normals(seed, stream, count, std)
        }
        Role::Bias | Role::NormBias => vec![0.0; count],
        Role::NormWeight => vec![1.0; count],
    };
    Tensor::from_slice(&values).reshape(&spec.shape)
}

/// Box–Muller, both values of each pair.
fn draw_normals(seed: u64, stream: u64, count: usize, std: f64) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    let mut values = Vec::with_capacity(count + 1);
    while values.len() < count {
        // In (0, 1]: its logarithm is finite.
        let radius = (-2.0 * (1.0 - draw_unit(&mut rng)).ln()).sqrt() * std;
        let (sin, cos) = (std::f64::consts::TAU * draw_unit(&mut rng)).sin_cos();
        values.push((radius * cos) as f32);
        values.push((radius * sin) as f32);
    }
    values.truncate(count);
    values
}
