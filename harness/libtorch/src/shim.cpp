// C functions over what libtorch has and tch does not bind; their Rust half is `shim.rs`.
//
// Each returns 0, or 1 after an exception whose text clsrl_last_error() then has. Tensors are
// torch-sys's: pointers to at::Tensor. Only what libtorch_cpu and libc10 export is used.

#include <ATen/Context.h>
#include <ATen/DeviceAccelerator.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/_fused_rms_norm.h>
#include <ATen/ops/_unsafe_view.h>
#include <ATen/ops/_softmax_backward_data.h>
#include <ATen/ops/baddbmm.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/silu_backward.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/autograd/engine.h>

#include <cmath>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
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

// ---- products

namespace {

// x (n, k) times weight (m, k), transposed, plus bias (m). A product of float32 on a CPU goes to MKL as a rule, which
// leaves the wide vector units of other makers' processors idle; oneDNN does not. libtorch has it without a backward
// pass, for its compiler.
using OnednnLinear = at::Tensor(const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&,
                                std::string_view, c10::List<std::optional<at::Scalar>>,
                                std::optional<std::string_view>);

at::Tensor onednn_linear(const at::Tensor& x, const at::Tensor& weight, const std::optional<at::Tensor>& bias) {
  static const auto schema = c10::Dispatcher::singleton().findSchema({"mkldnn::_linear_pointwise", ""});
  if (!schema.has_value()) return at::linear(x, weight, bias);
  static const auto linear = schema->typed<OnednnLinear>();
  return linear.call(x, weight, bias, "none", c10::List<std::optional<at::Scalar>>(), "");
}

struct Linear : torch::autograd::Function<Linear> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const std::optional<at::Tensor>& bias) {
    context->save_for_backward({x, weight});
    context->saved_data["has_bias"] = bias.has_value();
    auto sizes = x.sizes().vec();
    sizes.back() = weight.size(0);
    // No view of a product, so that it can be changed in place.
    return at::_unsafe_view(onednn_linear(x.reshape({-1, x.size(-1)}), weight, bias), sizes);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list output_gradients) {
    const auto saved = context->get_saved_variables();
    const auto &x = saved[0], &weight = saved[1];
    const auto gradient = output_gradients[0].reshape({-1, weight.size(0)});  // (n, m)
    at::Tensor of_x, of_weight, of_bias;
    if (context->needs_input_grad(0)) of_x = onednn_linear(gradient, weight.t(), {}).view(x.sizes());
    if (context->needs_input_grad(1)) {
      of_weight = onednn_linear(gradient.t(), x.reshape({-1, x.size(-1)}).t(), {});
    }
    if (context->saved_data["has_bias"].toBool() && context->needs_input_grad(2)) of_bias = gradient.sum(0);
    return {of_x, of_weight, of_bias};
  }
};

}  // namespace

EXPORT int clsrl_linear(const at::Tensor* x, const at::Tensor* weight, const at::Tensor* bias, at::Tensor** product) {
  return guarded([&] {
    const auto optional_bias = bias ? std::optional<at::Tensor>(*bias) : std::nullopt;
    *product = new at::Tensor(Linear::apply(*x, *weight, optional_bias));
  });
}

// ---- gated products

