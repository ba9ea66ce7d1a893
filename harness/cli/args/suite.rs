//! Arguments that name a suite and a part of it.

use std::path::PathBuf;

use clap::Args;
use clsrl_spec::{
    DatasetId, MethodId, Seed, Selection, Setting,
    ranges::{MAX_IMAGES, MAX_LORA_RANK},
};

use super::number::whole;
use crate::{
    names,
    options::{SuiteOptions, Variant},
};

/// A suite, the part of it that is wanted, and where its results are.
#[derive(Debug, Clone, Args)]
pub struct SuiteArgs {
    /// A suite's name in `suites/`, or the path of a suite file.
    #[arg(long, value_name = "NAME|PATH")]
    pub(super) suite: String,
    #[command(flatten)]
    pub(super) selection: SelectionArgs,
    /// The folder of results, frames and report, instead of `results` and `reports`.
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
}

/// Which part of a suite; what is empty selects everything.
#[derive(Debug, Clone, Args)]
#[group(requires = "suite")]
pub struct SelectionArgs {
    /// Only these methods.
    #[arg(long, value_name = "A,B", value_delimiter = ',', value_parser = names::method)]
    methods: Vec<MethodId>,
    /// Only these datasets, to train on and to evaluate on.
    #[arg(long, value_name = "A,B", value_delimiter = ',', value_parser = names::dataset)]
    datasets: Vec<DatasetId>,
    /// Only these numbers of training images per class.
    #[arg(long, value_name = "1,2", value_delimiter = ',', value_parser = whole::<1, MAX_IMAGES>)]
    shots: Vec<usize>,
    /// Only these seeds.
    #[arg(long, value_name = "1,2", value_delimiter = ',')]
    seeds: Vec<Seed>,
    /// Evaluate only N images of each dataset, spread evenly over its list.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_IMAGES>)]
    limit: Option<usize>,
    /// Use another protocol; results and report are named SUITE.PROTOCOL.
    #[arg(long, value_name = "NAME")]
    protocol: Option<String>,
    /// Train LoRA adapters of this rank instead of all weights; results and report are named SUITE.loraRANK.
    #[arg(long, value_name = "RANK", value_parser = whole::<1, MAX_LORA_RANK>)]
    lora: Option<usize>,
    /// Set a field of the suite or of its protocol, as in cls-rl.generations=8; may be given several times. Results
    /// and report are named SUITE.set-FIELD-VALUE.
    #[arg(long, value_name = "FIELD=VALUE")]
    set: Vec<Setting>,
}

impl SelectionArgs {
    /// The part of a suite, and what makes another experiment of it.
    pub fn split(self) -> (Selection, Variant) {
        fn axis<T>(wanted: Vec<T>) -> Option<Vec<T>> {
            Some(wanted).filter(|wanted| !wanted.is_empty())
        }
        let SelectionArgs { methods, datasets, shots, seeds, limit, protocol, lora, set } = self;
        let selection = Selection {
            methods: axis(methods),
            datasets: axis(datasets),
            shots: axis(shots),
            seeds: axis(seeds),
            limit,
        };
        (selection, Variant { protocol, lora, set })
    }
}

impl From<SuiteArgs> for SuiteOptions {
    fn from(SuiteArgs { suite, selection, out }: SuiteArgs) -> Self {
        let (selection, variant) = selection.split();
        SuiteOptions { suite, selection, variant, out }
    }
}
