//! The classes' rows: how well each class of a cell is answered, and what it is taken for.

use std::collections::BTreeMap;

use clsrl_spec::{DatasetId, Form, MethodId, PromptStyle, Seed};

use super::{SampleRow, column::frame_row};

/// The version of the classes' columns.
const SCHEMA_VERSION: i64 = 1;

frame_row! {
    /// A class of a cell: the answers about its images. A class without an image has no row.
    pub struct ClassRow<'a> {
        /// Version of these columns.
        pub schema_version: i64,
        /// The trial's key.
        pub trial: &'a str,
        /// Id of the fine-tune.
        pub training_id: &'a str,
        /// Id of the cell.
        pub cell_id: &'a str,
        /// The trial's method.
        pub method: MethodId,
        /// The dataset that was trained on; none for zero-shot.
        pub train_on: Option<DatasetId>,
        /// The dataset that was evaluated.
        pub target: DatasetId,
        /// Whether that is the dataset that was trained on; none for zero-shot.
        pub in_domain: Option<bool>,
        /// The form of the question.
        pub form: Form,
        /// The prompt of the evaluation.
        pub prompt: PromptStyle,
        /// Training images of each class; 0 for zero-shot.
        #[unit = "images per class"]
        pub shots: usize,
        /// Seed of shots, order and sampling.
        pub seed: Seed,
        /// The class's name.
        pub class: &'a str,
        /// Images of the class.
        #[unit = "images"]
        pub n: usize,
        /// Those that are correct by the published score.
        #[unit = "images"]
        pub n_correct_published: usize,
        /// Those that are correct by the strict score.
        #[unit = "images"]
        pub n_correct_strict: usize,
        /// Answers of the cell that mean this class, right or wrong; what is needed for its precision.
        #[unit = "answers"]
        pub n_predicted: usize,
        /// The other class that its images are most often taken for, the first in the alphabet among equals; none
        /// where no answer means another.
        pub confused_with: Option<&'a str>,
        /// How often.
        #[unit = "images"]
        pub n_confused: usize,
    }
}

/// What is counted of a class.
#[derive(Default)]
struct Counts<'a> {
    n: usize,
    n_correct: [usize; 2],
    taken_for: BTreeMap<&'a str, usize>,
}

impl<'a> ClassRow<'a> {
    /// The rows of one cell's samples, in the order of the classes' names.
    pub(crate) fn all(samples: &[SampleRow<'a>]) -> Vec<Self> {
        let mut counts: BTreeMap<&str, Counts<'_>> = BTreeMap::new();
        let mut n_predicted: BTreeMap<&str, usize> = BTreeMap::new();
        for sample in samples {
            let class = counts.entry(sample.gold).or_default();
            class.n += 1;
            class.n_correct[0] += usize::from(sample.correct_published);
            class.n_correct[1] += usize::from(sample.correct_strict);
            if let Some(predicted) = sample.predicted {
                *class.taken_for.entry(predicted).or_default() += 1;
                *n_predicted.entry(predicted).or_default() += 1;
            }
        }
        let Some(first) = samples.first() else { return Vec::new() };
        let predicted = |class: &str| n_predicted.get(class).copied().unwrap_or(0);
        let row = |(class, counts): (&'a str, Counts<'a>)| {
            ClassRow::of(first, class, predicted(class), counts)
        };
        counts.into_iter().map(row).collect()
    }

    fn of(
        cell: &SampleRow<'a>,
        class: &'a str,
        n_predicted: usize,
        Counts { n, n_correct: [n_correct_published, n_correct_strict], taken_for }: Counts<'a>,
    ) -> Self {
        let others = taken_for.into_iter().filter(|(name, _)| *name != class);
        // The last of several maxima would be the last in the alphabet.
        let most = others.rev().max_by_key(|(_, n)| *n);
        ClassRow {
            schema_version: SCHEMA_VERSION,
            trial: cell.trial,
            training_id: cell.training_id,
            cell_id: cell.cell_id,
            method: cell.method,
            train_on: cell.train_on,
            target: cell.target,
            in_domain: cell.train_on.map(|source| source == cell.target),
            form: cell.form,
            prompt: cell.prompt,
            shots: cell.shots,
            seed: cell.seed,
            class,
            n,
            n_correct_published,
            n_correct_strict,
            n_predicted,
            confused_with: most.map(|(name, _)| name),
            n_confused: most.map_or(0, |(_, n)| n),
        }
    }
}