namespace {

// silu(gate) * up, times weight (m, k), transposed, plus bias (m). Only the factors are kept: autograd would keep
// silu(gate) and the gated values as well, and double what an MLP keeps.
struct GatedLinear : torch::autograd::Function<GatedLinear> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& gate, const at::Tensor& up,
                            const at::Tensor& weight, const std::optional<at::Tensor>& bias, bool by_onednn) {
    context->save_for_backward({gate, up, weight});
    context->saved_data["by_onednn"] = by_onednn;
    context->saved_data["has_bias"] = bias.has_value();
    auto sizes = gate.sizes().vec();
    sizes.back() = weight.size(0);
    const auto gated = at::silu(gate).mul_(up).view({-1, gate.size(-1)});
    return at::_unsafe_view(by_onednn ? onednn_linear(gated, weight, bias) : at::linear(gated, weight, bias), sizes);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list output_gradients) {
    const auto saved = context->get_saved_variables();
    const auto &gate = saved[0], &up = saved[1], &weight = saved[2];
    const bool by_onednn = context->saved_data["by_onednn"].toBool();
    const auto gradient = output_gradients[0].reshape({-1, weight.size(0)});  // (n, m)
    auto open = at::silu(gate);
    at::Tensor of_gate, of_up, of_weight, of_bias;
    if (context->saved_data["has_bias"].toBool() && context->needs_input_grad(3)) of_bias = gradient.sum(0);
    if (context->needs_input_grad(2)) {
      const auto gated = open.mul(up).view({-1, gate.size(-1)});
      of_weight = by_onednn ? onednn_linear(gradient.t(), gated.t(), {}) : at::mm(gradient.t(), gated);
    }
    if (context->needs_input_grad(0) || context->needs_input_grad(1)) {
      const auto of_gated = by_onednn ? onednn_linear(gradient, weight.t(), {}) : at::mm(gradient, weight);
      const auto shaped = of_gated.view(gate.sizes());
      if (context->needs_input_grad(1)) of_up = open.mul_(shaped);
      of_gate = at::silu_backward(shaped.mul(up), gate);
    }
    return {of_gate, of_up, of_weight, of_bias, at::Tensor()};
  }
};

}  // namespace

EXPORT int clsrl_gated_linear(const at::Tensor* gate, const at::Tensor* up, const at::Tensor* weight,
                              const at::Tensor* bias, int by_onednn, at::Tensor** product) {
  return guarded([&] {
    const auto optional_bias = bias ? std::optional<at::Tensor>(*bias) : std::nullopt;
    *product = new at::Tensor(GatedLinear::apply(*gate, *up, *weight, optional_bias, by_onednn != 0));
  });
}

namespace {

// As GatedLinear for gate and up side by side (…, 2 n), as one product makes them; neither is copied out.
struct JointGatedLinear : torch::autograd::Function<JointGatedLinear> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& both,
                            const at::Tensor& weight) {
    context->save_for_backward({both, weight});
    const auto n = weight.size(1);
    auto sizes = both.sizes().vec();
    sizes.back() = weight.size(0);
    const auto gated = at::silu(both.narrow(-1, 0, n)).mul_(both.narrow(-1, n, n)).view({-1, n});
    return at::_unsafe_view(at::linear(gated, weight), sizes);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list output_gradients) {
    const auto saved = context->get_saved_variables();
    const auto &weight = saved[1], both = saved[0].view({-1, 2 * weight.size(1)});
    const auto n = weight.size(1);
    const auto gate = both.narrow(1, 0, n), up = both.narrow(1, n, n);
    const auto gradient = output_gradients[0].reshape({-1, weight.size(0)});  // (rows, m)
    const auto open = at::silu(gate);
    at::Tensor of_both, of_weight;
    if (context->needs_input_grad(1)) of_weight = at::mm(gradient.t(), open.mul(up));
    if (context->needs_input_grad(0)) {
      auto of_gated = at::mm(gradient, weight);
      of_both = at::empty_like(both);
      auto of_gate = of_both.narrow(1, 0, n), of_up = of_both.narrow(1, n, n);
      at::mul_out(of_up, open, of_gated);
      at::silu_backward_out(of_gate, of_gated.mul_(up), gate);
      of_both = of_both.view(saved[0].sizes());
    }
    return {of_both, of_weight};
  }
};

}  // namespace

EXPORT int clsrl_joint_gated_linear(const at::Tensor* both, const at::Tensor* weight, at::Tensor** product) {
  return guarded([&] { *product = new at::Tensor(JointGatedLinear::apply(*both, *weight)); });
}

