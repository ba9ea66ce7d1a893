//! LoRA: low-rank adapters beside frozen linear layers (Hu et al. 2021, arXiv 2106.09685).
//!
//! An adapter stands at every linear layer of the decoder's layers, of the vision tower's blocks and of its
//! mergers; the patch embedding, which is a convolution in the checkpoint, and the head have none. There is no
//! dropout. A starts as peft starts it, uniform in ±1/√(inputs), and B at 0, so that a new adapter changes
//! nothing.

use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use tch::{Device, Kind, Tensor};

use crate::{
    config::Config,
    layout::layout,
    random::draw_unit,
    weights::{ADAPTER_MATRICES, NamedTensors, Role, TensorSpec},
};

/// The shape of all adapters of a model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lora {
    /// Rows of A, columns of B.
    pub rank: i64,
    /// `alpha / rank` times B A is added to a layer's weight.
    pub alpha: f64,
}

impl Lora {
    /// What the product of the two matrices is multiplied with.
    pub(crate) fn scale(self) -> f64 {
        self.alpha / self.rank as f64
    }
}

/// The layers that get an adapter, by the name before `.weight`, in the layout's order.
pub(crate) fn adapted_layers(config: &Config) -> Vec<(String, TensorSpec)> {
    let adapted = |spec: TensorSpec| {
        let layer = spec.name.strip_suffix(".weight")?.to_owned();
        let is_inside = layer.contains(".layers.") || layer.contains(".blocks.");
        let is_linear = spec.role == Role::Matrix && spec.shape.len() == 2;
        let is_merger = layer.contains(".merger.") || layer.contains(".deepstack_merger_list.");
        (is_linear && (is_inside || is_merger)).then_some((layer, spec))
    };
    layout(config).specs.into_iter().filter_map(adapted).collect()
}

/// The names and shapes of all matrices, in the order in which [`draw_adapters`] draws them.
pub(crate) fn adapter_shapes(config: &Config, lora: Lora) -> Vec<(String, Vec<i64>)> {
    let of_layer = |(layer, spec): (String, TensorSpec)| {
        let shapes = [vec![lora.rank, spec.shape[1]], vec![spec.shape[0], lora.rank]];
        ADAPTER_MATRICES
            .into_iter()
            .zip(shapes)
            .map(move |(matrix, shape)| (format!("{layer}.{matrix}"), shape))
    };
    adapted_layers(config).into_iter().flat_map(of_layer).collect()
}

/// Draws new adapters: the matrices of each layer by name, float32, a stream for each.
pub(crate) fn draw_adapters(
    config: &Config,
    lora: Lora,
    seed: u64,
    device: Device,
) -> NamedTensors {
    let mut adapters = Vec::new();
    for (stream, (layer, spec)) in adapted_layers(config).into_iter().enumerate() {
        let (n_out, n_in) = (spec.shape[0], spec.shape[1]);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream as u64);
        let bound = 1.0 / (n_in as f64).sqrt();
        let draw = |_| (bound * (2.0 * draw_unit(&mut rng) - 1.0)) as f32;
        let a: Vec<f32> = (0..lora.rank * n_in).map(draw).collect();
        let a = Tensor::from_slice(&a).reshape([lora.rank, n_in]);
        let b = Tensor::zeros([n_out, lora.rank], (Kind::Float, Device::Cpu));
        for (matrix, tensor) in ADAPTER_MATRICES.into_iter().zip([a, b]) {
            adapters.push((format!("{layer}.{matrix}"), tensor.to_device(device)));
        }
    }
    adapters
}
