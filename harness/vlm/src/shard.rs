//! One safetensors file: a checked header, and tensors read one at a time.
//!
//! Plain file reads, no mapping: a file that shrinks while it is read is an error, not a crash.
//! The header is believed only after every offset has been checked against shapes and file size. A file that is
//! held to its digest is read from its beginning to its end, and used only when all of it was right.

use std::{collections::BTreeMap, io};

use clsrl_files::{Folder, HeldFile};
use safetensors::{Dtype, tensor::TensorInfo};
use tch::{Kind, Tensor};

use crate::{
    error::WeightProblem,
    names::{Names, WeightNames},
};

/// Headers of real checkpoints have some kilobytes per hundred tensors.
const MAX_HEADER_LEN: u64 = 100_000_000;
const LENGTH_LEN: u64 = 8;

/// An open safetensors file whose header makes sense.
pub(crate) struct Shard {
    pub(crate) file_name: String,
    /// By their published names.
    pub(crate) tensors: BTreeMap<String, TensorInfo>,
    /// What the file calls them.
    pub(crate) names: WeightNames,
    file: HeldFile,
    data_start: u64,
}

/// Why a file cannot be opened as a shard.
pub(crate) enum ShardError {
    Io(io::Error),
    Malformed(Vec<WeightProblem>),
}

impl From<io::Error> for ShardError {
    fn from(error: io::Error) -> Self {
        ShardError::Io(error)
    }
}

impl Shard {
    pub(crate) fn open(
        model: &Folder,
        names: Option<Names>,
        file_name: &str,
    ) -> Result<Shard, ShardError> {
        let mut file = model.open(file_name)?;
        match read_header(file_name, names, &mut file)? {
            Ok(((tensors, names), data_start)) => {
                Ok(Shard { file_name: file_name.to_owned(), tensors, names, file, data_start })
            }
            Err(problems) => {
                // Another file than the one that was checked is that before anything else.
                file.finish()?;
                Err(ShardError::Malformed(problems))
            }
        }
    }

    /// Reads every tensor as float32, in the order of the file. Panics if one has no float kind.
    ///
    /// # Errors
    ///
    /// Those of the system, and, when all is read, a file that is not what it is held to.
    pub(crate) fn read_all(mut self, take: &mut dyn FnMut(&str, Tensor)) -> io::Result<()> {
        let mut by_offset: Vec<_> = self.tensors.iter().collect();
        by_offset.sort_by_key(|(_, info)| info.data_offsets);
        for (name, info) in by_offset {
            let mut bytes = vec![0; info.data_offsets.1 - info.data_offsets.0];
            self.file.read_exact(&mut bytes)?;
            take(name, tensor_of(&bytes, info));
        }
        self.file.finish()
    }

    /// Reads one tensor as float32, which is held to nothing. Panics if the name is not in `tensors` or has no float
    /// kind.
    pub(crate) fn read(&self, name: &str) -> io::Result<Tensor> {
        let info = &self.tensors[name];
        let (start, end) = info.data_offsets;
        let mut bytes = vec![0; end - start];
        self.file.read_exact_at(&mut bytes, self.data_start + start as u64)?;
        Ok(tensor_of(&bytes, info))
    }

    /// Holds a file whose tensors nobody wants to its digest.
    pub(crate) fn finish(self) -> io::Result<()> {
        self.file.finish()
    }
}

/// Tensors by their published names, and what the file calls them.
type Named = (BTreeMap<String, TensorInfo>, WeightNames);

type Header = (Named, u64);

/// Reads the header; gives the tensors and where the first of them begins, or what is wrong.
fn read_header(
    file_name: &str,
    names: Option<Names>,
    file: &mut HeldFile,
) -> io::Result<Result<Header, Vec<WeightProblem>>> {
    let file_len = file.n_bytes()?;
    let whole =
        |expected: &str, found: String| Ok(Err(vec![problem(file_name, None, expected, found)]));
    if file_len < LENGTH_LEN {
        return whole("at least 8 bytes", format!("{file_len} bytes"));
    }
    let mut length = [0; LENGTH_LEN as usize];
    file.read_exact(&mut length)?;
    let header_len = u64::from_le_bytes(length);
    if MAX_HEADER_LEN < header_len {
        let expected = format!("a header of at most {MAX_HEADER_LEN} bytes");
        return whole(&expected, format!("a header length of {header_len}"));
    }
    if file_len - LENGTH_LEN < header_len {
        let expected = format!("a header of {header_len} bytes");
        return whole(&expected, format!("a file that ends after {file_len} bytes"));
    }
    let mut header = vec![0; header_len as usize];
    file.read_exact(&mut header)?;
    let data_start = LENGTH_LEN + header_len;
    let stored = parse_header(file_name, &header, file_len - data_start);
    let named = stored.and_then(|stored| publish(file_name, names, stored));
    Ok(named.map(|named| (named, data_start)))
}

