//! The program as its user sees it: exit codes, standard output, files.

mod audit;
#[cfg(feature = "libtorch")]
mod custody;
mod damaged;
mod datasets;
#[cfg(feature = "libtorch")]
mod families;
#[cfg(feature = "fetch")]
mod fetch_datasets;
mod frames;
mod compare;
mod gate;
mod html;
#[cfg(feature = "fetch")]
#[expect(dead_code, reason = "the hub's own tests need more of it")]
#[path = "../../harness/hub/tests/hub/server.rs"]
mod hub_server;
mod inspect;
mod interrupt;
mod irregular;
#[cfg(feature = "fetch")]
mod model;
mod network;
mod pauses;
mod outside;
mod plan;
#[cfg(feature = "libtorch")]
mod predict;
mod program;
mod records;
mod real_photographs;
#[cfg(all(feature = "fetch", feature = "libtorch"))]
mod real_run;
mod replace;
mod replaced;
mod resume;
mod run;
mod shared_disks;
mod set;
mod shards;
mod shell;
mod locked;
#[cfg(feature = "libtorch")]
mod models;
mod speed;
#[cfg(feature = "libtorch")]
mod slurm;
#[cfg(feature = "libtorch")]
mod tasks;
mod version;
mod writers;
mod doctor;
mod exports;
#[cfg(feature = "libtorch")]
mod gpu;
