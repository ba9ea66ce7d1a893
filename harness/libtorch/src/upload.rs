//! Copies from the host to a GPU that nobody waits for.

#![expect(unsafe_code, reason = "calls the shim")]

use std::ptr;

use tch::{Device, Kind, Tensor};

use crate::{
    LibtorchError,
    shim::{check, clsrl_pinned_bytes},
};

/// Where a tensor may begin within an upload, in bytes: what the widest loads of a GPU want.
const ALIGNMENT: i64 = 64;

/// Brings tensors of the host to a device, each in a kind; to a GPU in one copy from pinned memory, which the host does
/// not wait for. On a CPU a tensor that has its kind is the same again.
pub fn upload(tensors: &[(&Tensor, Kind)], device: Device) -> Result<Vec<Tensor>, LibtorchError> {
    if !device.is_cuda() {
        return Ok(tensors.iter().map(|(tensor, kind)| tensor.to_kind(*kind)).collect());
    }
    let mut places = Vec::with_capacity(tensors.len());
    let mut n_bytes = 0;
    for (tensor, kind) in tensors {
        let size = (tensor.numel() * kind.elt_size_in_bytes()) as i64;
        places.push((n_bytes, size));
        n_bytes += (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }
    let staged = pinned_bytes(n_bytes)?;
    let part = |bytes: &Tensor, (tensor, kind): &(&Tensor, Kind), (first, size): (i64, i64)| {
        bytes.narrow(0, first, size).view_dtype(*kind).view(tensor.size().as_slice())
    };
    for (given, place) in tensors.iter().zip(&places) {
        part(&staged, given, *place).copy_(given.0);
    }
    // The allocator of pinned memory keeps it until the copy is done.
    let arrived = staged.to_device_(device, Kind::Uint8, true, false);
    Ok(tensors.iter().zip(places).map(|(given, place)| part(&arrived, given, place)).collect())
}

/// Uninitialised bytes that a GPU copies by itself.
fn pinned_bytes(n: i64) -> Result<Tensor, LibtorchError> {
    let mut bytes = ptr::null_mut();
    // SAFETY: `bytes` is set to a tensor that is ours if the call succeeds.
    check("pin memory", unsafe { clsrl_pinned_bytes(n, &mut bytes) })?;
    // SAFETY: the call succeeded, so `bytes` owns a tensor.
    Ok(unsafe { Tensor::from_ptr(bytes) })
}
