//! Whole prompts: their images, their rectangle or packing, and how their tokens attend.

use tch::Tensor;

use super::Model;
use crate::{
    attention::Attending, batch::Batch, decoder::Prompts, deepstack::Deepstack, mask::prompt_mask,
    ops::cast, packing::Packing, positions::Grid, stage::Stage, vision::Features,
};

impl Model {
    pub(super) fn encode(
        &self,
        pixels: &Tensor,
        grids: &[Grid],
        tap: &mut dyn FnMut(Stage, &Tensor),
    ) -> Features {
        let kind = self.precision.kind();
        if grids.is_empty() {
            return self.modules.visual.empty(kind, self.device);
        }
        self.modules.visual.forward(&cast(pixels, kind), grids, tap)
    }

    /// Runs prompts, packed or as they lie, for all hidden states or those at some indices of the flattened
    /// batch.
    pub(super) fn run_prompts(
        &self,
        batch: &Batch,
        packing: Option<&Packing>,
        read_at: Option<&Tensor>,
        tap: &mut dyn FnMut(Stage, &Tensor),
    ) -> (Tensor, Vec<(Tensor, Tensor)>) {
        let (x, deepstack) = self.embed(batch, tap);
        let attending = self.attending_within(batch);
        let Some(packing) = packing else {
            let read_at = read_at.map(Tensor::shallow_clone);
            let prompts = Prompts { attending, packing: None, read_at, deepstack };
            return self.modules.model.forward_prompts(x, &batch.positions, &prompts, tap);
        };
        let x = packing.pack(&x); // (1, n, c)
        let positions = packing.pack(&batch.positions.permute([1, 2, 0])).permute([2, 0, 1]);
        let read_at = read_at.map(|indices| packing.packed_indices(indices));
        let indices = deepstack.indices.map(|indices| packing.packed_indices(&indices));
        let deepstack = Deepstack { indices, ..deepstack };
        let prompts = Prompts { attending, packing: Some(packing.share()), read_at, deepstack };
        self.modules.model.forward_prompts(x, &positions, &prompts, tap)
    }

    /// In rows that are padded on the right no token sees padding, which comes after it: causal is all the mask they need.
    fn attending_within(&self, batch: &Batch) -> Attending {
        match self.modules.visual.uses_fused_attention && batch.starts_together {
            true => Attending::Fused { is_causal: true },
            false => Attending::Plain { mask: Some(prompt_mask(&batch.mask)) },
        }
    }

    /// Token embeddings with the images' features in place of their placeholders (b, t, c), and what is added to those
    /// later.
    fn embed(&self, batch: &Batch, tap: &mut dyn FnMut(Stage, &Tensor)) -> (Tensor, Deepstack) {
        let x = cast(&self.modules.model.embed_tokens.forward(&batch.ids), self.precision.kind());
        if batch.grids.is_empty() {
            return (x, Deepstack::default());
        }
        let features = self.encode(&batch.pixels, &batch.grids, tap);
        let features = match &batch.feature_rows {
            None => features,
            Some(rows) => features.map(|features| features.index_select(0, rows)),
        };
        let indices = &batch.feature_indices;
        let x = x.flatten(0, 1).index_copy(0, indices, &features.merged).view_as(&x);
        // Without features nothing needs the indices, and packing them would be a launch.
        let indices = (!features.deepstack.is_empty()).then(|| indices.shallow_clone());
        (x, Deepstack { indices, features: features.deepstack })
    }
}
