// C functions over what libtorch has and tch does not bind; their Rust half is `shim.rs`.
//
// Each returns 0, or 1 after an exception whose text clsrl_last_error() then has. Tensors are
// torch-sys's: pointers to at::Tensor. Only what libtorch_cpu and libc10 export is used.

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>

#include <exception>
#include <string>
#include <vector>

#define EXPORT extern "C" __attribute__((visibility("default")))

namespace {

thread_local std::string last_error;

template <class Work>
int guarded(Work&& work) {
  try {
    work();
    return 0;
  } catch (const c10::Error& error) {
    last_error = error.what_without_backtrace();
  } catch (const std::exception& error) {
    last_error = error.what();
  } catch (...) {
    last_error = "unknown exception";
  }
  return 1;
}

// Shares the tensors, copies no values.
std::vector<at::Tensor> list(const at::Tensor* const* tensors, size_t n_tensors) {
  std::vector<at::Tensor> listed;
  listed.reserve(n_tensors);
  for (size_t i = 0; i < n_tensors; i++) listed.push_back(*tensors[i]);
  return listed;
}

}  // namespace

EXPORT const char* clsrl_last_error() { return last_error.c_str(); }

// ---- optimizer

EXPORT int clsrl_fused_adamw(const at::Tensor* const* parameters, const at::Tensor* const* gradients,
                             const at::Tensor* const* moments1, const at::Tensor* const* moments2,
                             const at::Tensor* const* steps, size_t n_tensors, double learning_rate,
                             double beta1, double beta2, double weight_decay, double epsilon,
                             const at::Tensor* gradient_divisor) {
  return guarded([&] {
    at::NoGradGuard no_grad;
    auto counts = list(steps, n_tensors);
    at::_foreach_add_(counts, 1);  // the kernel reads them and leaves them
    at::_fused_adamw_(list(parameters, n_tensors), list(gradients, n_tensors), list(moments1, n_tensors),
                      list(moments2, n_tensors), {}, counts, learning_rate, beta1, beta2, weight_decay, epsilon,
                      /*amsgrad=*/false, /*maximize=*/false, *gradient_divisor);
  });
}

EXPORT int clsrl_global_norm(const at::Tensor* const* tensors, size_t n_tensors, at::Tensor** norm) {
  return guarded([&] {
    at::NoGradGuard no_grad;
    *norm = new at::Tensor(at::linalg_vector_norm(at::stack(at::_foreach_norm(list(tensors, n_tensors)))));
  });
}

EXPORT int clsrl_clear_gradients(const at::Tensor* const* tensors, size_t n_tensors) {
  return guarded([&] {
    for (size_t i = 0; i < n_tensors; i++) tensors[i]->mutable_grad().reset();
  });
}