/// A tensor's bytes as float32.
fn tensor_of(bytes: &[u8], info: &TensorInfo) -> Tensor {
    let kind = float_kind(info.dtype).expect("only float tensors are read");
    Tensor::from_data_size(bytes, &shape_of(info), kind).to_kind(Kind::Float)
}

/// The shape as libtorch counts. The header's check keeps every number within a file's length.
pub(crate) fn shape_of(info: &TensorInfo) -> Vec<i64> {
    info.shape.iter().map(|&n| i64::try_from(n).unwrap_or(i64::MAX)).collect()
}

/// The kinds that weights come in.
pub(crate) fn float_kind(dtype: Dtype) -> Option<Kind> {
    match dtype {
        Dtype::F32 => Some(Kind::Float),
        Dtype::BF16 => Some(Kind::BFloat16),
        Dtype::F16 => Some(Kind::Half),
        _ => None,
    }
}

fn problem(file: &str, tensor: Option<&str>, expected: &str, found: String) -> WeightProblem {
    WeightProblem {
        file: file.to_owned(),
        tensor: tensor.map(str::to_owned),
        expected: expected.to_owned(),
        found,
    }
}

/// Brings tensors to their published names, which must differ as well.
fn publish(
    file_name: &str,
    published_names: Option<Names>,
    stored: BTreeMap<String, TensorInfo>,
) -> Result<Named, Vec<WeightProblem>> {
    let (mut tensors, mut names) = (BTreeMap::new(), WeightNames::default());
    let mut problems = Vec::new();
    for (name, info) in stored {
        names.add(&name);
        let published =
            published_names.map_or_else(|| name.clone(), |names| names.published(&name));
        if tensors.insert(published.clone(), info).is_some() {
            let expected = format!("one tensor for `{published}`");
            problems.push(problem(file_name, Some(&name), &expected, "another one".to_owned()));
        }
    }
    if problems.is_empty() { Ok((tensors, names)) } else { Err(problems) }
}

fn parse_header(
    file_name: &str,
    header: &[u8],
    data_len: u64,
) -> Result<BTreeMap<String, TensorInfo>, Vec<WeightProblem>> {
    let entries: BTreeMap<String, serde_json::Value> = serde_json::from_slice(header)
        .map_err(|error| vec![problem(file_name, None, "a JSON header", error.to_string())])?;
    let mut problems = Vec::new();
    let mut tensors = BTreeMap::new();
    for (name, entry) in entries {
        if name == "__metadata__" {
            continue;
        }
        match serde_json::from_value::<TensorInfo>(entry) {
            Ok(info) => {
                tensors.insert(name, info);
            }
            Err(error) => {
                let expected = "dtype, shape and data_offsets";
                problems.push(problem(file_name, Some(&name), expected, error.to_string()));
            }
        }
    }
    if problems.is_empty() {
        problems = check_offsets(file_name, &tensors, data_len);
    }
    if problems.is_empty() { Ok(tensors) } else { Err(problems) }
}

/// The tensors must be contiguous, each as long as its shape says, up to the end.
fn check_offsets(
    file_name: &str,
    tensors: &BTreeMap<String, TensorInfo>,
    data_len: u64,
) -> Vec<WeightProblem> {
    let mut by_offset: Vec<_> = tensors.iter().collect();
    by_offset.sort_by_key(|(_, info)| info.data_offsets);
    let mut problems = Vec::new();
    let mut start = 0_usize;
    for (name, info) in by_offset {
        let (found_start, found_end) = info.data_offsets;
        let expected_end = byte_len(info).and_then(|len| start.checked_add(len));
        if found_start != start || Some(found_end) != expected_end {
            let end = expected_end.map_or("more than the address space".into(), |n| n.to_string());
            let expected = format!("bytes {start} to {end} ({} {:?})", info.dtype, info.shape);
            let found = format!("bytes {found_start} to {found_end}");
            problems.push(problem(file_name, Some(name), &expected, found));
        }
        // What follows is judged from where this one says that it ends.
        start = found_end;
    }
    if problems.is_empty() && start as u64 != data_len {
        let expected = format!("{start} bytes of tensors");
        problems.push(problem(file_name, None, &expected, format!("{data_len} bytes")));
    }
    problems
}

fn byte_len(info: &TensorInfo) -> Option<usize> {
    let count = info.shape.iter().try_fold(1usize, |product, &n| product.checked_mul(n))?;
    let bits = count.checked_mul(info.dtype.bitsize())?;
    (bits % 8 == 0).then_some(bits / 8)
}
