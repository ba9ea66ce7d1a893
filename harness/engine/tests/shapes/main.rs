//! The losses as they are computed against their plain form, over many shapes.
//!
//! The plain form runs every completion behind a prompt of its own, one row at a time, with logits at all
//! positions. Shapes are drawn: prompt lengths, images, who shares one, completions, their lengths.

mod drawn;
mod plain;

mod grpo;
mod sft;
