//! The environment that trials have, in whichever process they run.

use std::{env, os::unix::process::CommandExt, process::Command};

use anyhow::Context;

/// Keeps glibc from handing every large tensor back to the system and faulting it in again, and lets it ask for large
/// pages; a fifth of a tiny model's time went there, and a twentieth of a step of 121 million parameters. Other
/// allocators ignore it.
const HEAP: [(&str, &str); 4] = [
    ("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1"),
    ("MALLOC_MMAP_THRESHOLD_", "1073741824"),
    ("MALLOC_TRIM_THRESHOLD_", "1073741824"),
    ("MALLOC_TOP_PAD_", "67108864"),
];

/// Lets cuBLAS give the same bits every time; it looks once, when the process first needs it.
const CUBLAS: (&str, &str) = ("CUBLAS_WORKSPACE_CONFIG", ":4096:8");

/// Lets blocks of all sizes share a GPU's memory, and leaves some of it to what else needs it there: cuBLAS, and the
/// code of kernels. It is read once, as well.
const GPU_MEMORY: (&str, &str) =
    ("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True,per_process_memory_fraction:0.96");

/// The allocator's settings under the name that newer releases of libtorch have for them.
const GPU_MEMORY_TOO: &str = "PYTORCH_ALLOC_CONF";

/// Lists what a trial's environment has; what the user has set for CUDA's libraries stays as it is.
pub fn of_trials() -> impl Iterator<Item = (&'static str, &'static str)> {
    let is_open = |(name, _): &(&str, &str)| {
        let is_set = |name: &str| env::var_os(name).is_some();
        !(is_set(name) || *name == GPU_MEMORY.0 && is_set(GPU_MEMORY_TOO))
    };
    HEAP.into_iter().chain([CUBLAS, GPU_MEMORY].into_iter().filter(is_open))
}

/// Becomes this program with the environment that trials get from `run`, unless it has it.
pub fn become_as_a_trial() -> anyhow::Result<()> {
    let missing: Vec<_> = of_trials().filter(|(name, _)| env::var_os(name).is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let program = env::current_exe().context("the program's own file cannot be found")?;
    let failure = Command::new(program).args(env::args_os().skip(1)).envs(missing).exec();
    Err(failure).context("the program cannot start itself")
}