// ---- norms and rotations in few kernels

// In float32, whatever the kind of x: the kernel takes a weight of its input's kind alone.
EXPORT int clsrl_rms_norm(const at::Tensor* x, const at::Tensor* weight, double epsilon, at::Tensor** normed) {
  return guarded([&] {
    const auto wide = std::get<0>(at::_fused_rms_norm(x->to(at::kFloat), weight->sizes(), *weight, epsilon));
    *normed = new at::Tensor(wide.to(x->scalar_type()));
  });
}

namespace {

// The first `n_turned` heads of qkv (b, t, heads, d) turned, in float32.
at::Tensor turn(const at::Tensor& qkv, const at::Tensor& cos, const at::Tensor& sin, int64_t n_turned) {
  const auto swapped = qkv.roll({qkv.size(3) / 2}, {-1});
  return at::mul(qkv.narrow(2, 0, n_turned), cos).addcmul_(swapped.narrow(2, 0, n_turned), sin);
}

// Queries, keys and values (b, heads, t, d) of one product of all three (b, t, h + 2 g, d), of which queries and keys
// are turned in float32: x cos + swapped x sin, where the first half of sin is negated. Operators one by one would make
// a gradient as large as the product for each part, nearly all of it zeros.
struct TurnedHeads : torch::autograd::Function<TurnedHeads> {
  static torch::autograd::variable_list forward(torch::autograd::AutogradContext* context, const at::Tensor& qkv,
                                                const at::Tensor& cos, const at::Tensor& sin, int64_t n_queries) {
    context->save_for_backward({cos, sin});
    context->saved_data["n_queries"] = n_queries;
    const auto n_keys = (qkv.size(2) - n_queries) / 2, n_turned = n_queries + n_keys;
    const auto turned = turn(qkv, cos, sin, n_turned);
    const auto by_head = [&](const at::Tensor& x, int64_t first, int64_t n) {
      const auto heads = x.narrow(2, first, n).transpose(1, 2);
      return heads.to(qkv.options(), /*non_blocking=*/false, /*copy=*/true, at::MemoryFormat::Contiguous);
    };
    return {by_head(turned, 0, n_queries), by_head(turned, n_queries, n_keys), by_head(qkv, n_turned, n_keys)};
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list output_gradients) {
    const auto saved = context->get_saved_variables();
    const auto of_q = output_gradients[0].transpose(1, 2), of_k = output_gradients[1].transpose(1, 2),
               of_v = output_gradients[2].transpose(1, 2);
    const auto of_turned = at::cat({of_q, of_k}, 2);  // (b, t, h + g, d)
    const auto n_turned = of_turned.size(2), n_keys = of_v.size(2), half = of_turned.size(3) / 2;
    auto of_qkv = at::empty({of_turned.size(0), of_turned.size(1), n_turned + n_keys, 2 * half}, of_v.options());
    const auto swapped = at::mul(of_turned, saved[1]).roll({half}, {-1});
    of_qkv.narrow(2, 0, n_turned).copy_(at::mul(of_turned, saved[0]).add_(swapped));
    of_qkv.narrow(2, n_turned, n_keys).copy_(of_v);
    return {of_qkv, at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

// Without gradients, and without copies of what is copied into a cache next: keys are in float32, values a view.
EXPORT int clsrl_turned_heads_to_write(const at::Tensor* qkv, const at::Tensor* cos, const at::Tensor* sin,
                                       int64_t n_queries, at::Tensor** q, at::Tensor** k, at::Tensor** v) {
  return guarded([&] {
    at::NoGradGuard no_grad;
    const auto n_keys = (qkv->size(2) - n_queries) / 2;
    const auto turned = turn(*qkv, *cos, *sin, n_queries + n_keys);
    const auto queries = turned.narrow(2, 0, n_queries).transpose(1, 2);
    *q = new at::Tensor(queries.to(qkv->options(), /*non_blocking=*/false, /*copy=*/true, at::MemoryFormat::Contiguous));
    *k = new at::Tensor(turned.narrow(2, n_queries, n_keys).transpose(1, 2));
    *v = new at::Tensor(qkv->narrow(2, n_queries + n_keys, n_keys).transpose(1, 2));
  });
}

EXPORT int clsrl_turned_heads(const at::Tensor* qkv, const at::Tensor* cos, const at::Tensor* sin, int64_t n_queries,
                              at::Tensor** q, at::Tensor** k, at::Tensor** v) {
  return guarded([&] {
    auto heads = TurnedHeads::apply(*qkv, *cos, *sin, n_queries);
    *q = new at::Tensor(heads[0]);
    *k = new at::Tensor(heads[1]);
    *v = new at::Tensor(heads[2]);
  });
}

// ---- attention

namespace {

at::Tensor attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, bool is_causal) {
  const bool shares_heads = q.size(1) != k.size(1);
  return at::scaled_dot_product_attention(q, k, v, /*attn_mask=*/{}, /*dropout_p=*/0, is_causal, /*scale=*/{},
                                          shares_heads);
}

// While it lives, an operator that has a deterministic algorithm takes it, also one that would only warn: the backward
// passes of attention on CUDA are such operators. One that has none throws meanwhile.
struct Strictly {
  const bool warn_only = at::globalContext().deterministicAlgorithmsWarnOnly();
  Strictly() { at::globalContext().setDeterministicAlgorithms(true, /*warn_only=*/false); }
  ~Strictly() { at::globalContext().setDeterministicAlgorithms(true, warn_only); }
};

// Attention with a backward pass that gives the same bits every time.
struct DeterministicAttention : torch::autograd::Function<DeterministicAttention> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& q, const at::Tensor& k,
                            const at::Tensor& v, bool is_causal) {
    std::vector<at::Tensor> inner;  // inputs and result, with a graph of their own
    for (const auto& input : {q, k, v}) inner.push_back(input.detach().set_requires_grad(true));
    {
      at::AutoGradMode with_grad(true);
      inner.push_back(attend(inner[0], inner[1], inner[2], is_causal));
    }
    context->saved_data["inner"] = inner;
    return inner[3].detach();
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list output_gradients) {
    auto inner = context->saved_data["inner"].toTensorVector();
    context->saved_data.clear();
    const Strictly strictly;
    auto gradients = torch::autograd::grad({inner[3]}, {inner[0], inner[1], inner[2]}, output_gradients);
    gradients.emplace_back();  // for `is_causal`
    return gradients;
  }
};

}  // namespace

EXPORT int clsrl_fused_attention(const at::Tensor* q, const at::Tensor* k, const at::Tensor* v, int is_causal,
                                 at::Tensor** mixed) {
  return guarded([&] {
    const bool has_gradients = at::GradMode::is_enabled() && (q->requires_grad() || k->requires_grad() || v->requires_grad());
    const bool is_strict = has_gradients && at::globalContext().deterministicAlgorithms();
    *mixed = new at::Tensor(is_strict ? DeterministicAttention::apply(*q, *k, *v, is_causal != 0)
                                      : attend(*q, *k, *v, is_causal != 0));
  });
}

namespace {

// Attention of rows to the tokens of their prompt, which n rows share, and to their own, in one softmax; in few kernels
// and without a copy of scores or weights. Rows stand by group of heads: (p, g, n, m t, …).
struct SharedAttention : torch::autograd::Function<SharedAttention> {
  struct Sizes {
    int64_t b, h, t, d, p, g, s, r, n, m;
    explicit Sizes(const std::vector<int64_t>& of)
        : b(of[0]), h(of[1]), t(of[2]), d(of[3]), p(of[4]), g(of[5]), s(of[6]), r(of[7]), n(b / p), m(h / g) {}
    double scale() const { return 1 / std::sqrt(static_cast<double>(d)); }
    // (b, g, …) as (p g n, …).
    at::Tensor by_group(const at::Tensor& x) const {
      return x.unflatten(0, {p, n}).transpose(1, 2).flatten(0, 2).contiguous();
    }
    // And back, without a copy: (p g n, …) as (p, n, g, …).
    at::Tensor by_row(const at::Tensor& x) const { return x.unflatten(0, {p, g, n}).transpose(1, 2); }
    // Scores (p, g, n, m t, s + r) of prompts (p g, n m t, s), and of own tokens (p g n, m t, r).
    at::Tensor of_prompts(const at::Tensor& scores) const {
      return scores.narrow(-1, 0, s).as_strided({p * g, n * m * t, s}, {n * m * t * (s + r), s + r, 1});
    }
    at::Tensor of_own(const at::Tensor& scores) const {
      return scores.as_strided({p * g * n, m * t, r}, {m * t * (s + r), s + r, 1}, scores.storage_offset() + s);
    }
  };

  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& q, const at::Tensor& k,
                            const at::Tensor& v, const at::Tensor& own_k, const at::Tensor& own_v,
                            const std::optional<at::Tensor>& prompt_mask, const std::optional<at::Tensor>& own_mask) {
    const std::vector<int64_t> sizes{q.size(0), q.size(1), q.size(2), q.size(3),
                                     k.size(0), k.size(1), k.size(2), own_k.size(2)};
    const Sizes of(sizes);
    const auto rows = of.by_group(q.view({of.b, of.g, of.m * of.t, of.d}));  // (p g n, m t, d)
    const auto own_keys = of.by_group(own_k), own_values = of.by_group(own_v);
    const auto keys = k.reshape({of.p * of.g, of.s, of.d}), values = v.reshape({of.p * of.g, of.s, of.d});
    const auto by_prompt = rows.view({of.p * of.g, of.n * of.m * of.t, of.d});
    const auto scores = at::empty({of.p, of.g, of.n, of.m * of.t, of.s + of.r}, q.options());
    auto prompt_scores = of.of_prompts(scores), own_scores = of.of_own(scores);
    at::baddbmm_out(prompt_scores, prompt_scores, by_prompt, keys.transpose(1, 2), /*beta=*/0, of.scale());
    at::baddbmm_out(own_scores, own_scores, rows, own_keys.transpose(1, 2), /*beta=*/0, of.scale());
    if (prompt_mask) scores.narrow(-1, 0, of.s).add_(prompt_mask->unsqueeze(1));
    if (own_mask) own_scores.unflatten(1, {of.m, of.t}).add_(*own_mask);
    const auto weights = scores.softmax(-1);
    auto mixed = at::bmm(of.of_prompts(weights), values).view({of.p * of.g * of.n, of.m * of.t, of.d});
    mixed.baddbmm_(of.of_own(weights), own_values);
    context->save_for_backward({rows, keys, values, own_keys, own_values, weights});
    context->saved_data["sizes"] = sizes;
    // (p, n, g, m, t, d) to (b, t, h d).
    return of.by_row(mixed).unflatten(3, {of.m, of.t}).permute({0, 1, 4, 2, 3, 5}).reshape({of.b, of.t, of.h * of.d});
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list output_gradients) {
    const auto saved = context->get_saved_variables();
    const auto &rows = saved[0], &keys = saved[1], &values = saved[2], &own_keys = saved[3], &own_values = saved[4],
               &weights = saved[5];
    const Sizes of(context->saved_data["sizes"].toIntVector());
    // (b, t, h d) to (p g n, m t, d).
    const auto gradient = output_gradients[0]
                              .view({of.p, of.n, of.t, of.g, of.m, of.d})
                              .permute({0, 3, 1, 4, 2, 5})
                              .reshape({of.p * of.g * of.n, of.m * of.t, of.d});
    const auto by_prompt = [&](const at::Tensor& x) { return x.view({of.p * of.g, of.n * of.m * of.t, of.d}); };
    const auto of_weights = at::empty_like(weights);
    auto of_prompt_weights = of.of_prompts(of_weights), of_own_weights = of.of_own(of_weights);
    at::bmm_out(of_prompt_weights, by_prompt(gradient), values.transpose(1, 2));
    at::bmm_out(of_own_weights, gradient, own_values.transpose(1, 2));
    const auto of_v = at::bmm(of.of_prompts(weights).transpose(1, 2), by_prompt(gradient));
    const auto of_own_v = at::bmm(of.of_own(weights).transpose(1, 2), gradient);
    const auto of_scores = at::_softmax_backward_data(of_weights, weights, -1, weights.scalar_type());
    const auto prompt_scores = of.of_prompts(of_scores), own_scores = of.of_own(of_scores);
    const auto scaled = [&](const at::Tensor& left, const at::Tensor& right) {
      const auto product = at::empty({left.size(0), left.size(1), right.size(2)}, left.options());
      return at::baddbmm(product, left, right, /*beta=*/0, of.scale());
    };
    auto of_rows = scaled(prompt_scores, keys).view_as(rows);
    of_rows.baddbmm_(own_scores, own_keys, /*beta=*/1, of.scale());
    const auto of_k = scaled(prompt_scores.transpose(1, 2), by_prompt(rows));
    const auto of_own_k = scaled(own_scores.transpose(1, 2), rows);
    return {of.by_row(of_rows).reshape({of.b, of.h, of.t, of.d}),
            of_k.view({of.p, of.g, of.s, of.d}),
            of_v.view({of.p, of.g, of.s, of.d}),
            of.by_row(of_own_k).flatten(0, 1),
            of.by_row(of_own_v).flatten(0, 1),
            at::Tensor(),
            at::Tensor()};
  }
};

}  // namespace

