//! `datasets`: what lies on disk, against the lock.

mod list;
mod lock;
mod place;
mod verify;

pub use self::{list::list, lock::lock, verify::verify};
