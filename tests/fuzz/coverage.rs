//! Which edges of the code an input reached, where the code was compiled to count them.
//!
//! `harness/scripts/fuzz` compiles the project's crates with LLVM's `sancov-module` pass, whose counters register
//! themselves here before the program begins. Without it there are none, and nothing guides.

#![expect(unsafe_code, reason = "LLVM's counters are raw memory, and register by a C function")]

use std::{slice, sync::Mutex};

/// The counters of every object file, as addresses.
static COUNTERS: Mutex<Vec<(usize, usize)>> = Mutex::new(Vec::new());

/// Called by every instrumented object file, before `main`.
#[unsafe(no_mangle)]
extern "C" fn __sanitizer_cov_8bit_counters_init(start: *mut u8, end: *mut u8) {
    // The pointers are made again from these addresses.
    let counters = (start.expose_provenance(), end.addr());
    let mut known = COUNTERS.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if counters.0 < counters.1 && !known.contains(&counters) {
        known.push(counters);
    }
}

/// What was reached so far.
pub struct Coverage {
    /// For each counter, the orders of magnitude that it has had.
    seen: Vec<u8>,
}

impl Coverage {
    /// Begins with nothing reached.
    pub fn new() -> Self {
        Coverage { seen: vec![0; regions().iter().map(|(start, end)| end - start).sum()] }
    }

    /// How many edges there are.
    pub fn n_edges(&self) -> usize {
        self.seen.len()
    }

    /// How many edges were reached.
    pub fn n_reached(&self) -> usize {
        self.seen.iter().filter(|&&seen| seen != 0).count()
    }

    /// Forgets what was counted since it was last looked at.
    pub fn reset(&mut self) {
        self.take(|_, _| ());
    }

    /// Whether something new was reached since the last look.
    pub fn is_new(&mut self) -> bool {
        let mut is_new = false;
        self.take(|seen, count| {
            let order = 1_u8 << count.ilog2();
            is_new |= *seen & order == 0;
            *seen |= order;
        });
        is_new
    }

    fn take(&mut self, mut look: impl FnMut(&mut u8, u8)) {
        let mut seen = self.seen.as_mut_slice();
        for (start, end) in regions() {
            let pointer = std::ptr::with_exposed_provenance_mut::<u8>(start);
            // SAFETY: the region is a static array of the instrumented code. Other threads may add to it meanwhile,
            // which spoils a count and nothing else.
            let counters = unsafe { slice::from_raw_parts_mut(pointer, end - start) };
            let (of_region, rest) = seen.split_at_mut(counters.len());
            for (seen, count) in of_region.iter_mut().zip(counters) {
                if *count != 0 {
                    look(seen, *count);
                    *count = 0;
                }
            }
            seen = rest;
        }
    }
}

impl Default for Coverage {
    fn default() -> Self {
        Coverage::new()
    }
}

fn regions() -> Vec<(usize, usize)> {
    COUNTERS.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
}
