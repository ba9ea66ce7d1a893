//! The program as its user sees it: exit codes, standard output, files.

mod audit;
mod damaged;
mod datasets;
mod frames;
mod gate;
mod html;
mod inspect;
mod interrupt;
mod plan;
mod program;
mod real_photographs;
mod resume;
mod run;
mod locked;
mod speed;
mod doctor;
#[cfg(feature = "libtorch")]
mod gpu;
