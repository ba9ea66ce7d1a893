//! What the device can do: the rate of a large product of matrices, and of a large copy.

use std::time::{Duration, Instant};

use clsrl_libtorch::{OutOfMemory, catch_out_of_memory, onednn_linear};
use clsrl_vlm::Precision;
use tch::{Cuda, Device, Kind, Tensor};

/// How long each probe runs at least.
const LEAST: Duration = Duration::from_millis(500);

/// Runs of each probe, the first of which is not counted.
const LEAST_RUNS: usize = 4;

/// The best rates that were measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Probes {
    /// Operations per second of a product of two square matrices.
    pub matmul_per_s: f64,
    /// Bytes per second of a copy, read and written bytes added.
    pub copy_bytes_per_s: f64,
}

/// Measures a device in the kind that products compute in.
pub fn probe(device: Device, precision: Precision) -> Probes {
    let kind = match precision {
        Precision::Float32 => Kind::Float,
        Precision::Bfloat16 => Kind::BFloat16,
    };
    // Large enough for the best rate and for no cache to hold a copy.
    let (side, n_bytes) = if device.is_cuda() { (8192, 2 << 30) } else { (2048, 256 << 20) };
    Probes {
        matmul_per_s: largest_that_fits(side, |side| product_rate(device, kind, side)),
        copy_bytes_per_s: largest_that_fits(n_bytes, |n_bytes| copy_rate(device, n_bytes)),
    }
}

/// Probes in a size, or in half of it where the device has no memory for that beside a model, and so on.
fn largest_that_fits(size: i64, rate: impl Fn(i64) -> f64) -> f64 {
    match catch_out_of_memory(|| rate(size)) {
        Ok(rate) => rate,
        Err(OutOfMemory) if size <= 1 => panic!("a device out of memory cannot be probed"),
        Err(OutOfMemory) => largest_that_fits(size / 2, rate),
    }
}

fn product_rate(device: Device, kind: Kind, side: i64) -> f64 {
    // Equal numbers would draw less power than those of a model, and a GPU would be faster with them.
    let [a, b] = [(); 2].map(|()| Tensor::randn([side, side], (kind, device)));
    let product = || match (device, kind) {
        // As the model's layers have it.
        (Device::Cpu, Kind::Float) => onednn_linear(&a, &b, None).map(drop),
        _ => {
            drop(a.matmul(&b));
            Ok(())
        }
    };
    let seconds = fastest(device, || product().unwrap_or_else(|error| panic!("{error}")));
    2.0 * (side * side * side) as f64 / seconds
}

fn copy_rate(device: Device, n_bytes: i64) -> f64 {
    let from = Tensor::ones([n_bytes], (Kind::Uint8, device));
    let mut to = from.zeros_like();
    2.0 * n_bytes as f64 / fastest(device, || to.copy_(&from))
}

/// Seconds of the fastest run.
fn fastest(device: Device, mut work: impl FnMut()) -> f64 {
    let wait = || {
        if let Device::Cuda(idx) = device {
            Cuda::synchronize(idx as i64);
        }
    };
    let begun = Instant::now();
    let mut seconds = f64::INFINITY;
    let mut n_runs = 0;
    while n_runs < LEAST_RUNS || begun.elapsed() < LEAST {
        wait();
        let started = Instant::now();
        work();
        wait();
        if 0 < n_runs {
            seconds = seconds.min(started.elapsed().as_secs_f64());
        }
        n_runs += 1;
    }
    seconds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_is_as_large_as_memory_allows() {
        let rate = |size: i64| {
            assert!(size <= 100, "CUDA out of memory, as the test wants");
            size as f64
        };
        assert_eq!(largest_that_fits(1000, rate), 62.0);
        assert_eq!(largest_that_fits(100, rate), 100.0);
    }

    #[test]
    fn a_device_multiplies_and_copies() {
        let Probes { matmul_per_s, copy_bytes_per_s } = probe(Device::Cpu, Precision::Float32);
        // Any machine since 2000 does a million in a second, none so far 10^18.
        for rate in [matmul_per_s, copy_bytes_per_s] {
            assert!((1e6..1e18).contains(&rate), "{rate}");
        }
    }
}