EXPORT int clsrl_shared_attention(const at::Tensor* q, const at::Tensor* k, const at::Tensor* v,
                                  const at::Tensor* own_k, const at::Tensor* own_v, const at::Tensor* prompt_mask,
                                  const at::Tensor* own_mask, at::Tensor** mixed) {
  return guarded([&] {
    const auto optional = [](const at::Tensor* mask) { return mask ? std::optional<at::Tensor>(*mask) : std::nullopt; };
    *mixed = new at::Tensor(
        SharedAttention::apply(*q, *k, *v, *own_k, *own_v, optional(prompt_mask), optional(own_mask)));
  });
}

// ---- gradients

EXPORT int clsrl_clear_gradients(const at::Tensor* const* tensors, size_t n_tensors) {
  return guarded([&] {
    for (size_t i = 0; i < n_tensors; i++) tensors[i]->mutable_grad().reset();
  });
}

EXPORT int clsrl_backward(const at::Tensor* tensor, const at::Tensor* gradient) {
  return guarded([&] { torch::autograd::backward({*tensor}, {*gradient}); });
}

// Adds left (n, k) times right (k, m) to a leaf's gradient (n, m), which may not be there yet.
EXPORT int clsrl_add_product(const at::Tensor* leaf, const at::Tensor* left, const at::Tensor* right) {
  return guarded([&] {
    at::NoGradGuard no_grad;
    auto& gradient = leaf->mutable_grad();
    if (!gradient.defined()) {
      gradient = at::mm(*left, *right).to(leaf->options());
    } else if (gradient.dtype() == left->dtype()) {
      gradient.addmm_(*left, *right);
    } else {
      gradient.add_(at::mm(*left, *right));
    }
  });
}

