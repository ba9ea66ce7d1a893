//! `tiny draw`: the drawn datasets of the embedded default.

use std::path::Path;

use clsrl_spec::Seed;

use crate::{exit::Exit, inputs, output::print, progress::Detail};

/// Draws the datasets and prints their folder.
pub fn draw(to: &Path, seed: Seed, detail: Detail) -> anyhow::Result<Exit> {
    inputs::draw(to, seed, detail)?;
    print(&format!("{}\n", to.display()))?;
    Ok(Exit::Ok)
}
