//! How fast files become what the model reads: hashing, decoding, resizing, patches, tokens.
//!
//! `cargo bench -p clsrl-data [-- FILTER]`. Every figure is one of this machine's: of warm files, and of
//! one thread but for hashing, which takes all that rayon gives. Measures the public API and nothing else.

mod cached;
mod hashing;
mod photographs;
mod images;
mod tokens;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    hashing::bench(&mut criterion);
    images::bench(&mut criterion);
    cached::bench(&mut criterion);
    tokens::bench(&mut criterion);
    criterion.final_summary();
}

/// The folder of files that are not in the project, where the tests look for them too.
fn shared_dir() -> PathBuf {
    let beside_the_project = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    std::env::var_os("CLSRL_SHARED").map_or_else(beside_the_project, PathBuf::from)
}

/// The model that comes with the project.
fn tiny_model_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tiny/model")
}
