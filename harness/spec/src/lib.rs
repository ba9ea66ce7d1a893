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
mod unknown_name;
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
    Binding, FINE_TUNE_CHANGED, Identity, SCORER_CHANGED, cell_identity, differences,
    differing_fields, differing_values, training_identity,
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
    BadSetting, DataSource, EvaluationPlan, Execution, PerDataset, Precision, ProtocolFile,
    Protocols, SUITE_VERSION, Setting, Suite, SuiteError, SuiteErrors, Targets,
};
pub use trial::*;
pub use unknown_name::UnknownName;
