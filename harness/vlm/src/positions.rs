//! Position ids with three axes: time, height, width.
//!
//! Text counts all three together. An image's tokens share the time of its start (plus their
//! frame) and spread over rows and columns; the text after it goes on after the longer side.

use crate::config::Config;

/// Size of an image in patches: frames, rows, columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Grid {
    /// Frames (after pairing); 1 for an image.
    pub t: i64,
    /// Rows.
    pub h: i64,
    /// Columns.
    pub w: i64,
}

impl Grid {
    /// Rows of `pixels` that the image has.
    pub fn n_patches(&self) -> i64 {
        self.t * self.h * self.w
    }

    /// Placeholders that the image takes in the text.
    pub fn n_tokens(&self, config: &Config) -> i64 {
        self.n_patches() / config.vision_config.patches_per_token()
    }
}

/// The positions of one prompt.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Positions {
    /// Time, height, width; one number for each token.
    pub(crate) axes: [Vec<i64>; 3],
    /// What the next token gets: the largest position plus 1.
    pub(crate) next: i64,
}

/// Computes the positions of a prompt; says what is wrong if placeholders and images disagree.
pub(crate) fn prompt_positions(
    ids: &[i64],
    grids: &[Grid],
    config: &Config,
) -> Result<Positions, String> {
    let mut axes = [(); 3].map(|()| Vec::with_capacity(ids.len()));
    let mut next = 0;
    let mut token_idx = 0;
    let mut images = grids.iter();
    while token_idx < ids.len() {
        if ids[token_idx] != config.image_token_id {
            axes.iter_mut().for_each(|axis| axis.push(next));
            next += 1;
            token_idx += 1;
            continue;
        }
        let n_found = run_length(&ids[token_idx..], config.image_token_id);
        let Some(grid) = images.next() else {
            return Err(format!(
                "expected {} images, found {n_found} more placeholders at token {token_idx}",
                grids.len()
            ));
        };
        let n_tokens = grid.n_tokens(config);
        if n_found < n_tokens {
            return Err(format!(
                "expected {n_tokens} placeholders for the image at token {token_idx}, \
                 found {n_found}"
            ));
        }
        next = push_image(&mut axes, next, grid, config.vision_config.spatial_merge_size);
        token_idx += n_tokens as usize;
    }
    match images.count() {
        0 => Ok(Positions { next: largest(&axes) + 1, axes }),
        n_left => Err(format!("expected placeholders for {n_left} more images, found none")),
    }
}

fn run_length(ids: &[i64], id: i64) -> i64 {
    ids.iter().take_while(|&&found| found == id).count() as i64
}

fn largest(axes: &[Vec<i64>; 3]) -> i64 {
    axes.iter().flatten().copied().max().unwrap_or(-1)
}

/// Adds an image's tokens and returns where the text goes on.
fn push_image(axes: &mut [Vec<i64>; 3], start: i64, grid: &Grid, merge: i64) -> i64 {
    let (n_rows, n_columns) = (grid.h / merge, grid.w / merge);
    for frame in 0..grid.t {
        for row in 0..n_rows {
            for column in 0..n_columns {
                axes[0].push(start + frame);
                axes[1].push(start + row);
                axes[2].push(start + column);
            }
        }
    }
    start + n_rows.max(n_columns)
}

#[cfg(test)]
mod tests;
