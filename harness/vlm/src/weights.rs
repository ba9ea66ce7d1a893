//! Tensors by name, as the modules of a model take them.
//!
//! A module names each of its tensors once, with shape and role, where it loads it. Loading without tensors lists what
//! would be loaded; so the layout of a checkpoint and the model cannot differ.

use std::{cell::RefCell, collections::BTreeMap, fmt::Display};

use tch::Tensor;

/// One tensor of a checkpoint.
#[derive(Debug, Clone)]
pub(crate) struct TensorSpec {
    pub(crate) name: String,
    pub(crate) shape: Vec<i64>,
    pub(crate) role: Role,
}

/// What a tensor does: decides how it is initialised, and whether it is computed with in bf16.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Embedding,
    Matrix,
    Bias,
    NormWeight,
    NormBias,
}

/// Tensors with their names, in a fixed order.
pub(crate) type NamedTensors = Vec<(String, Tensor)>;

/// After a layer's name, the names of its adapter's two matrices.
pub(crate) const ADAPTER_MATRICES: [&str; 2] = ["lora_A.weight", "lora_B.weight"];

/// Where modules load their tensors from.
pub(crate) enum Source {
    /// Tensors by name; adapters among them are multiplied by `adapter_scale`.
    Tensors { by_name: BTreeMap<String, Tensor>, adapter_scale: f64 },
    /// No tensors: what is asked for is noted.
    Listing(RefCell<Vec<TensorSpec>>),
}

/// A source as one module sees it.
pub(crate) struct Weights<'a> {
    source: &'a Source,
    prefix: String,
}

impl<'a> Weights<'a> {
    pub(crate) fn new(source: &'a Source) -> Self {
        Weights { source, prefix: String::new() }
    }

    /// Goes down one name.
    pub(crate) fn at(&self, name: impl Display) -> Weights<'a> {
        Weights { source: self.source, prefix: format!("{}{name}.", self.prefix) }
    }

    /// Takes a tensor. Panics if it is not there: what is loaded is what was listed.
    pub(crate) fn take(&self, name: &str, shape: &[i64], role: Role) -> Tensor {
        let name = format!("{}{name}", self.prefix);
        match self.source {
            Source::Tensors { by_name, .. } => {
                let tensor = by_name.get(&name);
                tensor.unwrap_or_else(|| panic!("`{name}` was not loaded")).shallow_clone()
            }
            Source::Listing(specs) => {
                specs.borrow_mut().push(TensorSpec { name, shape: shape.to_vec(), role });
                Tensor::new()
            }
        }
    }

    /// One parameter of some of the module's layers, joined along its first dimension, if the model has that.
    pub(crate) fn joint(&self, layers: &[&str], parameter: &str) -> Option<Tensor> {
        let Source::Tensors { by_name, .. } = self.source else { return None };
        let name = joint_name(&self.prefix, layers, parameter);
        by_name.get(&name).map(Tensor::shallow_clone)
    }

    /// The two matrices of the module's adapter and their scale, if it has one.
    pub(crate) fn adapter(&self) -> Option<([Tensor; 2], f64)> {
        let Source::Tensors { by_name, adapter_scale } = self.source else { return None };
        let [a, b] =
            ADAPTER_MATRICES.map(|matrix| by_name.get(&format!("{}{matrix}", self.prefix)));
        Some(([a?.shallow_clone(), b?.shallow_clone()], *adapter_scale))
    }
}

/// Names a parameter of several layers at a prefix, joined; no checkpoint has such a name.
pub(crate) fn joint_name(prefix: &str, layers: &[&str], parameter: &str) -> String {
    format!("{prefix}{}.{parameter}", layers.join("+"))
}

/// The same tensors under the same names.
pub(crate) fn share<'t>(tensors: impl IntoIterator<Item = &'t (String, Tensor)>) -> NamedTensors {
    tensors.into_iter().map(|(name, tensor)| (name.clone(), tensor.shallow_clone())).collect()
}
