//! What stands beside the report: figures, and the transfer rows.

use rayon::prelude::*;

use super::{matrix_figure, plots};
use crate::{
    ReportContext, ReportError,
    estimate::Estimates,
    figure::{Heatmap, Look, Panels, pdf, png, svg},
    page,
    rows::{StepRow, TransferRow, transfer_rows},
    summary::{StepMeans, Survey, Transfer},
};

/// A figure in all formats.
#[derive(Debug, Clone)]
pub struct Figure {
    /// Its files' name, without an extension.
    pub name: String,
    /// A standalone SVG.
    pub svg: String,
    /// The bytes of a PNG of it, three pixels for each of its units.
    pub png: Vec<u8>,
    /// The bytes of a PDF for a column of text 5.5 inches wide: without a title, a page of its size in points.
    pub pdf: Vec<u8>,
    /// The same for one of two columns, 3.25 inches wide.
    pub column_pdf: Vec<u8>,
}

/// A figure before it is drawn.
#[derive(Debug)]
pub(crate) enum Plot {
    Matrix(Heatmap),
    Lines(Panels),
}

impl Plot {
    /// The text of an SVG, which can stand in HTML as it is.
    pub(crate) fn svg(&self, look: Look) -> String {
        match self {
            Plot::Matrix(heatmap) => svg(&Heatmap { look, ..heatmap.clone() }),
            Plot::Lines(panels) => svg(&Panels { look, ..panels.clone() }),
        }
    }
}

/// What is drawn and listed, before it is drawn.
#[derive(Debug)]
pub(super) struct Illustrated {
    /// A row for each change of every matrix.
    pub(super) transfer: Vec<TransferRow>,
    /// Names without an extension.
    plots: Vec<(String, Plot)>,
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
        let heatmaps =
            figures.into_iter().map(|figure| (figure.name, Plot::Matrix(figure.heatmap)));
        let lines = plots::over_shots(survey, estimates, context).into_iter();
        let lines = lines.chain(plots::over_steps(survey, &StepMeans::new(steps), context));
        let lines = lines.map(|(name, panels)| (name, Plot::Lines(panels)));
        let plots = heatmaps.chain(lines).collect();
        Illustrated { transfer: transfer_rows(transfer, context), plots }
    }

    /// The line plots as SVG; the matrices stand in the report as tables.
    pub(super) fn line_plots(&self) -> Vec<page::Figure> {
        let lines = self.plots.iter().filter(|(_, plot)| matches!(plot, Plot::Lines(_)));
        lines
            .map(|(name, plot)| page::Figure { name: name.clone(), svg: plot.svg(Look::Screen) })
            .collect()
    }

    /// Draws every figure in all formats.
    pub(super) fn figures(&self) -> Result<Vec<Figure>, ReportError> {
        let draw = |(name, plot): &(String, Plot)| {
            let svg = plot.svg(Look::Screen);
            let [pdf, column_pdf] = [Look::Text, Look::Column].map(|look| pdf(&plot.svg(look)));
            Ok(Figure {
                name: name.clone(),
                png: png(&svg)?,
                pdf: pdf?,
                column_pdf: column_pdf?,
                svg,
            })
        };
        self.plots.par_iter().map(draw).collect()
    }
}
