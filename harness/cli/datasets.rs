//! `datasets`: what lies on disk, against the lock, and how it gets there.

#[cfg(feature = "fetch")]
mod fetch;
#[cfg(not(feature = "fetch"))]
#[path = "datasets/fetch_missing.rs"]
mod fetch;
#[cfg(feature = "fetch")]
mod fetch_file;
#[cfg(feature = "fetch")]
mod labels;
mod list;
mod lock;
mod place;
mod sources;
mod verify;

pub use self::{fetch::fetch, list::list, lock::lock, sources::list_sources, verify::verify};