namespace {

// Rows of a leaf, whose gradients are added to the leaf's own where they belong. libtorch would make a matrix as
// large as the leaf of them, nearly all of it zeros, and add that. They are added when the backward pass is over: a
// gradient that is not there yet then takes the place of activations, where it would have stood beside them.
struct SelectedRows : torch::autograd::Function<SelectedRows> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& leaf, const at::Tensor& rows) {
    context->saved_data["leaf"] = leaf;
    context->saved_data["rows"] = rows;
    return leaf.index_select(0, rows);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list output_gradients) {
    const auto leaf = context->saved_data["leaf"].toTensor(), rows = context->saved_data["rows"].toTensor();
    torch::autograd::Engine::get_default_engine().queue_callback([leaf, rows, added = output_gradients[0]] {
      at::NoGradGuard no_grad;
      auto& gradient = leaf.mutable_grad();
      if (!gradient.defined()) gradient = at::zeros_like(leaf);
      gradient.index_add_(0, rows, added);
    });
    return {at::Tensor(), at::Tensor()};
  }
};

}  // namespace

EXPORT int clsrl_select_rows(const at::Tensor* leaf, const at::Tensor* rows, at::Tensor** selected) {
  return guarded([&] { *selected = new at::Tensor(SelectedRows::apply(*leaf, *rows)); });
}

