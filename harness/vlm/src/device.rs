//! Where to compute: the CPU, or a GPU whose half of libtorch is opened at run time.
//!
//! The program is linked against the CPU part alone, so the same binary runs where there is no
//! CUDA: `clsrl_libtorch::load_cuda_backend`.

use std::fs;

use tch::{Cuda, Device};

use crate::error::VlmError;

/// Reads `cpu`, `cuda` or `cuda:N`, and checks that it is there.
pub fn parse_device(name: &str) -> Result<Device, VlmError> {
    let error = |problem: String| VlmError::Device { name: name.to_owned(), problem };
    let gpu_idx = match name.split_once(':') {
        None if name == "cpu" => return Ok(Device::Cpu),
        None if name == "cuda" => Some(0),
        Some(("cuda", digits)) => digits.parse::<usize>().ok(),
        _ => None,
    };
    let Some(gpu_idx) = gpu_idx else {
        return Err(error("expected `cpu`, `cuda` or `cuda:N`".to_owned()));
    };
    if !Cuda::is_available() {
        return Err(error(
            "CUDA is not available\nhint: run with a CUDA build of libtorch on \
             LD_LIBRARY_PATH and an NVIDIA driver, or use `cpu`"
                .to_owned(),
        ));
    }
    let n_gpus = Cuda::device_count();
    if n_gpus <= gpu_idx as i64 {
        return Err(error(format!("expected a number below {n_gpus}, found {gpu_idx}")));
    }
    Ok(Device::Cuda(gpu_idx))
}

/// Version of the libtorch that this was built against.
pub fn libtorch_version() -> &'static str {
    option_env!("CLSRL_LIBTORCH_VERSION").unwrap_or("unknown")
}

/// Name of the processor, if the system tells.
pub fn processor_name() -> Option<String> {
    value_after(&fs::read_to_string("/proc/cpuinfo").ok()?, "model name")
}

/// The value of the first `key : value` line.
fn value_after(text: &str, key: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with(key))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_is_not_one_is_named() {
        for name in ["gpu", "cuda:", "cuda:x", "cpu:0", ""] {
            let message = parse_device(name).unwrap_err().to_string();
            assert!(message.starts_with(&format!("device `{name}`: ")), "{message}");
        }
        assert_eq!(parse_device("cpu").unwrap(), Device::Cpu);
    }

    #[test]
    fn names_come_from_key_value_lines() {
        let text = "vendor_id\t: X\nmodel name\t: Some CPU @ 2 GHz\nmodel name : other\n";
        assert_eq!(value_after(text, "model name").as_deref(), Some("Some CPU @ 2 GHz"));
        assert_eq!(value_after(text, "absent"), None);
    }
}
