//! Opening the CUDA half of libtorch at run time.

use std::error::Error;

use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};

use crate::switches::{avoid_cudnn_attention, set_full_float32};

pub(crate) const CUDA_LIBRARY: &str = "libtorch_cuda.so";

/// Opens the CUDA half of libtorch. Call it first thing in `main`; says why if it is not there.
///
/// libtorch remembers its first answer about CUDA for the life of the process: open the backend
/// before anything else is asked. From then on attention is kept off cuDNN, and products are as [`set_full_float32`]
/// has them.
pub fn load_cuda_backend() -> Result<(), String> {
    #[expect(unsafe_code, reason = "opening a library runs its initialisers; there is no safe way")]
    // SAFETY: libtorch_cuda is the other half of the libtorch that this program is linked to; its
    // initialisers register kernels and touch nothing of ours.
    let library = unsafe { Library::open(Some(CUDA_LIBRARY), RTLD_NOW | RTLD_GLOBAL) };
    // Never closed: libtorch holds pointers into it from now on.
    library.map(std::mem::forget).map_err(|error| {
        // What the loader says, such as which other library is missing, stands in the source.
        let reason = error.source().map_or_else(|| error.to_string(), ToString::to_string);
        format!("cannot open {CUDA_LIBRARY}: {reason}")
    })?;
    avoid_cudnn_attention().and_then(|()| set_full_float32()).map_err(|error| error.to_string())
}
