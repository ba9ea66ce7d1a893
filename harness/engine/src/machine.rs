//! The machine that a trial runs on, for its records.

use clsrl_libtorch::{
    LibtorchError, adds_bfloat16_in_float32, gpu_info, is_full_float32, peak_device_memory,
};
use clsrl_spec::{Gpu, Place};
use clsrl_vlm::device::{self, libtorch_version};
use tch::Device;

use crate::TrialJob;

/// Describes this process on a device.
pub fn describe_machine(job: &TrialJob, device: Device) -> Result<Place, LibtorchError> {
    Ok(Place {
        commit: job.commit.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        libtorch: libtorch_version().to_owned(),
        device: describe_device(device),
        threads: job.threads,
        processor: processor_name(),
        float32_products: Some(if is_full_float32()? { "float32" } else { "tf32" }.to_owned()),
        bfloat16_sums: Some(
            if adds_bfloat16_in_float32()? { "float32" } else { "bfloat16" }.to_owned(),
        ),
        gpu: match device {
            Device::Cuda(idx) => gpu_info(idx).map(|info| Gpu {
                name: info.name,
                uuid: info.uuid,
                driver: info.driver,
            }),
            _ => None,
        },
    })
}

/// The processor's name, or its architecture where the system does not tell.
pub fn processor_name() -> String {
    device::processor_name().unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

/// `cpu`, or `cuda:N` with the GPU's name where CUDA's runtime tells it.
pub fn describe_device(device: Device) -> String {
    match device {
        Device::Cuda(idx) => {
            let name = gpu_info(idx).map(|info| format!(" {}", info.name)).unwrap_or_default();
            format!("cuda:{idx}{name}")
        }
        _ => "cpu".to_owned(),
    }
}

/// The most memory so far, in bytes: on a GPU that of tensors, as libtorch's allocator counts it; on a CPU
/// the resident memory of this process.
pub fn peak_memory_bytes(device: Device) -> Result<u64, LibtorchError> {
    match device {
        Device::Cuda(gpu_idx) => peak_device_memory(gpu_idx),
        _ => Ok(peak_resident_bytes()),
    }
}

/// The most resident memory of this process so far, in bytes; 0 where the system does not tell.
pub fn peak_resident_bytes() -> u64 {
    told_bytes("/proc/self/status", "VmHWM:").unwrap_or(0)
}

/// The memory that processes can still take without swapping, in bytes; none where the system does not tell.
pub fn available_bytes() -> Option<u64> {
    told_bytes("/proc/meminfo", "MemAvailable:")
}

/// A number of a file in which the system tells memory in KiB.
fn told_bytes(file: &str, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    let kib = text.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB"))?;
    Some(kib.trim().parse::<u64>().ok()? * 1024)
}
