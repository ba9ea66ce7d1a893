//! What surrounds trials: how fast they are, whether a model computes what it should, and how the tiny model came to be.
//!
//! Runs the engine's own functions on other inputs. Knows nothing of suites, results folders or processes.

pub mod speed;
pub mod doctor;
pub mod pretrain;