// ---- switches of the whole process

EXPORT int clsrl_set_deterministic() {
  return guarded([] {
    auto& context = at::globalContext();
    context.setDeterministicAlgorithms(/*on=*/true, /*warn_only=*/true);
    context.setDeterministicFillUninitializedMemory(false);  // a search for bugs, not for determinism
    context.setDeterministicCuDNN(true);
    context.setBenchmarkCuDNN(false);
  });
}

// Products of float32 in float32, without TF32, and those of 16 bits added up in float32.
EXPORT int clsrl_set_full_float32() {
  return guarded([] {
    auto& context = at::globalContext();
    context.setFloat32MatmulPrecision("highest");
    context.setAllowTF32CuDNN(false);
    context.setAllowBF16ReductionCuBLAS(false);
    context.setAllowFP16ReductionCuBLAS(false);
  });
}

// cuDNN's attention builds a plan for every new shape, for up to a second, and is not deterministic.
EXPORT int clsrl_avoid_cudnn_attention() {
  return guarded([] { at::globalContext().setSDPUseCuDNN(false); });
}

EXPORT int clsrl_is_full_float32(int* is_full) {
  return guarded([&] {
    *is_full = at::globalContext().float32MatmulPrecision() == at::Float32MatmulPrecision::HIGHEST;
  });
}

