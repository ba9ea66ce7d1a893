//! Where to compute: the CPU, or a GPU whose half of libtorch is opened at run time.
//!
//! The program is linked against the CPU part alone, so the same binary runs where there is no
//! CUDA: `clsrl_libtorch::load_cuda_backend`.

use std::{fmt, fs, str::FromStr};

use serde::{Deserialize, Serialize};
use tch::{Cuda, Device};

use crate::error::VlmError;

/// A device by its name, which is not asked whether it is there: `cpu`, `cuda` or `cuda:N`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum DeviceName {
    /// `cpu`.
    Cpu,
    /// `cuda`, which is the first GPU, or `cuda:N`.
    Cuda(Option<usize>),
}

impl DeviceName {
    /// Finds the device.
    ///
    /// # Errors
    ///
    /// Where there is no CUDA, or no GPU of this number.
    pub fn find(self) -> Result<Device, VlmError> {
        let DeviceName::Cuda(gpu_idx) = self else { return Ok(Device::Cpu) };
        if !Cuda::is_available() {
            return Err(self.error(
                "CUDA is not available\nhint: run with a CUDA build of libtorch on \
                 LD_LIBRARY_PATH and an NVIDIA driver, or use `cpu`"
                    .to_owned(),
            ));
        }
        let (gpu_idx, n_gpus) = (gpu_idx.unwrap_or(0), Cuda::device_count());
        if n_gpus <= gpu_idx as i64 {
            return Err(self.error(format!("expected a number below {n_gpus}, found {gpu_idx}")));
        }
        Ok(Device::Cuda(gpu_idx))
    }

    fn error(self, problem: String) -> VlmError {
        VlmError::Device { name: self.to_string(), problem }
    }
}

impl FromStr for DeviceName {
    type Err = VlmError;

    fn from_str(name: &str) -> Result<Self, VlmError> {
        let number = |digits: &str| digits.parse().ok().map(|idx| DeviceName::Cuda(Some(idx)));
        let device = match name.split_once(':') {
            None if name == "cpu" => Some(DeviceName::Cpu),
            None if name == "cuda" => Some(DeviceName::Cuda(None)),
            Some(("cuda", digits)) => number(digits),
            _ => None,
        };
        device.ok_or_else(|| VlmError::Device {
            name: name.to_owned(),
            problem: "expected `cpu`, `cuda` or `cuda:N`".to_owned(),
        })
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DeviceName::Cpu => f.write_str("cpu"),
            DeviceName::Cuda(None) => f.write_str("cuda"),
            DeviceName::Cuda(Some(idx)) => write!(f, "cuda:{idx}"),
        }
    }
}

impl TryFrom<String> for DeviceName {
    type Error = VlmError;

    fn try_from(name: String) -> Result<Self, VlmError> {
        name.parse()
    }
}

impl From<DeviceName> for String {
    fn from(name: DeviceName) -> String {
        name.to_string()
    }
}

/// Reads a device's name and finds it.
pub fn parse_device(name: &str) -> Result<Device, VlmError> {
    name.parse::<DeviceName>()?.find()
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
    fn a_job_names_its_device_as_a_user_does() {
        for name in ["cpu", "cuda", "cuda:3"] {
            let json = format!("\"{name}\"");
            let device: DeviceName = serde_json::from_str(&json).unwrap();
            assert_eq!(serde_json::to_string(&device).unwrap(), json);
        }
        assert!(serde_json::from_str::<DeviceName>("\"gpu\"").is_err());
    }

    #[test]
    fn names_come_from_key_value_lines() {
        let text = "vendor_id\t: X\nmodel name\t: Some CPU @ 2 GHz\nmodel name : other\n";
        assert_eq!(value_after(text, "model name").as_deref(), Some("Some CPU @ 2 GHz"));
        assert_eq!(value_after(text, "absent"), None);
    }
}
