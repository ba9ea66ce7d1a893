//! The machine and the program, as `bench` and `doctor` describe them.

use std::{num::NonZero, thread};

use clsrl_engine::machine::processor_name;
use clsrl_vlm::Precision;
use serde_json::{Value, json};

use crate::{
    device::{Device, Dtype},
    version,
};

/// The precision that is asked for.
pub fn precision_of(dtype: Dtype, device: &Device) -> Precision {
    match (dtype, device.kind()) {
        (Dtype::Bf16, _) | (Dtype::Auto, "cuda") => Precision::Bfloat16,
        _ => Precision::Float32,
    }
}

/// All threads of the machine.
pub fn all_threads() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// The program's version and commit.
pub fn describe_program() -> Value {
    json!({ "version": env!("CARGO_PKG_VERSION"), "commit": version::commit() })
}

/// The processor's name.
pub fn describe_processor() -> String {
    processor_name()
}
