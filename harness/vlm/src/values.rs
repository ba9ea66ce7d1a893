//! The values of a tensor: their bytes, and whether they are numbers.

use tch::{Device, Kind, Tensor};

/// Whether a float tensor has neither NaN nor infinity; waits for the device.
pub fn is_finite(tensor: &Tensor) -> bool {
    if tensor.numel() == 0 {
        return true;
    }
    // One pass, and both carry NaN.
    let (least, most) = tensor.detach().aminmax(None::<i64>, false);
    Tensor::stack(&[least, most], 0).isfinite().all().int64_value(&[]) != 0
}

/// The values as little-endian float32, row by row.
pub fn float32_bytes(tensor: &Tensor) -> Vec<u8> {
    let tensor = tensor.detach().to_device(Device::Cpu).to_kind(Kind::Float).contiguous();
    let mut bytes = vec![0; 4 * tensor.numel()];
    tensor.copy_data_u8(&mut bytes, tensor.numel());
    bytes
}
