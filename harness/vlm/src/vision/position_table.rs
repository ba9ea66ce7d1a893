//! Qwen3-VL's learned table of positions, brought to the size of a frame.
//!
//! The table is a square whose corners lie on those of the frame, and every patch takes from it bilinearly. Between two
//! rows of the table the weights of both are a tent's, so that a frame is a product for its rows and one for its
//! columns. In float32, as transformers computes it, which takes four rows of the table for each patch instead.

use tch::{Kind, Tensor};

use crate::{
    config::{Tower, VisionConfig},
    ops::cast,
    rope::in_block_order,
    weights::{Role, Weights},
};

pub(super) struct PositionTable {
    weight: Tensor, // (side², c)
    side: i64,
    merge: i64,
}

impl PositionTable {
    pub(super) fn load(config: &VisionConfig, weights: &Weights<'_>) -> Option<Self> {
        let Tower::Qwen3Vl { num_position_embeddings, .. } = config.tower else { return None };
        let shape = [num_position_embeddings, config.embed_dim];
        Some(PositionTable {
            weight: weights.take("weight", &shape, Role::Embedding),
            side: num_position_embeddings.isqrt(),
            merge: config.spatial_merge_size,
        })
    }

    /// Adds to patches (b, t, c) of frames of one size.
    pub(super) fn add(&self, x: &Tensor, (n_rows, n_columns): (i64, i64)) -> Tensor {
        let side = self.side;
        let table = cast(&self.weight, Kind::Float);
        let of_columns = tents(n_columns, side, &table); // (columns, side)
        let by_column = of_columns.matmul(&table.view([side, side, -1])); // (side, columns, c)
        let by_row = tents(n_rows, side, &table).matmul(&by_column.flatten(1, 2));
        let positions = by_row.view([n_rows, n_columns, -1]);
        x + cast(&in_block_order(&positions, self.merge), x.kind())
    }
}

/// What each of n rows, spread from the table's first to its last, takes of each of `side` (n, side).
fn tents(n: i64, side: i64, like: &Tensor) -> Tensor {
    let options = (Kind::Float, like.device());
    // Multiplied before it is divided, as the reference does.
    let places = Tensor::arange(n, options) * (side - 1) as f64 / (n - 1).max(1) as f64;
    let distances = (places.unsqueeze(1) - Tensor::arange(side, options)).abs();
    (distances.neg() + 1.0).clamp_min(0.0)
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;

    fn weights(n: i64, side: i64) -> Vec<Vec<f32>> {
        Vec::try_from(tents(n, side, &Tensor::zeros([1], (Kind::Float, Device::Cpu)))).unwrap()
    }

    #[test]
    fn corners_lie_on_corners() {
        assert_eq!(weights(2, 3), [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]);
        assert_eq!(weights(3, 3), [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]);
        assert_eq!(weights(1, 3), [[1.0, 0.0, 0.0]]);
    }

    #[test]
    fn a_row_between_two_takes_of_both() {
        let of_24 = weights(24, 48);
        // transformers: 23 steps over 47 rows.
        let expected = [0.956_521_75, 0.043_478_25];
        for (found, expected) in of_24[1][2..4].iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{found}");
        }
        for row in of_24 {
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-6);
            assert!(row.iter().filter(|weight| 0.0 < **weight).count() <= 2);
        }
    }
}
