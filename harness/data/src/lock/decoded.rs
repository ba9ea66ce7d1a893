//! Whether images can be decoded: found out before the first trial, once for every content.
//!
//! What is known lies beside the cache of times: the SHA-256, width and height of every image that was decoded,
//! by this version of the decoders. A file that is damaged, or of other decoders, is not used.

use std::{
    collections::BTreeMap,
    error::Error,
    path::{Path, PathBuf},
};

use clsrl_spec::{DatasetId, lock::Digest};
use rayon::prelude::*;
use sha2::{Digest as _, Sha256};

use super::{
    Difference, Hashed, ImageDigests, LockError, atomic::AtomicFile, image_digests::paths,
};
use crate::{
    datasets::{Dataset, Example},
    image::{ImageError, ImageFile, PIXELS_VERSION},
};

/// A digest, a width and a height.
const ENTRY: usize = 40;

/// More images than any dataset has.
const MAX_BYTES: u64 = (ENTRY as u64) << 24;

/// Images that are decoded before what is known is written down.
const CHUNK: usize = 1 << 16;

/// Width and height of an image.
pub type Size = (u32, u32);

/// What decoding some images found.
#[derive(Debug, Default)]
pub struct Decoded {
    /// Width and height of the images that can be decoded, by path below the dataset's folder.
    pub sizes: BTreeMap<String, Size>,
    /// Those that cannot, or that are not what their digest says.
    pub broken: Vec<Difference>,
}

/// Decodes the images of examples that were not decoded before, on all cores. An image without a digest could
/// not be read when the tree was checked, and is broken.
///
/// What is found is kept in the folder of sidecars. `progress` is called for every image and of what was read.
pub fn decode_images<'e>(
    dataset: &Dataset,
    examples: impl IntoIterator<Item = &'e Example>,
    digests: &ImageDigests,
    (sidecars, progress): (&Path, &(dyn Fn(Hashed) + Sync)),
) -> Result<Decoded, LockError> {
    let cache = path_of(sidecars, dataset.id);
    let mut known = read(&cache).unwrap_or_default();
    let mut decoded = Decoded::default();
    let mut left = Vec::new();
    for image in paths(dataset, examples) {
        let digest = digests.of_path(&image);
        match digest.map(|digest| (digest, known.get(&digest))) {
            Some((_, Some(size))) => drop(decoded.sizes.insert(image, *size)),
            Some((digest, None)) => left.push((image, digest)),
            None => decoded.broken.push(Difference::missing(&image, "an image".to_owned())),
        }
    }
    progress(Hashed { n_files: decoded.sizes.len(), n_bytes: 0 });
    for chunk in left.chunks(CHUNK) {
        let decode =
            |(image, digest): &(String, Digest)| decode_image(dataset, image, *digest, progress);
        let found: Vec<Result<Size, Difference>> = chunk.par_iter().map(decode).collect();
        for ((image, digest), found) in chunk.iter().zip(found) {
            match found {
                Ok(size) => {
                    known.insert(*digest, size);
                    decoded.sizes.insert(image.clone(), size);
                }
                Err(broken) => decoded.broken.push(broken),
            }
        }
        // What is interrupted does not begin anew.
        write(cache.clone(), &known)?;
    }
    Ok(decoded)
}

fn decode_image(
    dataset: &Dataset,
    image: &str,
    digest: Digest,
    progress: &(dyn Fn(Hashed) + Sync),
) -> Result<Size, Difference> {
    const EXPECTED: &str = "an image that can be decoded";
    let broken =
        |error: ImageError| Difference::unreadable(image, EXPECTED, describe_causes(&error));
    let file = ImageFile::read(&dataset.dir.join(image)).map_err(broken)?;
    if file.sha256() != digest {
        let found = format!("sha256 {}", file.sha256());
        return Err(Difference::changed(image, format!("sha256 {digest}"), found));
    }
    let size = file.decoded_size().map_err(broken)?;
    progress(Hashed { n_files: 1, n_bytes: file.n_bytes() });
    Ok(size)
}

/// The causes of an error that names the image itself.
fn describe_causes(error: &ImageError) -> String {
    let mut causes = Vec::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        causes.push(error.to_string());
        cause = error.source();
    }
    causes.join(": ")
}

fn path_of(sidecars: &Path, id: DatasetId) -> PathBuf {
    sidecars.join(format!("{id}.decoded"))
}

fn header() -> String {
    format!("clsrl-bench decoded 1\npixels {PIXELS_VERSION}\n")
}

/// What is known; `None` where nothing is, or nothing that can be believed.
fn read(path: &Path) -> Option<BTreeMap<Digest, Size>> {
    let bytes = clsrl_files::read(path, MAX_BYTES).ok()?;
    let (body, checksum) = bytes.split_last_chunk::<32>()?;
    let entries = body.strip_prefix(header().as_bytes())?;
    if Sha256::digest(body)[..] != checksum[..] {
        return None;
    }
    let (entries, rest) = entries.as_chunks::<ENTRY>();
    let number =
        |bytes: &[u8]| bytes.iter().rfold(0, |number, &byte| number << 8 | u32::from(byte));
    let entry = |entry: &[u8; ENTRY]| {
        let (digest, size) = entry.split_first_chunk::<32>()?;
        Some((Digest(*digest), (number(&size[..4]), number(&size[4..]))))
    };
    rest.is_empty().then(|| entries.iter().filter_map(entry).collect())
}

/// Another process may write at the same time: the last one wins, and what the others found is found again.
fn write(path: PathBuf, known: &BTreeMap<Digest, Size>) -> Result<(), LockError> {
    let mut body = header().into_bytes();
    for (digest, (width, height)) in known {
        body.extend(digest.0);
        body.extend(width.to_le_bytes());
        body.extend(height.to_le_bytes());
    }
    let checksum = Sha256::digest(&body);
    body.extend(checksum);
    let mut file = AtomicFile::create(path)?;
    file.write(&body)?;
    file.finish().map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_read_back_or_not_believed() {
        let dir = tempfile::tempdir().unwrap();
        let path = path_of(dir.path(), DatasetId::Dtd);
        assert_eq!(read(&path), None);
        let known: BTreeMap<Digest, Size> =
            (0..100).map(|n| (Digest([n; 32]), (u32::from(n) << 20, 7))).collect();
        write(path.clone(), &known).unwrap();
        assert_eq!(read(&path), Some(known));
        let bytes = std::fs::read(&path).unwrap();
        for at in [0, 23, bytes.len() / 2, bytes.len() - 1] {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            std::fs::write(&path, damaged).unwrap();
            assert_eq!(read(&path), None, "byte {at}");
        }
        for n in [0, 31, 40, bytes.len() - 1] {
            std::fs::write(&path, &bytes[..n]).unwrap();
            assert_eq!(read(&path), None, "{n} bytes");
        }
    }
}
