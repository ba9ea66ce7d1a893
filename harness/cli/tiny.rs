//! `tiny draw`: the drawn datasets of the embedded default.

use crate::{args::DrawArgs, exit::Exit, inputs, output::print, progress::Detail};

/// Draws the datasets and prints their folder.
pub fn draw(args: &DrawArgs, detail: Detail) -> anyhow::Result<Exit> {
    inputs::draw(&args.to, args.seed, detail)?;
    print(&format!("{}\n", args.to.display()))?;
    Ok(Exit::Ok)
}
