//! Where a trial runs: for its records.

use clsrl_spec::Place;
use tch::Device;

use crate::TrialJob;

/// The place of a trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Where(pub Place);

impl Where {
    /// Describes this process on a device.
    pub fn here(job: &TrialJob, device: Device) -> Self {
        Where(Place {
            commit: job.commit.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            libtorch: clsrl_vlm::device::libtorch_version().to_owned(),
            device: clsrl_vlm::device::describe(device),
            threads: job.threads,
            processor: processor_name(),
        })
    }
}

/// The processor's name as Linux tells it, or the architecture.
fn processor_name() -> String {
    let listing = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = listing.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    name.map_or(std::env::consts::ARCH, |(_, name)| name).trim().to_owned()
}

/// The largest resident memory of this process so far, in bytes; 0 where the system does not tell.
pub fn peak_memory_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
    kib.and_then(|kib| kib.trim().parse::<u64>().ok()).map_or(0, |kib| kib * 1024)
}
