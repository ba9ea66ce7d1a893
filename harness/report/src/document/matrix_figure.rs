//! Transfer matrices as heatmaps, all of a suite on one scale, and all differences on another.

use clsrl_spec::{DatasetId, Form};

use super::names;
use crate::{
    ReportContext,
    estimate::Change,
    figure::{Block, Diverging, Heatmap, Look, Tile},
    summary::{Arm, Survey, Transfer, TransferMatrix},
};

/// A matrix, drawn, and the name of its files.
pub(crate) struct MatrixFigure {
    pub(crate) name: String,
    pub(crate) heatmap: Heatmap,
}

/// Draws every matrix that has a number, in the order of the tables.
pub(crate) fn all(
    survey: &Survey,
    transfer: &Transfer,
    context: &ReportContext<'_>,
) -> Vec<MatrixFigure> {
    if survey.targets.len() < 2 {
        return Vec::new();
    }
    let of = |matrices: &[TransferMatrix]| {
        let shown: Vec<&TransferMatrix> =
            matrices.iter().filter(|matrix| matrix.is_any()).collect();
        let blocks: Vec<(Vec<Block>, Block)> =
            shown.iter().map(|matrix| blocks(matrix, context)).collect();
        let scale = scale(matrices);
        let drawn = shown.into_iter().zip(blocks).map(|(matrix, blocks)| MatrixFigure {
            name: name(matrix),
            heatmap: heatmap(survey, transfer, context, matrix, blocks, scale),
        });
        drawn.collect::<Vec<_>>()
    };
    let mut figures = of(&transfer.matrices);
    figures.extend(of(&transfer.differences));
    figures
}

/// The colours that matrices share wherever they are shown: those of their figures.
pub(crate) fn scale(matrices: &[TransferMatrix]) -> Diverging {
    let of = |matrix: &TransferMatrix| -> Vec<Tile> {
        let cells = matrix
            .cells()
            .map(|(source, target, change)| Tile { is_home: source == target, ..tile(change) });
        let means = matrix.by_source.iter().chain(&matrix.by_target).chain([&matrix.whole]);
        cells.chain(means.map(tile)).collect()
    };
    let tiles: Vec<Tile> = matrices.iter().filter(|matrix| matrix.is_any()).flat_map(of).collect();
    Heatmap::scale_of(&tiles)
}

/// The name of a matrix's files: `transfer.cls-rl.4shot.thinking`, and what it is held against.
pub(crate) fn name(matrix: &TransferMatrix) -> String {
    let arm = |arm: Arm| {
        let form = match arm.form {
            Form::FewShot => String::new(),
            form => format!(".{form}"),
        };
        format!("{}.{}shot{form}.{}", arm.group.method, arm.group.shots, arm.prompt())
    };
    match matrix.against.is_trained() {
        true => format!("difference.{}.less.{}", arm(matrix.arm), arm(matrix.against)),
        false => format!("transfer.{}", arm(matrix.arm)),
    }
}

fn heatmap(
    survey: &Survey,
    transfer: &Transfer,
    context: &ReportContext<'_>,
    matrix: &TransferMatrix,
    (rows, last): (Vec<Block>, Block),
    scale: Diverging,
) -> Heatmap {
    let arm = names::arm(survey, matrix.arm);
    let score = transfer.score.name();
    let synthetic = if context.synthetic { " Synthetic images." } else { "" };
    let seeds = match survey.seeds.len() {
        0 | 1 => "one seed".to_owned(),
        n => format!("mean over {n} seeds"),
    };
    let (title, subtitle, unit) = match matrix.against.is_trained() {
        true => {
            let against = names::arm(survey, matrix.against);
            (
                format!("{arm} less {against}"),
                format!(
                    "Difference in accuracy ({score} score), trained on the same dataset; {seeds}.\
                     {synthetic}"
                ),
                "points of accuracy; blue: the first is better",
            )
        }
        false => (
            format!("Transfer of {arm}"),
            format!(
                "Change in accuracy ({score} score) against zero-shot under the {} prompt; {seeds}.\
                 {synthetic}",
                matrix.arm.prompt()
            ),
            "points of accuracy; blue: a gain",
        ),
    };
    let heads = matrix.targets.iter().map(|&target| names::head(target).to_owned());
    Heatmap {
        title,
        subtitle,
        sides: ("trained on".to_owned(), "evaluated on".to_owned()),
        heads: heads.chain(["Others".to_owned()]).collect(),
        rows,
        last,
        scale,
        unit: unit.to_owned(),
        look: Look::Screen,
    }
}

fn blocks(matrix: &TransferMatrix, context: &ReportContext<'_>) -> (Vec<Block>, Block) {
    let row = |(row, &source): (usize, &DatasetId)| {
        let cells = matrix.targets.iter().zip(&matrix.cells[row]).map(|(&target, change)| Tile {
            is_home: source == target,
            shares_names: !context.shared_names(source, target).is_empty(),
            ..tile(change)
        });
        let tiles = cells.chain([tile(&matrix.by_source[row])]).collect();
        Block { label: names::head(source).to_owned(), tiles }
    };
    let rows = matrix.sources.iter().enumerate().map(row).collect();
    let tiles = matrix.by_target.iter().chain([&matrix.whole]).map(tile).collect();
    (rows, Block { label: "mean".to_owned(), tiles })
}

fn tile(change: &Change) -> Tile {
    Tile {
        value: change.estimate.mean.filter(|mean| mean.is_finite()),
        interval: change.estimate.bounds.map(|bounds| bounds.interval),
        is_significant: change.is_significant() == Some(true),
        is_incomplete: change.estimate.is_incomplete(),
        ..Tile::default()
    }
}
