//! Qwen2.5-VL's attention windows.
//!
//! A frame is cut into square windows of merged tokens from the top left, smaller at the right and lower edge. Patches
//! are sorted by window before the first block, windows of one size together, so that those of one size are a true
//! batch and none needs a mask: transformers, which runs one window after the other, goes by rows of windows. Blocks
//! that attend to a whole frame do not see the order.

use std::collections::BTreeMap;

use tch::{Device, Tensor};

use crate::config::{Tower, VisionConfig};

/// The order in which the patches of a frame go through the blocks.
pub(super) struct WindowOrder {
    /// The patch at each place (t).
    patches: Tensor,
    /// The place of each merged token (t / merge²).
    places: Tensor,
    /// Windows of one size, as they follow each other.
    pub(super) groups: Vec<WindowGroup>,
}

/// Windows of one size that follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WindowGroup {
    pub(super) n_windows: i64,
    /// Patches of each.
    pub(super) n_patches: i64,
}

impl WindowOrder {
    /// The order of a frame's patches, if the tower has windows.
    pub(super) fn new(config: &VisionConfig, frame: (i64, i64), device: Device) -> Option<Self> {
        let sorted = sorted_windows(config, frame)?;
        let tokens: Vec<i64> = sorted.concat();
        let mut places = vec![0; tokens.len()];
        for (place, &token) in tokens.iter().enumerate() {
            places[token as usize] = place as i64;
        }
        let m = config.patches_per_token();
        let mut groups: Vec<WindowGroup> = Vec::new();
        for window in &sorted {
            let n_patches = window.len() as i64 * m;
            match groups.last_mut().filter(|group| group.n_patches == n_patches) {
                Some(group) => group.n_windows += 1,
                None => groups.push(WindowGroup { n_windows: 1, n_patches }),
            }
        }
        let [patches, places] = [patches_of(&tokens, m), places]
            .map(|values| Tensor::from_slice(&values).to_device(device));
        Some(WindowOrder { patches, places, groups })
    }

    /// Sorts the patches along a dimension.
    pub(super) fn sort(&self, x: &Tensor, dim: i64) -> Tensor {
        x.index_select(dim, &self.patches)
    }

    /// Puts merged tokens (b, t / merge², c) back.
    pub(super) fn put_back(&self, merged: &Tensor) -> Tensor {
        merged.index_select(1, &self.places)
    }
}

/// The patch at each place of the blocks' input, for a frame of (rows, columns) patches; none where they go through as
/// they come.
pub fn patch_order(config: &VisionConfig, frame: (i64, i64)) -> Option<Vec<i64>> {
    let sorted = sorted_windows(config, frame)?;
    Some(patches_of(&sorted.concat(), config.patches_per_token()))
}

/// Pairs of patches that attend to each other in a frame of (rows, columns) patches, in all blocks.
pub fn attended_pairs(config: &VisionConfig, frame: (i64, i64)) -> i64 {
    let of_frame = (frame.0 * frame.1).pow(2);
    match (&config.tower, sorted_windows(config, frame)) {
        (Tower::Qwen2_5Vl { fullatt_block_indexes, .. }, Some(windows)) => {
            let n_full = fullatt_block_indexes.len() as i64;
            let of_window =
                |window: &Vec<i64>| (window.len() as i64 * config.patches_per_token()).pow(2);
            let of_windows: i64 = windows.iter().map(of_window).sum();
            n_full * of_frame + (config.depth - n_full) * of_windows
        }
        _ => config.depth * of_frame,
    }
}

fn patches_of(tokens: &[i64], patches_per_token: i64) -> Vec<i64> {
    let m = patches_per_token;
    tokens.iter().flat_map(|token| token * m..(token + 1) * m).collect()
}

/// The windows of a frame of (rows, columns) patches, the largest first, each with its merged tokens.
fn sorted_windows(config: &VisionConfig, (h, w): (i64, i64)) -> Option<Vec<Vec<i64>>> {
    let Tower::Qwen2_5Vl { window_size, .. } = config.tower else { return None };
    let merge = config.spatial_merge_size;
    let side = window_size / config.patch_size / merge;
    let mut windows = windows((h / merge, w / merge), side);
    windows.sort_by_key(|window| std::cmp::Reverse(window.len()));
    Some(windows)
}

/// The windows of a frame of (rows, columns) merged tokens, row by row.
fn windows((n_rows, n_columns): (i64, i64), side: i64) -> Vec<Vec<i64>> {
    let mut windows: BTreeMap<(i64, i64), Vec<i64>> = BTreeMap::new();
    for (row, column) in (0..n_rows).flat_map(|row| (0..n_columns).map(move |column| (row, column)))
    {
        windows.entry((row / side, column / side)).or_default().push(row * n_columns + column);
    }
    windows.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_cut_from_the_top_left() {
        let expected = [vec![0, 1, 3, 4], vec![2, 5], vec![6, 7], vec![8]];
        assert_eq!(windows((3, 3), 2), expected);
        assert_eq!(windows((2, 2), 4), [[0, 1, 2, 3]]);
        assert_eq!(windows((2, 4), 2), [[0, 1, 4, 5], [2, 3, 6, 7]]);
    }

    #[test]
    fn an_image_of_384_has_windows_of_three_sizes() {
        let sizes: Vec<usize> = windows((14, 14), 4).iter().map(Vec::len).collect();
        let n_of = |size: usize| sizes.iter().filter(|&&n| n == size).count();
        assert_eq!([16, 8, 4].map(n_of), [9, 6, 1]);
    }
}
