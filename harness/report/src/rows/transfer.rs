//! The transfer rows: one for each change of every matrix, and its means.

use clsrl_spec::{DatasetId, Form, MethodId, PromptStyle};

use super::column::frame_row;
use crate::{
    ReportContext,
    estimate::Change,
    summary::{Transfer, TransferMatrix},
};

/// The version of the transfer columns.
const SCHEMA_VERSION: i64 = 2;

frame_row! {
    /// A change: what is right after less what was right before, on the same images.
    pub struct TransferRow {
        /// Version of these columns.
        pub schema_version: i64,
        /// `cell`, or the mean of a `source`, of a `target`, of `all`.
        pub kind: &'static str,
        /// The method that is looked at.
        pub method: MethodId,
        /// Its prompt.
        pub prompt: PromptStyle,
        /// The form of the questions.
        pub form: Form,
        /// Training images of each class.
        #[unit = "images per class"]
        pub shots: usize,
        /// The method that it is held against.
        pub against: MethodId,
        /// The prompt of that.
        pub against_prompt: PromptStyle,
        /// The verdict that counts: `published` or `strict`.
        pub score: &'static str,
        /// The dataset that was trained on; none in means over it.
        pub train_on: Option<DatasetId>,
        /// The dataset that was evaluated; none in means over it.
        pub target: Option<DatasetId>,
        /// Whether both are the same; none in means.
        pub in_domain: Option<bool>,
        /// Class names that both datasets have; none in-domain and in means.
        #[unit = "names"]
        pub shared_classes: Option<usize>,
        /// The fewest seeds of a cell, on both sides.
        #[unit = "seeds"]
        pub n_seeds: usize,
        /// The seeds that were planned.
        #[unit = "seeds"]
        pub n_planned: usize,
        /// Images that both sides answered, those of a target counted once.
        #[unit = "images"]
        pub n_images: usize,
        /// Zero-shot accuracy on the target in percent; none in means and where another method is the reference.
        #[unit = "%"]
        pub zero_shot_pct: Option<f64>,
        /// The change in points; none where a side is missing.
        #[unit = "points"]
        pub change: Option<f64>,
        /// The lower end of its 95 % interval, in points.
        #[unit = "points"]
        pub lower: Option<f64>,
        /// The upper end, in points.
        #[unit = "points"]
        pub upper: Option<f64>,
        /// How the interval is made.
        pub interval: Option<&'static str>,
        /// The lower end of the bootstrap's 95 % interval, in points.
        #[unit = "points"]
        pub bootstrap_lower: Option<f64>,
        /// The upper end, in points.
        #[unit = "points"]
        pub bootstrap_upper: Option<f64>,
        /// The paired test; none where there is none.
        pub test: Option<&'static str>,
        /// Two-sided p-value of no change.
        pub p: Option<f64>,
        /// The same by Holm's procedure over the targets of its row.
        pub p_holm: Option<f64>,
        /// The smallest true change, in points, that would have been found with 80 % power at 5 %.
        #[unit = "points"]
        pub detectable: Option<f64>,
        /// Why there is no paired test; none where there is one.
        pub untested: Option<&'static str>,
    }
}

/// For every matrix its cells, row by row, then the means of its rows, of its columns and of all; first the
/// changes against zero-shot, then the differences of methods.
pub(crate) fn transfer_rows(transfer: &Transfer, context: &ReportContext<'_>) -> Vec<TransferRow> {
    let score = transfer.score.name();
    let matrices = transfer.matrices.iter().chain(&transfer.differences);
    matrices.flat_map(|matrix| rows_of(matrix, score, context)).collect()
}

fn rows_of(
    matrix: &TransferMatrix,
    score: &'static str,
    context: &ReportContext<'_>,
) -> Vec<TransferRow> {
    let mean = |kind, train_on, target, change| TransferRow {
        kind,
        score,
        train_on,
        target,
        ..TransferRow::of(matrix, change)
    };
    let accuracy = |target: DatasetId| {
        let position = matrix.targets.iter().position(|&id| id == target)?;
        matrix.zero_shot[position].mean
    };
    let cells = matrix.cells().map(|(source, target, change)| TransferRow {
        in_domain: Some(source == target),
        shared_classes: (source != target).then(|| context.shared_names(source, target).len()),
        zero_shot_pct: accuracy(target),
        ..mean("cell", Some(source), Some(target), change)
    });
    let by_source = matrix.sources.iter().zip(&matrix.by_source);
    let by_source = by_source.map(|(&id, change)| mean("source", Some(id), None, change));
    let by_target = matrix.targets.iter().zip(&matrix.by_target);
    let by_target = by_target.map(|(&id, change)| mean("target", None, Some(id), change));
    let whole = [mean("all", None, None, &matrix.whole)];
    cells.chain(by_source).chain(by_target).chain(whole).collect()
}

impl TransferRow {
    /// A change of a matrix, wherever in it.
    fn of(TransferMatrix { arm, against, .. }: &TransferMatrix, change: &Change) -> Self {
        let Change { estimate, bootstrap, tested } = change;
        TransferRow {
            schema_version: SCHEMA_VERSION,
            kind: "",
            method: arm.group.method,
            prompt: arm.prompt(),
            form: arm.form,
            shots: arm.group.shots,
            against: against.group.method,
            against_prompt: against.prompt(),
            score: "",
            train_on: None,
            target: None,
            in_domain: None,
            shared_classes: None,
            n_seeds: estimate.n_seeds,
            n_planned: estimate.n_planned,
            n_images: estimate.n_images,
            zero_shot_pct: None,
            change: estimate.mean,
            lower: estimate.bounds.map(|bounds| bounds.interval.lower),
            upper: estimate.bounds.map(|bounds| bounds.interval.upper),
            interval: estimate.bounds.map(|bounds| bounds.kind.as_str()),
            bootstrap_lower: bootstrap.map(|interval| interval.lower),
            bootstrap_upper: bootstrap.map(|interval| interval.upper),
            test: tested.ok().map(|tested| tested.test.as_str()),
            p: tested.ok().map(|tested| tested.p.get()),
            p_holm: tested.ok().map(|tested| tested.p_holm.get()),
            detectable: tested.ok().and_then(|tested| tested.detectable),
            untested: tested.err().map(|reason| reason.as_str()),
        }
    }
}
