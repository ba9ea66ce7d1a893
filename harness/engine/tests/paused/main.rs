//! Trials that are stopped in their middle and gone on with: what they learn and answer is what an undisturbed one does.
//!
//! The tiny model, on a CPU.

mod place;

mod cuts;
mod damage;
