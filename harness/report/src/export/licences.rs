//! What is known of licences, as a list.

use std::collections::BTreeSet;

use clsrl_spec::DatasetId;

use super::{ExportContext, card::escaped};

/// A line for each dataset.
pub(super) fn licence_notes(datasets: BTreeSet<DatasetId>, context: &ExportContext) -> String {
    let note = |dataset: DatasetId| {
        let known = context.published.get(&dataset).map(|published| published.licences.join("; "));
        let known = known.filter(|known| !known.is_empty());
        let known = known.unwrap_or_else(|| "drawn by the program, or not known".to_owned());
        format!("- {}: {}\n", dataset.title(), escaped(&known))
    };
    datasets.into_iter().map(note).collect()
}
