//! What a benchmark is: ids, protocols, suites, the plan, answers, rewards and records.
//!
//! Everything here is pure: no files, no clock, no environment, no tensor.

pub mod ranges;
mod suite;
mod plan;
mod trial;
mod protocol;
mod method;
mod dataset;
mod form;
mod seed;
mod answer;
mod diagnosis;
mod reward;
mod audit;
mod event;
mod records;
mod seal;
mod bounds;
mod closest;
mod identity;
mod hub_model;
pub mod lock;
mod model_lock;

pub use answer::{extract_published, has_answer_tag, is_correct_published, is_correct_strict};
pub use audit::{
    Case, CaseTally, Difference, Judge, Paid, RewardAudit, Tally, differences_of_protocols,
};
pub use bounds::{MAX_TEXT, check_bounds};
pub use closest::closest;
pub use dataset::DatasetId;
pub use diagnosis::{Diagnosis, ParseStatus, ThoughtNames, listed_names};
pub use event::TrialEvent;
pub use form::{BaseRule, ClassHalf, Form, Task};
pub use hub_model::{BadHubName, Commit, HubModel, ModelId, Revision};
pub use identity::{
    Binding, FINE_TUNE_CHANGED, Identity, SCORER_CHANGED, TRAINER_VERSION, cell_identity,
    differences, differing_fields, differing_values, training_identity,
};
pub use method::{MethodId, PromptStyle};
pub use model_lock::{LockedModel, MODEL_LOCK_VERSION, ModelLock, with_model};
pub use plan::{PlanError, Selection, plan};
pub use protocol::*;
pub use records::*;
pub use reward::{Completion, Reading, Solution, reward};
pub use seal::{Seal, sealed_digest};
pub use seed::{Seed, Stream, derive_seed};
pub use suite::{
    DataSource, EvaluationPlan, Execution, PerDataset, Precision, ProtocolFile, Protocols,
    SUITE_VERSION, Suite, SuiteError, SuiteErrors, Targets,
};
pub use trial::*;

/// A name that stands for nothing known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {kind} `{found}`{guess} expected one of {expected}")]
pub struct UnknownName {
    kind: &'static str,
    found: String,
    /// The name that was probably meant, as a part of the sentence.
    guess: String,
    expected: String,
}

impl UnknownName {
    fn new<const N: usize>(kind: &'static str, found: &str, expected: [&str; N]) -> Self {
        let guess = match closest(found, expected) {
            Some(meant) => format!(", did you mean `{meant}`?"),
            None => ",".to_owned(),
        };
        UnknownName { kind, found: found.to_owned(), guess, expected: expected.join(", ") }
    }
}
