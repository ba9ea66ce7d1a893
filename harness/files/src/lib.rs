//! How files are opened, replaced and locked: one policy for every crate that touches a disk.
//!
//! It knows nothing of what is in the files. Its errors are [`std::io::Error`], so that a caller can wrap
//! them with the path and with what the file was wanted for.

mod again;
mod digest;
mod open;
mod lines;
pub mod limit;
pub mod path_text;
mod lock;
mod replace;
mod part;
mod growing;
mod space;
mod update;

pub use again::again;
pub use digest::{Differs, Folder, HeldFile, check_bytes, difference_in, sha256};
pub use growing::GrowingFile;
pub use lines::{Lines, lines};
pub use lock::{FileLock, has_no_locks};
pub use open::{is_irregular, open, open_up_to, read, read_to_string};
pub use part::PartFile;
pub use replace::{
    FileId, NewFile, clock_of, copy_program, publish, remove_leftovers, replace, replace_link,
    retire, touch,
};
pub use space::free_bytes;
pub use update::update;
