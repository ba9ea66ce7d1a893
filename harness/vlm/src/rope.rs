//! Rotary positions: of the decoder (M-RoPE) and of the vision tower (rows and columns).

use tch::{Device, Kind, Tensor};

use crate::{config::Config, ops::cast};

/// Base of the vision tower's frequencies, the same for all families.
const VISION_THETA: f64 = 10_000.0;

/// What turns the heads of every layer; computed once for a forward pass.
pub(crate) struct Rope {
    /// (…, t, 1, d)
    pub(crate) cos: Tensor,
    /// (…, t, 1, d), the first half negated: so that swapping the halves of `x` is all it takes.
    pub(crate) sin: Tensor,
}

impl Rope {
    fn new(angles: &Tensor) -> Rope {
        let (cos, sin) = (angles.cos(), angles.sin()); // (…, t, d/2)
        Rope {
            cos: Tensor::cat(&[&cos, &cos], -1).unsqueeze(-2),
            sin: Tensor::cat(&[&-&sin, &sin], -1).unsqueeze(-2),
        }
    }

    /// Turns every head, in float32.
    pub(crate) fn rotate(&self, x: &Tensor) -> Tensor {
        let half = x.size()[x.dim() - 1] / 2;
        let wide = cast(x, Kind::Float); // (…, t, h, d)
        let swapped = wide.roll([half].as_slice(), [-1i64].as_slice());
        cast(&(wide * &self.cos + swapped * &self.sin), x.kind())
    }
}

/// What the ropes of a model are made of, which its copies share: a GPU gets it once.
pub(crate) struct Ropes {
    pub(crate) text: TextRope,
    pub(crate) vision: VisionRope,
}

impl Ropes {
    pub(crate) fn new(config: &Config, device: Device) -> Self {
        let text = TextRope::new(config, device);
        Ropes { text, vision: VisionRope::new(config.vision_config.head_dim(), device) }
    }

    /// The same again.
    pub(crate) fn share(&self) -> Ropes {
        Ropes { text: self.text.share(), vision: self.vision.share() }
    }
}

/// The decoder's frequencies and which of time, height and width turns each.
pub(crate) struct TextRope {
    frequencies: Tensor, // (d/2)
    axes: Tensor,        // (d/2)
}

impl TextRope {
    fn new(config: &Config, device: Device) -> Self {
        let axes = mrope_axes(config.mrope_section, config.family.interleaves_mrope());
        TextRope {
            frequencies: frequencies(config.rope_theta, config.head_dim(), device),
            axes: Tensor::from_slice(&axes).to_device(device),
        }
    }

    fn share(&self) -> Self {
        let [frequencies, axes] = [&self.frequencies, &self.axes].map(Tensor::shallow_clone);
        TextRope { frequencies, axes }
    }

    pub(crate) fn rope(&self, positions: &Tensor) -> Rope {
        let turned = positions.index_select(0, &self.axes).permute([1, 2, 0]); // (b, t, d/2)
        Rope::new(&(turned.to_kind(Kind::Float) * &self.frequencies))
    }
}

/// Which of time, height and width turns each frequency: in blocks, or in turn until height and width have theirs.
fn mrope_axes(section: [i64; 3], is_interleaved: bool) -> Vec<i64> {
    let n_frequencies = section.iter().sum::<i64>();
    let axis = |i: i64| match i % 3 {
        axis @ (1 | 2) if i < 3 * section[axis as usize] => axis,
        _ => 0,
    };
    match is_interleaved {
        true => (0..n_frequencies).map(axis).collect(),
        false => (0..3).flat_map(|axis| vec![axis; section[axis as usize] as usize]).collect(),
    }
}

/// The vision tower's frequencies.
pub(crate) struct VisionRope {
    frequencies: Tensor, // (d/4)
}

impl VisionRope {
    fn new(head_dim: i64, device: Device) -> Self {
        VisionRope { frequencies: frequencies(VISION_THETA, head_dim / 2, device) }
    }

    fn share(&self) -> Self {
        VisionRope { frequencies: self.frequencies.shallow_clone() }
    }

    /// The rope of one image's patches, in the order of the merger's blocks.
    pub(crate) fn rope(&self, (n_rows, n_columns): (i64, i64), merge: i64) -> Rope {
        let device = self.frequencies.device();
        let in_block_order =
            |index: Tensor| in_block_order(&index.unsqueeze(-1), merge).squeeze_dim(-1);
        let options = (Kind::Float, device);
        let rows = Tensor::arange(n_rows, options).unsqueeze(1).expand([n_rows, n_columns], false);
        let columns =
            Tensor::arange(n_columns, options).unsqueeze(0).expand([n_rows, n_columns], false);
        let row_angles = in_block_order(rows).outer(&self.frequencies); // (t, d/4)
        let column_angles = in_block_order(columns).outer(&self.frequencies); // (t, d/4)
        Rope::new(&Tensor::cat(&[row_angles, column_angles], -1))
    }
}

/// Brings a frame (rows, columns, c) to the order of the merger's blocks (t, c).
pub(crate) fn in_block_order(frame: &Tensor, merge: i64) -> Tensor {
    let (n_rows, n_columns, c) = frame.size3().expect("a frame is (rows, columns, c)");
    let blocks = [n_rows / merge, merge, n_columns / merge, merge, c];
    frame.reshape(blocks).permute([0, 2, 1, 3, 4]).reshape([-1, c])
}

/// 1 / theta^(2i / width), in float32 as transformers computes it.
fn frequencies(theta: f64, width: i64, device: Device) -> Tensor {
    let options = (Kind::Float, Device::Cpu);
    let exponents = Tensor::arange_start_step(0, width, 2, options) / width as f64;
    Tensor::pow_scalar(theta, &exponents).reciprocal().to_device(device)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_follow_each_other_in_blocks_or_in_turn() {
        assert_eq!(mrope_axes([2, 3, 3], false), [0, 0, 1, 1, 1, 2, 2, 2]);
        assert_eq!(mrope_axes([6, 3, 3], true), [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 0, 0]);
        let of_published = mrope_axes([24, 20, 20], true);
        assert_eq!(of_published[..60], [0, 1, 2].repeat(20));
        assert_eq!(of_published[60..], [0; 4]);
    }
}
