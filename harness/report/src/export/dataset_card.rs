//! The card of a folder of frames, by which `load_dataset` finds them.

use std::{collections::BTreeSet, fmt::Write as _};

use serde_json::{Value as Json, json};

use super::{
    ExportContext,
    card::{code, columns_table, escaped, front_matter},
    licences::licence_notes,
};
use crate::rows::{CellRow, ClassRow, SampleRow, StepRow, TransferRow, TrialRow};

/// Rows of each frame in a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameSizes {
    /// Finished cells.
    pub cells: usize,
    /// Fine-tunes.
    pub trials: usize,
    /// Answered images.
    pub samples: usize,
    /// Classes of cells.
    pub classes: usize,
    /// Optimizer steps.
    pub curves: usize,
    /// Changes of transfer matrices.
    pub transfer: usize,
}

/// A frame as the card has it: name, rows, what a row is, and its columns.
type Frame = (&'static str, usize, &'static str, fn() -> String);

impl FrameSizes {
    fn frames(self) -> [Frame; 6] {
        [
            (
                "cells",
                self.cells,
                "a fine-tune on one target, in one form, under one prompt",
                columns_table::<CellRow>,
            ),
            (
                "trials",
                self.trials,
                "a fine-tune, its settings and what it took",
                columns_table::<TrialRow>,
            ),
            (
                "samples",
                self.samples,
                "an answered image of a cell",
                columns_table::<SampleRow<'static>>,
            ),
            ("classes", self.classes, "a class of a cell", columns_table::<ClassRow>),
            ("curves", self.curves, "an optimizer step of a fine-tune", columns_table::<StepRow>),
            (
                "transfer",
                self.transfer,
                "a change against zero-shot or another prompt",
                columns_table::<TransferRow>,
            ),
        ]
    }
}

/// The card of these cells and of the frames beside them, each `<name>.parquet`.
pub fn dataset_card(cells: &[CellRow], sizes: FrameSizes, context: &ExportContext) -> String {
    // A reader of files without rows finds no columns.
    let frames: Vec<Frame> =
        sizes.frames().into_iter().filter(|(_, n_rows, ..)| 0 < *n_rows).collect();
    let n_most = frames.iter().map(|(_, n_rows, ..)| *n_rows).max().unwrap_or(0);
    let configs: Vec<Json> = frames
        .iter()
        .map(|(name, ..)| {
            let mut config =
                json!({ "config_name": name, "data_files": format!("{name}.parquet") });
            if *name == "cells" {
                config["default"] = true.into();
            }
            config
        })
        .collect();
    let mut text = front_matter(&json!({
        "pretty_name": format!("clsrl-bench results: {}", context.suite),
        "license": "other",
        "license_name": "as-the-datasets-named-below",
        "size_categories": [size_category(n_most)],
        "tags": ["clsrl-bench", "evaluation-results", "image-classification"],
        "configs": configs,
    }));
    let suite = escaped(&context.suite);
    write!(
        text,
        "\n# Results of the suite {suite}\n\n{}{}\n\nMade by {}.\n\n```python\n\
         from datasets import load_dataset\n\nsamples = load_dataset(\"DIR\", \"samples\", split=\"train\")\n```\n\n",
        if cells.iter().any(|cell| cell.synthetic) { SYNTHETIC } else { "" },
        escaped(&context.suite_description),
        code(&context.command),
    )
    .expect("a string takes every text");
    text.push_str("| Frame | Rows | A row is |\n| :-- | --: | :-- |\n");
    for (name, n_rows, row, _) in &frames {
        writeln!(text, "| {} | {n_rows} | {row} |", code(name)).expect("a string takes every text");
    }
    text.push_str("\n## What it was made from\n\n");
    text.push_str(&made_from(cells, context));
    text.push_str("\n## Licences\n\n");
    let targets: BTreeSet<_> =
        cells.iter().flat_map(|cell| [Some(cell.target), cell.train_on]).flatten().collect();
    text.push_str(
        "There are no images here. Paths, class names, questions and answers are of these datasets:\n\n",
    );
    text.push_str(&licence_notes(targets, context));
    for (name, _, _, columns) in &frames {
        write!(text, "\n## {name}\n\n{}", columns()).expect("a string takes every text");
    }
    text
}

/// What stands before drawn results.
pub(super) const SYNTHETIC: &str =
    "**The images were drawn by the program: accuracies say nothing about photographs.** ";

/// Suite, protocols, weights and commits of all rows.
fn made_from(cells: &[CellRow], context: &ExportContext) -> String {
    let all = |value: fn(&CellRow) -> &str| {
        let values: BTreeSet<&str> = cells.iter().map(value).collect();
        values.into_iter().map(code).collect::<Vec<_>>().join(", ")
    };
    let weights: BTreeSet<&str> =
        cells.iter().map(|cell| cell.training.weights_digest.as_str()).collect();
    format!(
        "| | |\n| :-- | :-- |\n| suite | {} |\n| protocol | {} |\n| start model | {} |\n| start weights | {} |\n\
         | evaluated weights | {} digests, in `weights_digest` of each row of `cells` |\n| data | {} |\n\
         | commit | {} |\n| program | clsrl-bench {} |\n",
        all(|cell| &cell.suite),
        all(|cell| &cell.protocol),
        code(&context.base_model.id),
        all(|cell| &cell.made_from.base_weights_digest),
        weights.len(),
        escaped(&context.data),
        all(|cell| &cell.commit),
        all(|cell| &cell.version),
    )
}

/// The hub's categories of sizes.
fn size_category(n_rows: usize) -> &'static str {
    match n_rows {
        0..1_000 => "n<1K",
        1_000..10_000 => "1K<n<10K",
        10_000..100_000 => "10K<n<100K",
        100_000..1_000_000 => "100K<n<1M",
        1_000_000..10_000_000 => "1M<n<10M",
        _ => "10M<n<100M",
    }
}
