//! Class names that two drawn datasets have both.

use std::collections::BTreeMap;

use clsrl_data::datasets::{Pair, shared_among};
use clsrl_spec::DatasetId;

use super::classes::classes_of;

/// The names that two drawn datasets share, sorted.
pub fn shared_names_of_drawn() -> BTreeMap<Pair, Vec<String>> {
    shared_among(&DatasetId::ALL.map(|id| {
        let names = classes_of(id).iter().map(|class| class.name.to_owned());
        (id, names.collect())
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawn_datasets_have_their_own_names() {
        let shared = shared_names_of_drawn();
        assert_eq!(
            shared,
            shared_among(&DatasetId::ALL.map(|id| {
                (id, classes_of(id).iter().map(|class| class.name.to_uppercase()).collect())
            }))
        );
    }
}
