//! What stands beside the report: figures, matrices as LaTeX, and the transfer rows.

use rayon::prelude::*;

use super::{
    matrix_figure::{self, MatrixFigure},
    matrix_latex, plots,
};
use crate::{
    ReportContext, ReportError,
    estimate::Estimates,
    figure::{Heatmap, Panels, png, svg},
    rows::{StepRow, TransferRow, transfer_rows},
    summary::{StepMeans, Survey, Transfer},
};

/// A figure in both formats.
#[derive(Debug, Clone)]
pub struct Figure {
    /// Its files' name, without an extension.
    pub name: String,
    /// A standalone SVG.
    pub svg: String,
    /// The bytes of a PNG of the same.
    pub png: Vec<u8>,
}

/// A figure before it is drawn.
#[derive(Debug)]
pub(crate) enum Picture {
    Matrix(Heatmap),
    Lines(Panels),
}

impl Picture {
    /// The text of an SVG, which can stand in HTML as it is.
    pub(crate) fn svg(&self) -> Result<String, ReportError> {
        match self {
            Picture::Matrix(heatmap) => svg(heatmap),
            Picture::Lines(panels) => svg(panels),
        }
    }

    /// The bytes of a PNG.
    pub(crate) fn png(&self) -> Result<Vec<u8>, ReportError> {
        match self {
            Picture::Matrix(heatmap) => png(heatmap),
            Picture::Lines(panels) => png(panels),
        }
    }
}

/// What is drawn and listed, before it is drawn.
#[derive(Debug)]
pub(super) struct Illustrated {
    /// A row for each change of every matrix.
    pub(super) transfer: Vec<TransferRow>,
    /// Names without an extension.
    pictures: Vec<(String, Picture)>,
    /// The matrices as LaTeX, likewise named.
    pub(super) matrices: Vec<(String, String)>,
}

impl Illustrated {
    pub(super) fn new(
        survey: &Survey,
        estimates: &Estimates<'_>,
        transfer: &Transfer,
        steps: &[StepRow],
        context: &ReportContext<'_>,
    ) -> Self {
        let figures = matrix_figure::all(survey, transfer, context);
        let latex = |figure: &MatrixFigure| (figure.name.clone(), matrix_latex::written(figure));
        let matrices = figures.iter().map(latex).collect();
        let mut pictures: Vec<(String, Picture)> = figures
            .into_iter()
            .map(|figure| (figure.name, Picture::Matrix(figure.heatmap)))
            .collect();
        let plots = plots::over_shots(survey, estimates, context).into_iter();
        let plots = plots.chain(plots::over_steps(survey, &StepMeans::new(steps), context));
        pictures.extend(plots.map(|(name, panels)| (name, Picture::Lines(panels))));
        Illustrated { transfer: transfer_rows(transfer, context), pictures, matrices }
    }

    /// The plots as SVG; the matrices stand in the report as tables.
    pub(super) fn plots(&self) -> Result<Vec<String>, ReportError> {
        let plots =
            self.pictures.iter().filter(|(_, picture)| matches!(picture, Picture::Lines(_)));
        plots.map(|(_, picture)| picture.svg()).collect()
    }

    /// Draws every picture in both formats.
    pub(super) fn figures(&self) -> Result<Vec<Figure>, ReportError> {
        let drawn = |(name, picture): &(String, Picture)| {
            Ok(Figure { name: name.clone(), svg: picture.svg()?, png: picture.png()? })
        };
        self.pictures.par_iter().map(drawn).collect()
    }
}
