//! The program as its user sees it: exit codes, standard output, files.

mod audit;
#[cfg(feature = "libtorch")]
mod custody;
mod damaged;
mod datasets;
mod frames;
mod gate;
mod html;
mod inspect;
mod interrupt;
mod irregular;
mod plan;
mod program;
mod records;
mod real_photographs;
mod replace;
mod replaced;
mod resume;
mod run;
mod locked;
#[cfg(feature = "libtorch")]
mod models;
mod speed;
mod writers;
mod doctor;
#[cfg(feature = "libtorch")]
mod gpu;
