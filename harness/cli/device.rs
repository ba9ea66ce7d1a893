//! A device, and the kind of numbers on it, as a user names them.

use std::{fmt, str::FromStr};

use clap::ValueEnum;

/// A device: `cpu`, `cuda` or `cuda:N`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device(String);

impl Device {
    /// The processor.
    pub fn cpu() -> Self {
        Device("cpu".to_owned())
    }

    /// The first GPU that may be used.
    pub fn cuda() -> Self {
        Device("cuda".to_owned())
    }

    /// `cpu` or `cuda`, without a number.
    pub fn kind(&self) -> &str {
        self.0.split(':').next().unwrap_or(&self.0)
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Device {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbered = text.strip_prefix("cuda:").is_some_and(|n| n.parse::<u8>().is_ok());
        if numbered || matches!(text, "cpu" | "cuda") {
            return Ok(Device(text.to_owned()));
        }
        Err("expected cpu, cuda or cuda:N".to_owned())
    }
}

/// A kind of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Dtype {
    /// bf16 on CUDA, fp32 on a CPU.
    Auto,
    /// 16 bits with float32's range.
    Bf16,
    /// 32 bits.
    Fp32,
}
