//! One safetensors file: a checked header, and tensors read one at a time.
//!
//! Plain file reads, no mapping: a file that shrinks while it is read is an error, not a crash.
//! The header is believed only after every offset has been checked against shapes and file size.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use safetensors::{Dtype, tensor::TensorInfo};
use tch::{Kind, Tensor};

use crate::error::WeightProblem;

/// Headers of real checkpoints have some kilobytes per hundred tensors.
const MAX_HEADER_LEN: u64 = 100_000_000;
const LENGTH_LEN: u64 = 8;

/// An open safetensors file whose header makes sense.
pub(crate) struct Shard {
    pub(crate) file_name: String,
    pub(crate) path: PathBuf,
    pub(crate) tensors: BTreeMap<String, TensorInfo>,
    file: File,
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
    pub(crate) fn open(dir: &Path, file_name: &str) -> Result<Shard, ShardError> {
        let path = dir.join(file_name);
        let mut file = File::open(&path)?;
        let file_len = file.metadata()?.len();
        let whole = |expected: &str, found: String| {
            ShardError::Malformed(vec![problem(file_name, None, expected, found)])
        };
        if file_len < LENGTH_LEN {
            return Err(whole("at least 8 bytes", format!("{file_len} bytes")));
        }
        let mut length = [0; LENGTH_LEN as usize];
        file.read_exact(&mut length)?;
        let header_len = u64::from_le_bytes(length);
        if MAX_HEADER_LEN < header_len {
            let expected = format!("a header of at most {MAX_HEADER_LEN} bytes");
            return Err(whole(&expected, format!("a header length of {header_len}")));
        }
        if file_len - LENGTH_LEN < header_len {
            let expected = format!("a header of {header_len} bytes");
            return Err(whole(&expected, format!("a file that ends after {file_len} bytes")));
        }
        let mut header = vec![0; header_len as usize];
        file.read_exact(&mut header)?;
        let data_start = LENGTH_LEN + header_len;
        let tensors = parse_header(file_name, &header, file_len - data_start)
            .map_err(ShardError::Malformed)?;
        Ok(Shard { file_name: file_name.to_owned(), path, tensors, file, data_start })
    }

    /// Reads one tensor as float32. Panics if the name is not in `tensors` or has no float kind.
    pub(crate) fn read(&mut self, name: &str) -> io::Result<Tensor> {
        let info = &self.tensors[name];
        let (start, end) = info.data_offsets;
        let mut bytes = vec![0; end - start];
        self.file.seek(SeekFrom::Start(self.data_start + start as u64))?;
        self.file.read_exact(&mut bytes)?;
        let shape = shape_of(info);
        let kind = float_kind(info.dtype).expect("only float tensors are read");
        Ok(Tensor::from_data_size(&bytes, &shape, kind).to_kind(Kind::Float))
    }
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

/// The tensors must lie one behind the other, each as long as its shape says, up to the end.
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
