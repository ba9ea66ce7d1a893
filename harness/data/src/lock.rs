//! What lies in a dataset's folder, by SHA-256, and how it differs from the lock.
//!
//! Owns the digests of lists, annotation files and trees of images, the sidecars that name every file,
//! and the cache that spares hashing what has not changed. Knows nothing of the lock's file format, which
//! is `clsrl_spec::lock`'s, nor of where caches belong.

mod checking;
mod check;
mod measure;
mod lists;
mod listed;
mod misplaced;
mod annotations;
mod tree;
mod walk;
mod stat;
mod links;
mod image_digests;
mod decoded;
mod hash;
mod merkle;
mod sidecar;
mod stat_cache;
mod compare;
mod difference;
mod leaks;
mod duplicates;
mod atomic;

pub use check::{Checked, check, check_lists, check_without_lists, lock_key, lock_key_of};
pub use checking::{Checking, Hashed, Mode};
pub use decoded::{Decoded, Size, decode_images};
pub use difference::{Difference, DifferenceKind, LockError};
pub use duplicates::{Duplicates, duplicates};
pub use image_digests::{ImageDigests, path_of as image_path};
pub use leaks::{FEW_SHOT_SEEDS, FEW_SHOT_SHOTS, Leaks, leaks};
pub use links::recorded_links;
pub use lists::{class_digest, split_digest};
pub use measure::{Measured, measure};
pub use misplaced::find_misplaced;
