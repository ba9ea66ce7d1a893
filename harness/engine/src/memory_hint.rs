//! What a user can still do where memory runs out: nothing that was done already.

use std::fmt;

use clsrl_spec::Training;

use crate::TrialJob;

/// What would let a trial need less memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryHint {
    /// `--gradient-checkpointing` would keep less for the backward pass.
    pub recompute: bool,
    /// `--lora` would train less.
    pub lora: bool,
}

impl MemoryHint {
    /// The options that this trial could use and was not given.
    pub fn of(job: &TrialJob) -> Self {
        let trains = job.trial.training != Training::None;
        MemoryHint {
            recompute: trains && !job.recompute,
            lora: trains && job.trial.protocol.lora.is_none(),
        }
    }
}

impl fmt::Display for MemoryHint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let recompute =
            self.recompute.then_some("--gradient-checkpointing keeps less for the backward pass");
        let lora = self.lora.then_some("--lora RANK trains less");
        let other = "another program may be using the memory";
        let hints: Vec<&str> = recompute.into_iter().chain(lora).chain([other]).collect();
        f.write_str(&hints.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_is_not_proposed() {
        let hint = |recompute, lora| MemoryHint { recompute, lora }.to_string();
        assert_eq!(hint(false, false), "another program may be using the memory");
        assert!(
            hint(true, false).contains("--gradient-checkpointing")
                && !hint(true, false).contains("--lora")
        );
        assert!(
            hint(false, true).contains("--lora")
                && !hint(false, true).contains("--gradient-checkpointing")
        );
    }
}
