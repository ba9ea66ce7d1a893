//! The order of datasets in tables.

use std::{collections::BTreeSet, str::FromStr};

use clsrl_spec::DatasetId;

/// The order of datasets in tables.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DatasetOrder {
    /// CoOp's and MaPLe's tables', in which suites list them.
    #[default]
    Coop,
    /// The CLS-RL paper's (arXiv 2503.16188 v1 Table 2).
    Paper,
}

impl DatasetOrder {
    /// Sorts datasets, each once.
    pub(crate) fn sorted(self, datasets: &BTreeSet<DatasetId>) -> Vec<DatasetId> {
        let mut sorted: Vec<DatasetId> = datasets.iter().copied().collect();
        if self == DatasetOrder::Paper {
            sorted.sort_by_key(|id| PAPER.iter().position(|of_paper| of_paper == id));
        }
        sorted
    }
}

impl FromStr for DatasetOrder {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "coop" => Ok(DatasetOrder::Coop),
            "paper" => Ok(DatasetOrder::Paper),
            _ => Err("expected coop or paper".to_owned()),
        }
    }
}

const PAPER: [DatasetId; 11] = [
    DatasetId::ImageNet,
    DatasetId::Caltech101,
    DatasetId::Dtd,
    DatasetId::Eurosat,
    DatasetId::Food101,
    DatasetId::OxfordFlowers,
    DatasetId::OxfordPets,
    DatasetId::StanfordCars,
    DatasetId::Sun397,
    DatasetId::Ucf101,
    DatasetId::FgvcAircraft,
];
