//! Gradient checkpointing: segments of a forward pass that the backward pass runs again instead of keeping.

#![expect(unsafe_code, reason = "hands closures and tensors to the shim")]

use std::{
    ffi::{c_int, c_void},
    panic::{AssertUnwindSafe, catch_unwind},
    ptr, slice,
};

use tch::Tensor;
use torch_sys::C_tensor;

use crate::{
    LibtorchError,
    out_of_memory::is_out_of_memory,
    shim::{TensorList, check, clsrl_recompute, pointers},
};

type Segment = Box<dyn Fn(&[Tensor]) -> Vec<Tensor> + Send>;

/// Runs a segment and keeps its inputs alone, as `torch.utils.checkpoint`; the backward pass runs it again. Without
/// gradients it runs once and nothing is kept.
///
/// What the segment computes from must be its inputs, leaves, or made of leaves by operations that keep
/// nothing, such as casts. On a GPU the second run happens on libtorch's own thread. A panic in the first
/// run is an error here, in the second one of the backward pass. Panics if there is no input.
pub fn recompute<const N: usize>(
    inputs: &[&Tensor],
    segment: impl Fn(&[Tensor]) -> [Tensor; N] + Send + 'static,
) -> Result<[Tensor; N], LibtorchError> {
    assert!(!inputs.is_empty(), "a segment has inputs");
    let segment: Box<Segment> = Box::new(Box::new(move |inputs| segment(inputs).into()));
    let list = pointers(inputs.iter().copied());
    let mut outputs = [ptr::null_mut(); N];
    // SAFETY: the shim takes the closure over and drops it once; the lists live until the call returns.
    check("run a segment", unsafe {
        clsrl_recompute(
            run_segment,
            drop_segment,
            Box::into_raw(segment).cast(),
            list.as_ptr(),
            list.len(),
            outputs.as_mut_ptr(),
            N,
        )
    })?;
    // SAFETY: the call succeeded, so each output owns a tensor.
    Ok(outputs.map(|output| unsafe { Tensor::from_ptr(output) }))
}

extern "C" fn run_segment(
    closure: *mut c_void,
    inputs: TensorList,
    n_inputs: usize,
    outputs: *mut *mut C_tensor,
    n_outputs: usize,
) -> c_int {
    let run = || {
        // SAFETY: the shim hands back the closure of `recompute`, which it drops later, and borrowed lists
        // of these lengths.
        let (segment, inputs, outputs) = unsafe {
            (
                &*closure.cast::<Segment>(),
                slice::from_raw_parts(inputs, n_inputs),
                slice::from_raw_parts_mut(outputs, n_outputs),
            )
        };
        let inputs: Vec<Tensor> = inputs
            .iter()
            // SAFETY: a borrowed tensor, shared here by its reference count.
            .map(|input| unsafe { Tensor::clone_from_ptr(input.cast_mut()) })
            .collect();
        for (output, mut tensor) in outputs.iter_mut().zip(segment(&inputs)) {
            *output = tensor.as_mut_ptr();
            std::mem::forget(tensor); // the shim owns it now
        }
    };
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(()) => 0,
        Err(panic) => 1 + c_int::from(is_out_of_memory(panic.as_ref())),
    }
}

extern "C" fn drop_segment(closure: *mut c_void) {
    // SAFETY: made by `recompute`, and dropped once.
    drop(unsafe { Box::from_raw(closure.cast::<Segment>()) });
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use tch::{Kind, no_grad};

    use super::*;
    use crate::out_of_memory::{OutOfMemory, catch_out_of_memory};

    fn leaf(values: &[f32]) -> Tensor {
        Tensor::from_slice(values).set_requires_grad(true)
    }

    /// Two outputs of two inputs and a captured weight.
    fn segment(weight: &Tensor, inputs: &[Tensor]) -> [Tensor; 2] {
        let mixed = (&inputs[0] * weight).tanh();
        [&mixed * &inputs[1], mixed.exp()]
    }

    /// Gradients of x, y and the weight, with the segment recomputed or not.
    fn gradients(is_recomputed: bool, loss: impl Fn(&[Tensor; 2]) -> Tensor) -> Vec<Tensor> {
        let (x, y, weight) = (leaf(&[0.5, -1.0]), leaf(&[2.0, 0.25]), leaf(&[1.5, 0.75]));
        let inside = &x * 2.0;
        let outputs = if is_recomputed {
            let captured = weight.shallow_clone();
            recompute(&[&inside, &y], move |inputs| segment(&captured, inputs)).unwrap()
        } else {
            segment(&weight, &[inside, y.shallow_clone()])
        };
        loss(&outputs).backward();
        vec![x.grad(), y.grad(), weight.grad()]
    }

    #[test]
    fn gradients_are_those_of_the_plain_segment() {
        let losses: [fn(&[Tensor; 2]) -> Tensor; 3] = [
            |outputs| (&outputs[0] + &outputs[1] * 3.0).sum(Kind::Float),
            |outputs| outputs[1].sum(Kind::Float), // the first output and the second input go unused
            |outputs| (&outputs[0] * &outputs[0]).sum(Kind::Float),
        ];
        for loss in losses {
            let (plain, again) = (gradients(false, loss), gradients(true, loss));
            for (plain, again) in plain.iter().zip(&again) {
                assert_eq!(plain.defined(), again.defined());
                assert!(!plain.defined() || plain.equal(again), "{plain} and {again}");
            }
        }
    }

    #[test]
    fn an_input_without_a_gradient_is_no_end_of_the_weights() {
        let (x, weight) = (Tensor::from_slice(&[2f32]), leaf(&[3.0]));
        let captured = weight.shallow_clone();
        let [y] = recompute(&[&x], move |inputs| [&inputs[0] * &captured]).unwrap();
        y.backward();
        assert_eq!(weight.grad().double_value(&[0]), 2.0);
        let captured = weight.shallow_clone();
        let [y] = no_grad(|| recompute(&[&x], move |inputs| [&inputs[0] * &captured])).unwrap();
        assert!(!y.requires_grad());
    }

    #[test]
    fn a_panic_in_a_segment_is_an_error() {
        let panics = |_: &[Tensor]| -> [Tensor; 1] { panic!("as the test wants") };
        let error = recompute(&[&leaf(&[1.0])], panics).unwrap_err();
        assert_eq!(error.to_string(), "libtorch cannot run a segment: the segment panicked");
    }

    #[test]
    fn a_segment_that_runs_out_of_memory_in_the_backward_pass_says_so() {
        let is_second = AtomicBool::new(false);
        let [output] = recompute(&[&leaf(&[1.0])], move |inputs| {
            let size = if is_second.swap(true, Ordering::Relaxed) { 1 << 60 } else { 1 };
            [inputs[0].shallow_clone() + Tensor::empty([size], (Kind::Float, tch::Device::Cpu))]
        })
        .unwrap();
        let caught = catch_out_of_memory(|| output.sum(Kind::Float).backward());
        assert_eq!(caught, Err(OutOfMemory));
    }
}
