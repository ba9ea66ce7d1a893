//! Figures: heatmaps and line plots, each as SVG and as PNG from one drawing.
//!
//! Owns how numbers look as pictures. Knows nothing of frames or records: it is given matrices and
//! series. Text in an SVG is text; in a PNG it is Noto Sans, which is compiled in. The same numbers
//! give the same bytes on every machine.

mod heatmap;
mod panels;
mod ticks;
mod colour;
mod pen;
mod sheet;
mod pixels;
mod face;

pub(crate) use colour::{Diverging, Rgb};
pub(crate) use heatmap::{Block, Heatmap, Tile};
pub(crate) use panels::{Axis, Marker, Panel, Panels, Point, Series};
pub(crate) use sheet::{png, svg};

#[cfg(test)]
mod tests;
