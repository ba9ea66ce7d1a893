//! An image's file as it was read: once, so that what is hashed is what is decoded.

use std::path::{Path, PathBuf};

use clsrl_spec::lock::Digest;
use sha2::{Digest as _, Sha256};

use super::{
    decode::{decode_file, read},
    error::ImageError,
};

/// The bytes of an image's file and their SHA-256.
#[derive(Debug, Clone)]
pub struct ImageFile {
    path: PathBuf,
    bytes: Vec<u8>,
    sha256: Digest,
}

impl ImageFile {
    /// Reads and hashes a file.
    pub fn read(path: &Path) -> Result<Self, ImageError> {
        let bytes = read(path)?;
        let sha256 = Digest(Sha256::digest(&bytes).into());
        Ok(ImageFile { path: path.to_owned(), bytes, sha256 })
    }

    /// Where it was read.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The SHA-256 of what was read.
    pub fn sha256(&self) -> Digest {
        self.sha256
    }

    /// How long it is.
    pub fn n_bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Decodes it; gives its width and height.
    ///
    /// # Errors
    /// Those of [`super::decode_rgb`].
    pub fn decoded_size(&self) -> Result<(u32, u32), ImageError> {
        let raster = decode_file(&self.bytes, &self.path)?;
        Ok((raster.width as u32, raster.height as u32))
    }
}