EXPORT int clsrl_adds_bfloat16_in_float32(int* adds) {
  return guarded([&] {
    *adds = at::globalContext().allowBF16ReductionCuBLAS() !=
            at::CuBLASReductionOption::AllowReducedPrecisionWithSplitK;
  });
}

// ---- memory

EXPORT int clsrl_pinned_bytes(int64_t n, at::Tensor** bytes) {
  return guarded([&] { *bytes = new at::Tensor(at::empty({n}, at::TensorOptions(at::kByte).pinned_memory(true))); });
}

EXPORT int clsrl_release_cached_memory() {
  return guarded([] {
    if (at::getAccelerator().has_value()) at::accelerator::emptyCache();
  });
}

EXPORT int clsrl_peak_memory(int device_idx, int64_t* bytes) {
  return guarded([&] {
    constexpr auto all = static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);
    *bytes = at::accelerator::getDeviceStats(static_cast<c10::DeviceIndex>(device_idx)).allocated_bytes[all].peak;
  });
}

// ---- recomputation

// Runs a segment on inputs; sets the outputs to tensors of the caller's own. 0, or 1 if it panicked, or 2 if it did
// because memory ran out.
using RunSegment = int (*)(void* segment, const at::Tensor* const* inputs, size_t n_inputs, at::Tensor** outputs,
                           size_t n_outputs);
using DropSegment = void (*)(void* segment);

