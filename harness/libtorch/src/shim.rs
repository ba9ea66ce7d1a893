//! The functions of `shim.cpp`, and how tensors and exceptions cross the border.

#![expect(unsafe_code, reason = "reads what C++ hands over")]

use std::ffi::{CStr, c_char, c_int, c_void};

use tch::Tensor;
use torch_sys::C_tensor;

use crate::LibtorchError;

/// A list of tensors as C++ takes it; torch-sys's `C_tensor` is an `at::Tensor`.
pub(crate) type TensorList = *const *const C_tensor;

/// Runs a segment: closure, inputs and their number, outputs to be set and their number.
pub(crate) type RunSegment =
    extern "C" fn(*mut c_void, TensorList, usize, *mut *mut C_tensor, usize) -> c_int;

unsafe extern "C" {
    fn clsrl_last_error() -> *const c_char;
    pub(crate) fn clsrl_fused_adamw(
        parameters: TensorList,
        gradients: TensorList,
        moments1: TensorList,
        moments2: TensorList,
        steps: TensorList,
        n_tensors: usize,
        learning_rate: f64,
        beta1: f64,
        beta2: f64,
        weight_decay: f64,
        epsilon: f64,
        gradient_divisor: *const C_tensor,
    ) -> c_int;
    pub(crate) fn clsrl_global_norm(
        tensors: TensorList,
        n_tensors: usize,
        norm: *mut *mut C_tensor,
    ) -> c_int;
    pub(crate) fn clsrl_clear_gradients(tensors: TensorList, n_tensors: usize) -> c_int;
    pub(crate) fn clsrl_linear(
        x: *const C_tensor,
        weight: *const C_tensor,
        bias: *const C_tensor,
        product: *mut *mut C_tensor,
    ) -> c_int;
    pub(crate) fn clsrl_gated_linear(
        gate: *const C_tensor,
        up: *const C_tensor,
        weight: *const C_tensor,
        bias: *const C_tensor,
        by_onednn: c_int,
        product: *mut *mut C_tensor,
    ) -> c_int;
    pub(crate) fn clsrl_joint_gated_linear(
        both: *const C_tensor,
        weight: *const C_tensor,
        product: *mut *mut C_tensor,
    ) -> c_int;
    pub(crate) fn clsrl_rms_norm(
        x: *const C_tensor,
        weight: *const C_tensor,
        epsilon: f64,
        normed: *mut *mut C_tensor,
    ) -> c_int;
    pub(crate) fn clsrl_turned_heads_to_write(
        qkv: *const C_tensor,
        cos: *const C_tensor,
        sin: *const C_tensor,
        n_queries: i64,
        q: *mut *mut C_tensor,
        k: *mut *mut C_tensor,
        v: *mut *mut C_tensor,
    ) -> c_int;
    pub(crate) fn clsrl_turned_heads(
        qkv: *const C_tensor,
        cos: *const C_tensor,
        sin: *const C_tensor,
        n_queries: i64,
        q: *mut *mut C_tensor,
        k: *mut *mut C_tensor,
        v: *mut *mut C_tensor,
    ) -> c_int;
    pub(crate) fn clsrl_fused_attention(
        q: *const C_tensor,
        k: *const C_tensor,
        v: *const C_tensor,
        is_causal: c_int,
        mixed: *mut *mut C_tensor,
    ) -> c_int;
    pub(crate) fn clsrl_shared_attention(
        q: *const C_tensor,
        k: *const C_tensor,
        v: *const C_tensor,
        own_k: *const C_tensor,
        own_v: *const C_tensor,
        prompt_mask: *const C_tensor,
        own_mask: *const C_tensor,
        mixed: *mut *mut C_tensor,
    ) -> c_int;
    pub(crate) fn clsrl_backward(tensor: *const C_tensor, gradient: *const C_tensor) -> c_int;
    pub(crate) fn clsrl_add_product(
        leaf: *const C_tensor,
        left: *const C_tensor,
        right: *const C_tensor,
    ) -> c_int;
    pub(crate) fn clsrl_select_rows(
        leaf: *const C_tensor,
        rows: *const C_tensor,
        selected: *mut *mut C_tensor,
    ) -> c_int;
    pub(crate) fn clsrl_set_deterministic() -> c_int;
    pub(crate) fn clsrl_set_full_float32() -> c_int;
    pub(crate) fn clsrl_avoid_cudnn_attention() -> c_int;
    pub(crate) fn clsrl_is_full_float32(is_full: *mut c_int) -> c_int;
    pub(crate) fn clsrl_adds_bfloat16_in_float32(adds: *mut c_int) -> c_int;
    pub(crate) fn clsrl_recompute(
        run: RunSegment,
        drop: extern "C" fn(*mut c_void),
        closure: *mut c_void,
        inputs: TensorList,
        n_inputs: usize,
        outputs: *mut *mut C_tensor,
        n_outputs: usize,
    ) -> c_int;
    pub(crate) fn clsrl_pinned_bytes(n: i64, bytes: *mut *mut C_tensor) -> c_int;
    pub(crate) fn clsrl_release_cached_memory() -> c_int;
    pub(crate) fn clsrl_peak_memory(device_idx: c_int, bytes: *mut i64) -> c_int;
}

/// Turns what a function of the shim returned into a result.
pub(crate) fn check(operation: &'static str, status: c_int) -> Result<(), LibtorchError> {
    if status == 0 {
        return Ok(());
    }
    // SAFETY: a text of this thread's own, ended by zero, that stays until the next call; copied here.
    let message = unsafe { CStr::from_ptr(clsrl_last_error()) };
    Err(LibtorchError { operation, message: message.to_string_lossy().into_owned() })
}

/// The tensors' pointers, valid as long as the tensors are.
pub(crate) fn pointers<'a>(tensors: impl IntoIterator<Item = &'a Tensor>) -> Vec<*const C_tensor> {
    tensors.into_iter().map(Tensor::as_ptr).collect()
}
