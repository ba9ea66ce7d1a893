//! The places within the forward pass that a caller can look at.

/// A place within the forward pass that can be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Embedded patches (frames, t, c), once for each size of images.
    PatchEmbed,
    /// Cosines of the vision tower's angles (t, 1, d), once for each size of images, as the patches come.
    VisionRopeCos,
    /// Sines of the vision tower's angles (t, 1, d), those of the first half negated.
    VisionRopeSin,
    /// Input of the first vision block (frames, t, c), once for each size of images: with positions added, and in the
    /// order of [`patch_order`](crate::patch_order).
    VisionBlocksInput,
    /// Output of a vision block (frames, t, c) in the same order, once for each size of images.
    VisionBlock(usize),
    /// Output of the merger (n_features, c).
    Features,
    /// Output of a DeepStack merger (n_features, c).
    DeepstackFeatures(usize),
    /// Input of the first decoder layer (b, t, c).
    Embedded,
    /// Cosines of the decoder's angles (b, t, 1, d).
    RopeCos,
    /// Sines of the decoder's angles (b, t, 1, d), those of the first half negated.
    RopeSin,
    /// Output of a decoder layer (b, t, c), before DeepStack features are added.
    Layer(usize),
    /// The same with the DeepStack features of that number added (b, t, c).
    Deepstack(usize),
    /// After the final norm (b, t, c).
    FinalNorm,
}
