//! Gradient accumulation in place, without the copies that autograd makes.
//!
//! An embedding of 152,000 words is most of a small model. libtorch makes a matrix of its size for every use of it
//! and adds them all up; here each use adds to the one gradient in place.

#![expect(unsafe_code, reason = "calls the shim")]

use std::ptr;

use tch::Tensor;

use crate::{
    LibtorchError,
    shim::{
        check, clsrl_add_product, clsrl_backward, clsrl_clear_gradients, clsrl_select_rows,
        pointers,
    },
};

/// Leaves every leaf without a gradient: the next backward pass writes where this one would have added.
pub fn clear_gradients<'a>(
    leaves: impl IntoIterator<Item = &'a Tensor>,
) -> Result<(), LibtorchError> {
    let list = pointers(leaves);
    // SAFETY: the list lives until the call returns.
    check("clear gradients", unsafe { clsrl_clear_gradients(list.as_ptr(), list.len()) })
}

/// Runs the backward pass from a tensor whose gradient is known.
pub fn backward(tensor: &Tensor, gradient: &Tensor) -> Result<(), LibtorchError> {
    // SAFETY: both tensors live until the call returns.
    check("run a backward pass", unsafe { clsrl_backward(tensor.as_ptr(), gradient.as_ptr()) })
}

/// Adds the product of left (n, k) and right (k, m) to a leaf's gradient (n, m), which is made if there is none.
///
/// The product is computed in the kind of its factors and added in the leaf's.
pub fn add_product(leaf: &Tensor, left: &Tensor, right: &Tensor) -> Result<(), LibtorchError> {
    // SAFETY: the tensors live until the call returns.
    check("add to a gradient", unsafe {
        clsrl_add_product(leaf.as_ptr(), left.as_ptr(), right.as_ptr())
    })
}

/// Selects rows (n, c) of a leaf (m, c) by their indices (n); the backward pass adds to the leaf's gradient in place.
///
/// Panics if the leaf is not one.
pub fn select_rows(leaf: &Tensor, rows: &Tensor) -> Result<Tensor, LibtorchError> {
    assert!(leaf.is_leaf(), "gradients are added to leaves alone");
    let mut selected = ptr::null_mut();
    // SAFETY: the tensors live until the call returns; `selected` is set to a tensor that is ours if it succeeds.
    check("select rows", unsafe {
        clsrl_select_rows(leaf.as_ptr(), rows.as_ptr(), &mut selected)
    })?;
    // SAFETY: the call succeeded, so `selected` owns a tensor.
    Ok(unsafe { Tensor::from_ptr(selected) })
}

#[cfg(test)]
mod tests {
    use tch::{Kind, no_grad};

    use super::*;

    fn matrix() -> Tensor {
        Tensor::arange(6, (Kind::Float, tch::Device::Cpu)).view([3, 2]).set_requires_grad(true)
    }

    fn values(tensor: &Tensor) -> Vec<f32> {
        Vec::try_from(tensor.flatten(0, -1)).unwrap()
    }

    #[test]
    fn a_cleared_leaf_has_no_gradient() {
        let leaf = matrix();
        leaf.sum(Kind::Float).backward();
        assert!(leaf.grad().defined());
        clear_gradients([&leaf]).unwrap();
        assert!(!leaf.grad().defined());
    }

    #[test]
    fn gradients_of_selected_rows_are_those_of_index_select() {
        let rows = Tensor::from_slice(&[2i64, 0, 2]);
        let factor = Tensor::from_slice(&[1f32, 2.0, 3.0, 4.0, 5.0, 6.0]).view([3, 2]);
        let use_rows = |leaf: &Tensor, selected: Tensor| {
            ((selected * &factor).sum(Kind::Float) + leaf.square().sum(Kind::Float)).backward();
            values(&leaf.grad())
        };
        let (plain, ours) = (matrix(), matrix());
        let expected = use_rows(&plain, plain.index_select(0, &rows));
        assert_eq!(use_rows(&ours, select_rows(&ours, &rows).unwrap()), expected);
        // Once more, onto the gradient that is there.
        let expected = use_rows(&plain, plain.index_select(0, &rows));
        assert_eq!(use_rows(&ours, select_rows(&ours, &rows).unwrap()), expected);
    }

    #[test]
    fn rows_of_what_is_not_trained_have_no_gradient() {
        let rows = Tensor::from_slice(&[1i64]);
        assert!(!select_rows(&matrix().detach(), &rows).unwrap().requires_grad());
        assert!(!no_grad(|| select_rows(&matrix(), &rows)).unwrap().requires_grad());
    }

    #[test]
    fn products_add_up_in_the_kind_of_the_leaf() {
        for kind in [Kind::Float, Kind::BFloat16] {
            let leaf = matrix();
            let left = Tensor::from_slice(&[1f32, 2.0, 3.0]).view([3, 1]).to_kind(kind);
            let right = Tensor::from_slice(&[0.5f32, 4.0]).view([1, 2]).to_kind(kind);
            add_product(&leaf, &left, &right).unwrap();
            add_product(&leaf, &left, &right).unwrap();
            assert_eq!(leaf.grad().kind(), Kind::Float);
            assert_eq!(values(&leaf.grad()), [1.0, 8.0, 2.0, 16.0, 3.0, 24.0]);
        }
    }

    #[test]
    fn a_known_gradient_goes_backward() {
        let leaf = matrix();
        backward(&(&leaf * 3.0), &leaf.detach()).unwrap();
        assert_eq!(values(&leaf.grad()), [0.0, 3.0, 6.0, 9.0, 12.0, 15.0]);
        assert!(backward(&leaf.detach(), &leaf.detach()).is_err());
    }
}
