//! DeepStack: features of images that the decoder adds to their tokens after its first layers.

use tch::Tensor;

/// Features of images that are added after the first layers, one by one.
#[derive(Default)]
pub(crate) struct Deepstack {
    /// Indices of the images' tokens in the flattened input (n_placeholders).
    pub(crate) indices: Option<Tensor>,
    /// Those of each layer (n_placeholders, c).
    pub(crate) features: Vec<Tensor>,
}

impl Deepstack {
    /// Adds features to activations (b, t, c).
    pub(crate) fn add(&self, x: &Tensor, features: &Tensor) -> Tensor {
        let indices = self.indices.as_ref().expect("features have places");
        x.flatten(0, 1).index_add(0, indices, features).view_as(x)
    }
}
