//! Which GPU it is, by CUDA's runtime: containers that hide what the system tells have it all the same.

#![expect(
    unsafe_code,
    reason = "calls the CUDA runtime, whose functions are known by their names alone"
)]

use std::ffi::{CStr, c_int};

use libloading::os::unix::{Library, RTLD_NOW};

use crate::cuda::CUDA_LIBRARY;

/// Bytes that the runtime is given for a GPU's properties; it has needed about 1,000 since CUDA 10.
const ROOM: usize = 16_384;

/// Bytes of the name, with which the properties begin. The UUID is next.
const NAME_LEN: usize = 256;

/// Bytes of a UUID.
const UUID_LEN: usize = 16;

/// A GPU, and the driver that runs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GpuInfo {
    /// For example `NVIDIA H200`.
    pub name: String,
    /// As `nvidia-smi -L` has it: `GPU-` and a UUID.
    pub uuid: String,
    /// The newest CUDA that the driver runs, for example `13.0`.
    pub driver: String,
}

/// Room for a `cudaDeviceProp`, aligned as C++ wants it.
#[repr(C, align(16))]
struct Properties([u8; ROOM]);

/// Asks CUDA's runtime about a GPU: the one that the CUDA half of libtorch works with, which must be open. Nothing if
/// it does not tell.
pub fn gpu_info(gpu_idx: usize) -> Option<GpuInfo> {
    type GetProperties = unsafe extern "C" fn(*mut Properties, c_int) -> c_int;
    type GetVersion = unsafe extern "C" fn(*mut c_int) -> c_int;
    let mut properties = Properties([0; ROOM]);
    let mut version = 0;
    // SAFETY: a library that is open already, with its dependencies, and the runtime's functions under their names; the
    // first writes a structure that is smaller than the room.
    let codes = unsafe {
        let opened = Library::open(Some(CUDA_LIBRARY), RTLD_NOW).ok()?;
        let get_properties = opened.get::<GetProperties>(b"cudaGetDeviceProperties\0").ok()?;
        let get_version = opened.get::<GetVersion>(b"cudaDriverGetVersion\0").ok()?;
        (get_properties(&mut properties, gpu_idx as c_int), get_version(&mut version))
    };
    (codes == (0, 0)).then(|| read(&properties.0, version))?
}

/// The bytes that are free on a GPU: neither other processes nor libtorch's allocator have them. Nothing if CUDA's
/// runtime does not tell.
pub fn free_device_memory(gpu_idx: usize) -> Option<u64> {
    type GetDevice = unsafe extern "C" fn(*mut c_int) -> c_int;
    type SetDevice = unsafe extern "C" fn(c_int) -> c_int;
    type GetMemory = unsafe extern "C" fn(*mut usize, *mut usize) -> c_int;
    let (mut free, mut total, mut current) = (0, 0, 0);
    // SAFETY: as in `gpu_info`; the runtime tells of the current GPU, which is set back.
    let codes = unsafe {
        let opened = Library::open(Some(CUDA_LIBRARY), RTLD_NOW).ok()?;
        let get_device = opened.get::<GetDevice>(b"cudaGetDevice\0").ok()?;
        let set_device = opened.get::<SetDevice>(b"cudaSetDevice\0").ok()?;
        let get_memory = opened.get::<GetMemory>(b"cudaMemGetInfo\0").ok()?;
        [
            get_device(&mut current),
            set_device(gpu_idx as c_int),
            get_memory(&mut free, &mut total),
            set_device(current),
        ]
    };
    (codes == [0; 4]).then_some(free as u64)
}

/// Reads the beginning of a `cudaDeviceProp`, which is the same in all releases, and a version as 1000 × major + 10 ×
/// minor.
fn read(properties: &[u8], version: c_int) -> Option<GpuInfo> {
    let name = CStr::from_bytes_until_nul(&properties[..NAME_LEN]).ok()?;
    let digits: Vec<String> = properties[NAME_LEN..NAME_LEN + UUID_LEN]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let parts = [&digits[..4], &digits[4..6], &digits[6..8], &digits[8..10], &digits[10..]];
    Some(GpuInfo {
        name: name.to_string_lossy().into_owned(),
        uuid: format!("GPU-{}", parts.map(<[String]>::concat).join("-")),
        driver: format!("{}.{}", version / 1000, version % 1000 / 10),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_uuid_and_driver_are_read() {
        let mut properties = vec![0; ROOM];
        properties[..11].copy_from_slice(b"NVIDIA H200");
        for (at, byte) in properties[NAME_LEN..NAME_LEN + UUID_LEN].iter_mut().enumerate() {
            *byte = 0xf0 + at as u8;
        }
        let found = read(&properties, 12_080).unwrap();
        let uuid = "GPU-f0f1f2f3-f4f5-f6f7-f8f9-fafbfcfdfeff".to_owned();
        let expected = GpuInfo { name: "NVIDIA H200".to_owned(), uuid, driver: "12.8".to_owned() };
        assert_eq!(found, expected);
        assert_eq!(read(&vec![b'x'; ROOM], 0), None, "a name without end");
    }

    #[test]
    fn without_a_runtime_nothing_is_told() {
        if !tch::Cuda::is_available() {
            assert_eq!(gpu_info(0), None);
            assert_eq!(free_device_memory(0), None);
        }
    }
}
