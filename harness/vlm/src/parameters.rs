//! The parameters of a model by name: its weights, and the adapters beside them.

use tch::Tensor;

use crate::{lora::Lora, weights::NamedTensors};

/// The leaves of a model.
pub(crate) struct Parameters {
    /// Those of the checkpoint, in the order of its layout.
    pub(crate) weights: NamedTensors,
    pub(crate) adapters: Option<Adapters>,
    /// Weights of several layers as one tensor, of which those of the layers are parts.
    pub(crate) joint: NamedTensors,
}

/// The adapters of a model.
pub(crate) struct Adapters {
    pub(crate) lora: Lora,
    /// Two matrices for each adapted layer, in the order of their layers.
    pub(crate) matrices: NamedTensors,
}

impl Parameters {
    /// A model's without adapters.
    pub(crate) fn of_weights(weights: NamedTensors) -> Self {
        Parameters { weights, adapters: None, joint: Vec::new() }
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &(String, Tensor)> {
        let adapters = self.adapters.iter().flat_map(|adapters| &adapters.matrices);
        self.weights.iter().chain(adapters)
    }

    /// Those that are trained: the adapters if there are any, else all.
    pub(crate) fn trained(&self) -> &NamedTensors {
        self.adapters.as_ref().map_or(&self.weights, |adapters| &adapters.matrices)
    }

    /// What the product of an adapter's matrices is multiplied by; 1 where there is none.
    pub(crate) fn adapter_scale(&self) -> f64 {
        self.adapters.as_ref().map_or(1.0, |adapters| adapters.lora.scale())
    }
}
