//! How fast training and evaluation are, on random prompts and images.
//!
//! Runs the trainers and the evaluation as trials do: the same functions on other inputs. What they do is
//! shaped as in the timing peers (`peer_grpo.py`, `peer_eval.py`): random images of 500 × 375, random text
//! around their placeholders, completions of a forced length, random rewards. Counts what the work must
//! cost from its shapes, and measures what the device can do, so that times have something to be held to.

mod bench;
mod shapes;
mod workload;
mod images;
mod flops;
mod probe;

pub use bench::{EvalBench, GrpoBench, Measured, SftBench};
pub use flops::{GrpoStep, Work, eval_work, grpo_work, sft_work};
pub use images::{ImageBench, ImageSpeed, read_images};
pub use probe::{Probes, probe};
pub use shapes::{Shapes, processor_of};
pub(crate) use workload::Workload;
pub use workload::random_prompts;
