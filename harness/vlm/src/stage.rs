//! The places within the forward pass that a caller can look at.

/// A place within the forward pass that can be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Embedded patches (frames, t, c), once for each size of images.
    PatchEmbed,
    /// Output of a vision block (frames, t, c), once for each size of images.
    VisionBlock(usize),
    /// Output of the merger (n_features, c).
    Features,
    /// Input of the first decoder layer (b, t, c).
    Embedded,
    /// Cosines of the decoder's angles (b, t, 1, d).
    RopeCos,
    /// Sines of the decoder's angles (b, t, 1, d), those of the first half negated.
    RopeSin,
    /// Output of a decoder layer (b, t, c).
    Layer(usize),
    /// After the final norm (b, t, c).
    FinalNorm,
}
