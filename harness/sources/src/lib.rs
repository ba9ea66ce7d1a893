//! Where the files of the datasets are published, and how their archives become the folders that are read.
//!
//! Owns the table of sources and the unpacking, for which every archive is hostile. Knows nothing of the network:
//! who fetches a file and checks its digest is the caller.

mod table;
mod inner_path;
mod limits;
mod tree;
mod archive;
mod tar_archive;
mod zip_archive;
mod place;
mod error;

pub use archive::{Progress, Unpacking, unpack};
pub use error::{TableError, UnpackError};
pub use limits::Limits;
pub use place::{place, read_unpacked};
pub use table::{Access, Packing, Piece, SourceFile, sources};
