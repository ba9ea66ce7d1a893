//! Adapters added to the weights that they were trained beside, a tensor at a time.
//!
//! Nothing of a model's size is made on the way: a weight is merged when it is asked for, to be hashed, to be
//! written, or to take its place in the model that is evaluated.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use clsrl_files::Differs;
use sha2::{Digest, Sha256};
use tch::{Kind, Tensor, no_grad};

use crate::{
    checkpoint::TensorReader,
    config::Config,
    error::VlmError,
    layers::Adapter,
    layout::layout,
    ops::cast,
    parameters::Parameters,
    values::float32_bytes,
    weights::{NamedTensors, Source, Weights, share},
};

/// The float32 weights whose cast lost digits, and where to read them again.
#[derive(Debug, Clone, Default)]
pub(crate) struct Masters {
    source: Option<PathBuf>,
    /// SHA-256 of their values by name, hexadecimal.
    digests: BTreeMap<String, String>,
}

impl Masters {
    /// Notes which weights are not what they were, cast and back again.
    pub(crate) fn of(
        masters: &[(String, Tensor)],
        cast_weights: &[(String, Tensor)],
        source: Option<&Path>,
    ) -> Self {
        let lossy = masters.iter().zip(cast_weights).filter(|((_, master), (_, weight))| {
            weight.kind() != Kind::Float && !weight.to_kind(Kind::Float).equal(master)
        });
        let digest = |((name, master), _): (&(String, Tensor), _)| (name.clone(), digest(master));
        Masters { source: source.map(Path::to_owned), digests: lossy.map(digest).collect() }
    }
}

/// All weights of a model as they are evaluated and saved, in the order of its layout.
pub struct MergedWeights {
    weights: NamedTensors,
    adapters: Source,
    masters: Masters,
    reader: Option<TensorReader>,
}

impl MergedWeights {
    pub(crate) fn new(
        config: &Config,
        parameters: &Parameters,
        masters: Masters,
    ) -> Result<Self, VlmError> {
        let adapters = parameters.adapters.iter().flat_map(|adapters| &adapters.matrices);
        let adapters = Source::Tensors {
            by_name: share(adapters).into_iter().collect(),
            adapter_scale: parameters.adapter_scale(),
        };
        let reader = match &masters.source {
            Some(source) if !masters.digests.is_empty() => {
                Some(TensorReader::open(source, &layout(config))?)
            }
            _ => None,
        };
        Ok(MergedWeights { weights: share(&parameters.weights), adapters, masters, reader })
    }

    /// Merges all of them in place, each brought to its kind.
    pub(crate) fn into_weights(
        mut self,
        kinds: impl Iterator<Item = Kind>,
    ) -> Result<NamedTensors, VlmError> {
        for (idx, kind) in (0..self.n_weights()).zip(kinds) {
            let values = self.values(idx)?;
            replace(&mut self.weights[idx].1, &values, kind);
        }
        Ok(self.weights)
    }

    /// How many there are.
    pub fn n_weights(&self) -> usize {
        self.weights.len()
    }

    /// The checkpoint's name of one, and its shape.
    pub fn name(&self, idx: usize) -> (&str, Vec<i64>) {
        let (name, tensor) = &self.weights[idx];
        (name, tensor.size())
    }

    /// Computes the values of one in float32, on the model's device.
    ///
    /// Panics if the digits that the adapted model was cast without came from no file.
    ///
    /// # Errors
    ///
    /// Where a weight is read again because its cast lost digits: those of reading, and one that is not what it was.
    pub fn values(&self, idx: usize) -> Result<Tensor, VlmError> {
        let (name, weight) = &self.weights[idx];
        let master = match self.masters.digests.get(name) {
            None => cast(&weight.detach(), Kind::Float),
            Some(expected) => self.reread(name, expected)?.to_device(weight.device()),
        };
        let layer = name.strip_suffix(".weight");
        let adapter =
            layer.and_then(|layer| Adapter::load(&Weights::new(&self.adapters).at(layer)));
        Ok(match adapter {
            Some(adapter) => no_grad(|| master + adapter.delta()),
            None => master,
        })
    }

    fn reread(&self, name: &str, expected: &str) -> Result<Tensor, VlmError> {
        let reader = self.reader.as_ref().expect("only weights from files are cast and merged");
        let (master, path) = reader.read(name)?;
        let found = digest(&master);
        if found == *expected {
            return Ok(master);
        }
        let of = |digest: &str| format!("values of `{name}` with SHA-256 {digest}");
        let (expected, found) = (of(expected), of(&found));
        let differs = Differs { path: path.clone(), expected, found };
        Err(VlmError::io("read", path, differs.into()))
    }
}

/// Gives a weight other values, in its own memory where the kind stays: glibc's heap finds an aligned block of a size
/// among freed ones of just that size only by chance, so that a model of new tensors would stand beside the old one.
fn replace(weight: &mut Tensor, values: &Tensor, kind: Kind) {
    if weight.kind() != kind {
        *weight = cast(values, kind);
    } else if weight.data_ptr() != values.data_ptr() {
        no_grad(|| weight.copy_(values));
    }
}

fn digest(tensor: &Tensor) -> String {
    let digest = Sha256::digest(float32_bytes(tensor));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
