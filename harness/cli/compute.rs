//! The verbs that compute: everything that needs libtorch, and nothing else does.
//!
//! A program that is built without the feature `libtorch` has [`crate::compute`] from
//! `compute_missing.rs` instead.

mod run;
mod trial;
mod pretrain;
mod interrupt;
mod speed;
mod doctor;

pub use self::{doctor::doctor, pretrain::pretrain_model, run::run, speed::speed, trial::trial};
