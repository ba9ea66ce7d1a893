//! A file of float32 tensors by name that is no model: written with its digest, and read back into tensors that are
//! there.
//!
//! Neither way more than one tensor stands in memory beside those of before.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    path::Path,
    thread,
};

use clsrl_files::{Folder, NewFile};
use sha2::{Digest, Sha256};
use tch::{Tensor, no_grad};

use crate::{
    error::{VlmError, WeightProblem},
    names::AS_STORED,
    save::write_tensors_to,
    shard::{Shard, ShardError, shape_of},
    values::is_finite,
};

/// Writes tensors as safetensors, under a temporary name until the file is whole and synced; gives the SHA-256 of its
/// bytes, hexadecimal.
pub fn write_tensor_file(path: &Path, tensors: &[(String, Tensor)]) -> Result<String, VlmError> {
    let failed = |source| VlmError::io("write", path, source);
    let mut file = Hashed { file: NewFile::create(path).map_err(failed)?, hasher: Sha256::new() };
    let header = tensors.iter().map(|(name, tensor)| (&**name, tensor.size()));
    let mut values = tensors.iter().map(|(_, tensor)| Ok(tensor.shallow_clone()));
    write_tensors_to(&mut file, path, header, &mut values)?;
    let digest = file.hasher.finalize();
    file.file.finish().map_err(failed)?;
    Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Gives tensors the values that a file has under their names. The folder should hold the file to its digest.
///
/// # Errors
///
/// Those of reading, a file that is not what it is held to, and one of other tensors or with values that are no numbers.
/// Some tensors may have their new values by then.
pub fn read_tensor_file(
    folder: &Folder,
    file_name: &str,
    tensors: &[(String, Tensor)],
) -> Result<(), VlmError> {
    let path = folder.path(file_name);
    let refused = |problems| VlmError::Weights { dir: folder.dir().to_owned(), problems };
    let failed = |source| VlmError::io("read", &path, source);
    let shard = Shard::open(folder, AS_STORED, file_name).map_err(|error| match error {
        ShardError::Io(source) => failed(source),
        ShardError::Malformed(problems) => refused(problems),
    })?;
    let problem = |tensor: &str, expected: String, found: &str| WeightProblem {
        file: file_name.to_owned(),
        tensor: Some(tensor.to_owned()),
        expected,
        found: found.to_owned(),
    };
    let wanted: BTreeMap<&str, &Tensor> =
        tensors.iter().map(|(name, tensor)| (&**name, tensor)).collect();
    let mut problems = Vec::new();
    for (name, tensor) in &wanted {
        let found = shard.tensors.get(*name).map(shape_of);
        if found.as_ref() != Some(&tensor.size()) {
            let found = found.map_or("no such tensor".to_owned(), |shape| format!("{shape:?}"));
            problems.push(problem(name, format!("shape {:?}", tensor.size()), &found));
        }
    }
    let is_extra = |name: &&String| !wanted.contains_key(name.as_str());
    let extra = shard.tensors.keys().filter(is_extra);
    problems.extend(extra.map(|name| problem(name, "no tensor of this name".to_owned(), "one")));
    if !problems.is_empty() {
        return Err(refused(problems));
    }
    let mut take = |name: &str, values: Tensor| {
        if !is_finite(&values) {
            problems.push(problem(name, "finite values".to_owned(), "NaN or infinity"));
        }
        let mut target = wanted[name].shallow_clone();
        no_grad(|| target.copy_(&values));
    };
    shard.read_all(&mut take).map_err(failed)?;
    if problems.is_empty() { Ok(()) } else { Err(refused(problems)) }
}

/// A new file, and the digest of what was written to it so far.
struct Hashed {
    file: NewFile,
    hasher: Sha256,
}

/// From this many bytes on hashing has a thread of its own, beside the one that writes.
const WORTH_A_THREAD: usize = 1 << 23;

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes).map(|()| bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Hashed { file, hasher } = self;
        if bytes.len() < WORTH_A_THREAD {
            hasher.update(bytes);
            return file.write_all(bytes);
        }
        thread::scope(|scope| {
            scope.spawn(|| hasher.update(bytes));
            file.write_all(bytes)
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use super::*;

    const NAME: &str = "state.safetensors";

    fn named(first: &[f32], second: &[f32]) -> Vec<(String, Tensor)> {
        let named = |name: &str, values: &[f32]| (name.to_owned(), Tensor::from_slice(values));
        vec![named("model.b", first), named("moment1/model.visual.a", second)]
    }

    /// A folder with a file of two tensors, and that folder held to the file's digest.
    fn written() -> (tempfile::TempDir, PathBuf, Folder) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(NAME);
        let digest =
            write_tensor_file(&path, &named(&[1.5, -0.0, f32::MIN_POSITIVE], &[3e38])).unwrap();
        assert_eq!(digest, clsrl_files::sha256(&path).unwrap());
        let folder = Folder::checked(dir.path(), BTreeMap::from([(NAME.to_owned(), digest)]));
        (dir, path, folder)
    }

    fn refused(folder: &Folder, tensors: &[(String, Tensor)]) -> String {
        let error = read_tensor_file(folder, NAME, tensors).unwrap_err();
        assert!(error.is_damage(), "{error}");
        format!("{error} {:?}", std::error::Error::source(&error).map(ToString::to_string))
    }

    #[test]
    fn what_is_written_is_read_back_into_the_same_tensors_bit_by_bit() {
        let (_dir, _, folder) = written();
        let leaves = named(&[0.0; 3], &[0.0]);
        for (_, leaf) in &leaves {
            let _same = leaf.set_requires_grad(true);
        }
        read_tensor_file(&folder, NAME, &leaves).unwrap();
        let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        let found = Vec::<f32>::try_from(leaves[0].1.detach()).unwrap();
        assert_eq!(bits(&found), bits(&[1.5, -0.0, f32::MIN_POSITIVE]));
        assert_eq!(Vec::<f32>::try_from(leaves[1].1.detach()).unwrap(), [3e38]);
        assert!(leaves[0].1.requires_grad() && leaves[0].1.is_leaf());
    }

    #[test]
    fn a_large_tensor_has_the_digest_of_its_file_too() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(NAME);
        let large = Tensor::arange(WORTH_A_THREAD as i64 / 2, tch::kind::FLOAT_CPU);
        let digest = write_tensor_file(&path, &[("a".to_owned(), large)]).unwrap();
        assert_eq!(digest, clsrl_files::sha256(&path).unwrap());
    }

    #[test]
    fn other_bytes_and_other_tensors_are_refused() {
        let (dir, path, folder) = written();
        let loose = Folder::unchecked(dir.path());
        let other = refused(&loose, &named(&[0.0; 2], &[0.0]));
        assert!(other.contains("expected shape [2], found [3]"), "{other}");
        let extra = refused(&loose, &named(&[0.0; 3], &[0.0])[..1]);
        assert!(extra.contains("expected no tensor of this name"), "{extra}");
        let mut more = named(&[0.0; 3], &[0.0]);
        more.push(("c".to_owned(), Tensor::zeros([1], tch::kind::FLOAT_CPU)));
        let missing = refused(&loose, &more);
        assert!(missing.contains("no such tensor"), "{missing}");
        let mut bytes = fs::read(&path).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        fs::write(&path, &bytes).unwrap();
        let flipped = refused(&folder, &named(&[0.0; 3], &[0.0]));
        assert!(flipped.contains("SHA-256"), "{flipped}");
        fs::write(&path, &bytes[..last]).unwrap();
        refused(&folder, &named(&[0.0; 3], &[0.0]));
        fs::remove_file(&path).unwrap();
        refused(&folder, &named(&[0.0; 3], &[0.0]));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        write_tensor_file(&dir.path().join(NAME), &named(&[f32::NAN; 3], &[0.0])).unwrap();
        let found = refused(&Folder::unchecked(dir.path()), &named(&[0.0; 3], &[0.0]));
        assert!(found.contains("tensor `model.b`: expected finite values"), "{found}");
    }
}
