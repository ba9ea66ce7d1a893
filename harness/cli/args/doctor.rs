//! Arguments of `doctor`.

use std::path::PathBuf;

use clap::Args;

use clsrl_spec::ranges::MAX_THREADS;

use super::{Dtype, bench::MAX_SIDE, whole};
use crate::device::Device;

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// The Hugging Face model directory to test, or `hf:ID[@REV]`, instead of the tiny model.
    #[arg(long, value_name = "DIR|hf:ID")]
    pub model: Option<PathBuf>,
    /// Also compare with a golden set: a model and what transformers computed with it.
    #[arg(long, value_name = "DIR")]
    pub goldens: Option<PathBuf>,
    /// Device: cpu, cuda or cuda:N.
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    pub device: Device,
    /// Precision of matrix products; auto is bf16 on CUDA and fp32 on a CPU.
    #[arg(long, value_enum, default_value_t = Dtype::Auto)]
    pub dtype: Dtype,
    /// Side of the self-tests' images in pixels.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_SIDE>, default_value_t = 112)]
    pub image_size: usize,
    /// Threads; all cores by default.
    #[arg(long, value_name = "N", value_parser = whole::<1, MAX_THREADS>)]
    pub threads: Option<usize>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}
