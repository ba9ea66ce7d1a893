//! A JPEG image between entropy decoding and pixels: its components and their coefficients.

use crate::image::error::JpegError;

/// Coefficients of a block in natural (row by row) order.
pub(super) type Block = [i16; 64];

/// One colour component.
pub(super) struct Component {
    pub id: u8,
    pub h: usize,
    pub v: usize,
    pub table_idx: usize,
    /// The quantisation table as it stood when the component's first scan began.
    pub quant: Option<[u16; 64]>,
    /// Size in samples.
    pub width: usize,
    pub height: usize,
    /// Size in blocks, padded to whole MCUs.
    pub blocks_wide: usize,
    pub blocks_high: usize,
    pub blocks: Vec<Block>,
}

/// The frame header.
pub(super) struct Frame {
    pub width: usize,
    pub height: usize,
    pub is_progressive: bool,
    pub h_max: usize,
    pub v_max: usize,
    pub components: Vec<Component>,
}

/// A decoded stream: all coefficients, and how to read the components as colours.
pub(super) struct Image {
    pub frame: Frame,
    pub colours: Colours,
}

/// What the components mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colours {
    Gray,
    Rgb,
    YCbCr,
    Cmyk,
    Ycck,
}

impl Frame {
    /// Sizes the components and takes memory for their coefficients.
    pub fn allocate(&mut self) -> Result<(), JpegError> {
        let (width, height) = (self.width, self.height);
        self.h_max = self.components.iter().map(|c| c.h).max().unwrap_or(1);
        self.v_max = self.components.iter().map(|c| c.v).max().unwrap_or(1);
        let (h_max, v_max) = (self.h_max, self.v_max);
        let mcus = self.mcus();
        for component in &mut self.components {
            if h_max % component.h != 0 || v_max % component.v != 0 {
                return Err(JpegError::Unsupported { what: "fractional chroma subsampling" });
            }
            component.width = (width * component.h).div_ceil(h_max);
            component.height = (height * component.v).div_ceil(v_max);
            component.blocks_wide = mcus.0 * component.h;
            component.blocks_high = mcus.1 * component.v;
            component.blocks = vec![[0; 64]; component.blocks_wide * component.blocks_high];
        }
        Ok(())
    }

    /// The number of MCUs of an interleaved scan, (wide, high).
    pub fn mcus(&self) -> (usize, usize) {
        (self.width.div_ceil(8 * self.h_max), self.height.div_ceil(8 * self.v_max))
    }
}
