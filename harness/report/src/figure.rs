//! Figures: heatmaps and line plots, drawn as SVG and rendered from it as PNG and PDF.
//!
//! Owns how numbers look as images. Knows nothing of frames or records: it is given matrices and series. Text in
//! an SVG and in a PDF is text; in a PNG it is drawn in Noto Sans, which is compiled in. The same numbers give the same
//! bytes on every machine.

mod look;
mod heatmap;
mod panels;
mod ticks;
mod colour;
mod svg;
mod render;
mod face;

pub(crate) use colour::{Diverging, Rgb};
pub(crate) use heatmap::{Block, Heatmap, Tile};
pub(crate) use look::Look;
pub(crate) use panels::{Axis, Marker, Panel, Panels, Point, Series};
pub(crate) use render::{pdf, png};
pub(crate) use svg::svg;

#[cfg(test)]
mod tests;
