//! The identity of a model's weights.

use clsrl_vlm::Model;
use sha2::{Digest, Sha256};
use tch::{Device, Kind, Tensor};

/// SHA-256 over names, shapes and float32 values of all parameters in the model's order, hexadecimal.
pub fn digest(model: &Model) -> String {
    let mut hasher = Sha256::new();
    for (name, parameter) in model.named_parameters() {
        hasher.update(format!("{name} {:?}\n", parameter.size()));
        hasher.update(bytes_of(&parameter));
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The values as little-endian float32.
fn bytes_of(parameter: &Tensor) -> Vec<u8> {
    let flat = parameter.detach().to_device(Device::Cpu).to_kind(Kind::Float).flatten(0, -1);
    let mut values = vec![0f32; flat.numel()];
    let n_values = values.len();
    flat.copy_data(&mut values, n_values);
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}