namespace {

// Owns the Rust closure.
struct Segment : torch::CustomClassHolder {
  RunSegment run_it;
  DropSegment drop_it;
  void* closure;
  size_t n_outputs;

  Segment(RunSegment run_it, DropSegment drop_it, void* closure, size_t n_outputs)
      : run_it(run_it), drop_it(drop_it), closure(closure), n_outputs(n_outputs) {}
  ~Segment() override { drop_it(closure); }

  std::vector<at::Tensor> run(const std::vector<at::Tensor>& inputs) const {
    std::vector<const at::Tensor*> borrowed;
    for (const auto& input : inputs) borrowed.push_back(&input);
    std::vector<at::Tensor*> owned(n_outputs, nullptr);
    const int status = run_it(closure, borrowed.data(), borrowed.size(), owned.data(), n_outputs);
    TORCH_CHECK(status == 0, status == 2 ? "the segment ran out of memory" : "the segment panicked");
    std::vector<at::Tensor> outputs;
    for (auto* output : owned) {
      outputs.push_back(std::move(*output));
      delete output;
    }
    return outputs;
  }
};

// Keeps a segment's inputs instead of what it computes on the way, and runs it again in the backward pass.
struct Recomputed : torch::autograd::Function<Recomputed> {
  // `anchor` has a gradient, so that the outputs have one where only what the segment captured does.
  static torch::autograd::variable_list forward(torch::autograd::AutogradContext* context,
                                                c10::intrusive_ptr<Segment> segment, const at::Tensor& /*anchor*/,
                                                at::TensorList inputs) {
    context->set_materialize_grads(false);
    std::vector<at::Tensor> kept(inputs.begin(), inputs.end()), detached;
    for (const auto& input : kept) detached.push_back(input.detach());
    context->save_for_backward(kept);
    context->saved_data["segment"] = c10::IValue::make_capsule(segment);
    return segment->run(detached);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list output_gradients) {
    std::vector<at::Tensor> inputs;
    for (const auto& kept : context->get_saved_variables()) {
      inputs.push_back(kept.detach().set_requires_grad(kept.requires_grad()));
    }
    auto holder = context->saved_data["segment"].toCapsule();
    torch::autograd::variable_list roots, gradients;
    {
      at::AutoGradMode with_grad(true);
      auto outputs = static_cast<Segment*>(holder.get())->run(inputs);
      for (size_t i = 0; i < outputs.size(); i++) {
        if (!output_gradients[i].defined() || !outputs[i].requires_grad()) continue;
        roots.push_back(outputs[i]);
        gradients.push_back(output_gradients[i]);
      }
    }
    // Gradients of what the segment captured go to its leaves here; those of the inputs are handed on.
    if (!roots.empty()) torch::autograd::backward(roots, gradients);
    torch::autograd::variable_list handed_on{at::Tensor(), at::Tensor()};  // for segment and anchor
    for (const auto& input : inputs) handed_on.push_back(input.requires_grad() ? input.grad() : at::Tensor());
    return handed_on;
  }
};

}  // namespace

// Takes the closure over in any case.
EXPORT int clsrl_recompute(RunSegment run_it, DropSegment drop_it, void* closure, const at::Tensor* const* inputs,
                           size_t n_inputs, at::Tensor** outputs, size_t n_outputs) {
  auto segment = c10::make_intrusive<Segment>(run_it, drop_it, closure, n_outputs);
  return guarded([&] {
    auto listed = list(inputs, n_inputs);
    torch::autograd::variable_list computed;
    if (at::GradMode::is_enabled()) {
      auto anchor = at::zeros({1}, listed.at(0).options().dtype(at::kFloat)).set_requires_grad(true);
      computed = Recomputed::apply(segment, anchor, at::TensorList(listed));
    } else {
      computed = segment->run(listed);
    }
    for (size_t i = 0; i < n_outputs; i++) outputs[i] = new at::Tensor(std::move(computed[i]));
  });
}
