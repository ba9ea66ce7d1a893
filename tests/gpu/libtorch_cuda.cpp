// A GPU made of the host's memory, for machines without one.
//
// Compiled to a `libtorch_cuda.so`, it is what the program opens as the CUDA half of libtorch. Its tensors lie in host
// memory and its operators are those of the CPU, but it refuses what a real GPU would: an operator that is given
// tensors of two devices, and more memory than there is. Its attention is chosen as on a Hopper, takes what the kernels
// there take, and gives back their layouts. It says nothing of speed, nor of the numbers of real kernels.
//
// Environment:
//   CLSRL_STAND_IN_GPU_MIB   memory of each of its two GPUs; without end if it is not set
//   CLSRL_STAND_IN_GPU_SAYS  what an operator says that has no memory left, in the place of libtorch's allocator
//   CLSRL_STAND_IN_GPU_LOG   a file that has a line for each kind of operator whenever the host waits: how often it
//                            was launched, and its name; a process waits for its GPU for each copy `to the host`,
//                            and for each `to the GPU, waited for`, whose memory is not pinned. How many bytes went
//                            to the GPU stands there too, and what CUDA's libraries would find in the environment
//   CLSRL_STAND_IN_GPU_PHASES a file that gets a line whenever the host waits for all of a GPU, as the profiler of a
//                            bench does between phases: launches, uploads, waits for uploads, reads and bytes to the
//                            GPU since the line before

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/EmptyTensor.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <ATen/native/transformers/attention.h>
#include <ATen/native/transformers/sdp_utils_cpp.h>
#include <ATen/ops/as_strided_native.h>
#include <ATen/ops/view_native.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/library.h>

#include <array>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace {

constexpr auto CUDA = c10::DeviceType::CUDA;
constexpr c10::DeviceIndex N_GPUS = 2;

thread_local c10::DeviceIndex current_gpu = 0;

// ---- log

constexpr auto TO_HOST = "to the host", TO_GPU = "to the GPU", WITHIN_GPU = "within the GPU",
               WAITED_FOR = "to the GPU, waited for", BYTES_TO_GPU = "bytes to the GPU";

struct Log {
  std::mutex mutex;
  std::map<std::string, size_t> n_launched;

  void launched(const std::string& name, size_t n = 1) {
    const std::lock_guard<std::mutex> lock(mutex);
    n_launched[name] += n;
    if (name == BYTES_TO_GPU) {
      of_phase.bytes += n;
    } else if (name == TO_GPU || name == WAITED_FOR) {
      of_phase.uploads += n;
      if (name == WAITED_FOR) of_phase.waits += n;
    } else if (name == TO_HOST) {
      of_phase.reads += n;
      write();
    } else if (!is_bookkeeping(name)) {
      of_phase.launches += n;
    }
  }

  // What was counted since the last call.
  void end_phase() {
    const std::lock_guard<std::mutex> lock(mutex);
    if (const char* path = std::getenv("CLSRL_STAND_IN_GPU_PHASES")) {
      std::ofstream(path, std::ios::app) << of_phase.launches << ' ' << of_phase.uploads << ' ' << of_phase.waits << ' '
                                         << of_phase.reads << ' ' << of_phase.bytes << '\n';
    }
    of_phase = {};
  }

 private:
  struct Counts {
    size_t launches = 0, uploads = 0, waits = 0, reads = 0, bytes = 0;
  };
  Counts of_phase;

  // Operators that a GPU runs no kernel for, and what is no operator.
  static bool is_bookkeeping(const std::string& name) {
    for (const char* other : {"aten::_reshape_alias", "aten::set_", "aten::resize_", "aten::unfold"}) {
      if (name.rfind(other, 0) == 0) return true;
    }
    return name.find('=') != std::string::npos;
  }

  // Whenever the host waits: the program ends without C++ destructors.
  void write() const {
    const char* path = std::getenv("CLSRL_STAND_IN_GPU_LOG");
    if (!path) return;
    std::ofstream file(path);
    for (const auto& [name, n] : n_launched) file << n << ' ' << name << '\n';
  }
};

Log launches;

// ---- memory

size_t memory_of_a_gpu() {
  const char* mib = std::getenv("CLSRL_STAND_IN_GPU_MIB");
  return mib ? std::stoull(mib) << 20 : SIZE_MAX;
}

std::atomic<size_t> in_use[N_GPUS], peak[N_GPUS];

struct Block {
  void* data;
  size_t n_bytes;
  c10::DeviceIndex gpu;
};

void give_back(void* context) {
  const std::unique_ptr<Block> block(static_cast<Block*>(context));
  in_use[block->gpu] -= block->n_bytes;
  std::free(block->data);
}

struct Memory final : c10::DeviceAllocator {
  c10::DataPtr allocate(size_t n_bytes) override {
    static const size_t limit = memory_of_a_gpu();
    const auto gpu = current_gpu;
    const size_t used = in_use[gpu] += n_bytes;
    if (limit < used) {
      in_use[gpu] -= n_bytes;
      if (const char* said = std::getenv("CLSRL_STAND_IN_GPU_SAYS")) TORCH_CHECK(false, said);
      TORCH_CHECK_WITH(OutOfMemoryError, false, "CUDA out of memory. Tried to allocate ", n_bytes, " bytes.");
    }
    for (size_t before = peak[gpu]; before < used && !peak[gpu].compare_exchange_weak(before, used);) {}
    void* data = n_bytes == 0 ? nullptr : std::aligned_alloc(64, (n_bytes + 63) / 64 * 64);
    return {data, new Block{data, n_bytes, gpu}, give_back, c10::Device(CUDA, gpu)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return nullptr; }
  void copy_data(void* to, const void* from, size_t n_bytes) const override { std::memcpy(to, from, n_bytes); }
  bool initialized() override { return true; }
  void emptyCache(c10::MempoolId_t) override {}
  void recordStream(const c10::DataPtr&, c10::Stream) override {}
  c10::CachingDeviceAllocator::DeviceStats getDeviceStats(c10::DeviceIndex gpu) override {
    c10::CachingDeviceAllocator::DeviceStats stats;
    auto& all = stats.allocated_bytes[static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE)];
    all.current = static_cast<int64_t>(in_use[gpu]);
    all.peak = static_cast<int64_t>(peak[gpu]);
    return stats;
  }
  void resetAccumulatedStats(c10::DeviceIndex) override {}
  void resetPeakStats(c10::DeviceIndex gpu) override { peak[gpu] = in_use[gpu].load(); }
};

Memory memory;

// Memory of the host that a GPU copies by itself.
struct PinnedMemory final : c10::Allocator {
  std::mutex mutex;
  std::map<const char*, size_t> blocks;

  c10::DataPtr allocate(size_t n_bytes) override;
  c10::DeleterFnPtr raw_deleter() const override { return nullptr; }
  void copy_data(void* to, const void* from, size_t n_bytes) const override { std::memcpy(to, from, n_bytes); }
  bool has(const void* data) {
    const std::lock_guard<std::mutex> lock(mutex);
    const auto* at = static_cast<const char*>(data);
    auto next = blocks.upper_bound(at);
    return next != blocks.begin() && at < std::prev(next)->first + std::prev(next)->second;
  }
};

PinnedMemory pinned;

void unpin(void* data) {
  const std::lock_guard<std::mutex> lock(pinned.mutex);
  pinned.blocks.erase(static_cast<char*>(data));
  std::free(data);
}

c10::DataPtr PinnedMemory::allocate(size_t n_bytes) {
  auto* data = static_cast<char*>(std::aligned_alloc(64, (n_bytes + 64) / 64 * 64));
  const std::lock_guard<std::mutex> lock(mutex);
  blocks[data] = n_bytes;
  return {data, data, unpin, c10::Device(c10::kCPU)};
}

// ---- device: one stream, on which everything has happened as soon as it is asked for

c10::Stream only_stream(c10::Device gpu) { return c10::Stream(c10::Stream::DEFAULT, gpu); }

struct Guard final : c10::impl::DeviceGuardImplInterface {
  c10::DeviceType type() const override { return CUDA; }
  c10::Device getDevice() const override { return {CUDA, current_gpu}; }
  void setDevice(c10::Device gpu) const override { current_gpu = gpu.index(); }
  void uncheckedSetDevice(c10::Device gpu) const noexcept override { current_gpu = gpu.index(); }
  c10::Device exchangeDevice(c10::Device gpu) const override {
    return {CUDA, std::exchange(current_gpu, gpu.index())};
  }
  c10::DeviceIndex deviceCount() const noexcept override { return N_GPUS; }
  c10::Stream getStream(c10::Device gpu) const override { return only_stream(gpu); }
  c10::Stream getDefaultStream(c10::Device gpu) const override { return only_stream(gpu); }
  c10::Stream getNewStream(c10::Device gpu, int) const override { return only_stream(gpu); }
  c10::Stream exchangeStream(c10::Stream stream) const override { return only_stream(stream.device()); }
  bool queryStream(const c10::Stream&) const override { return true; }
  void synchronizeStream(const c10::Stream&) const override {}
  void synchronizeDevice(c10::DeviceIndex) const override {}
  void record(void**, const c10::Stream&, c10::DeviceIndex, c10::EventFlag) const override {}
  void block(void*, const c10::Stream&) const override {}
  bool queryEvent(void*) const override { return true; }
  void destroyEvent(void*, c10::DeviceIndex) const noexcept override {}
  void recordDataPtrOnStream(const c10::DataPtr&, const c10::Stream&) const override {}
};

struct Hooks final : at::CUDAHooksInterface {
  explicit Hooks(at::CUDAHooksArgs) {}
  void init() const override {}
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  bool isPinnedPtr(const void* data) const override { return pinned.has(data); }
  c10::Allocator* getPinnedMemoryAllocator() const override { return &pinned; }
  bool hasCUDA() const override { return true; }
  bool hasPrimaryContext(c10::DeviceIndex) const override { return true; }
  int getNumGPUs() const override { return N_GPUS; }
  c10::DeviceIndex deviceCount() const override { return N_GPUS; }
  c10::DeviceIndex current_device() const override { return current_gpu; }
  c10::DeviceIndex getCurrentDevice() const override { return current_gpu; }
  void setCurrentDevice(c10::DeviceIndex gpu) const override { current_gpu = gpu; }
  void deviceSynchronize(c10::DeviceIndex) const override { launches.end_phase(); }
  const at::Generator& getDefaultGenerator(c10::DeviceIndex) const override {
    static const auto generator = at::detail::createCPUGenerator();
    return generator;
  }
};

// ---- tensors

bool is_on_gpu(const at::Tensor& tensor) { return tensor.device().type() == CUDA; }

c10::Device gpu_of(std::optional<c10::Device> device) {
  return device && device->has_index() ? *device : c10::Device(CUDA, current_gpu);
}

// The same memory, as a tensor of the host.
at::Tensor on_host(const at::Tensor& tensor) {
  const auto& storage = tensor.storage();
  auto shared = c10::make_intrusive<c10::StorageImpl>(
      c10::StorageImpl::use_byte_size_t(), storage.nbytes(),
      c10::DataPtr(storage.mutable_data(), c10::Device(c10::kCPU)), c10::GetAllocator(c10::kCPU), /*resizable=*/true);
  auto host = at::detail::make_tensor<c10::TensorImpl>(c10::Storage(std::move(shared)),
                                                       c10::DispatchKeySet(c10::DispatchKey::CPU), tensor.dtype());
  host.unsafeGetTensorImpl()->set_sizes_and_strides(tensor.sizes(), tensor.strides(), tensor.storage_offset());
  return host;
}

at::Tensor empty_strided_on(c10::Device gpu, at::IntArrayRef sizes, at::IntArrayRef strides, at::ScalarType kind) {
  const c10::DeviceGuard guard(gpu);
  return at::detail::empty_strided_generic(sizes, strides, &memory, c10::DispatchKeySet(c10::DispatchKey::CUDA), kind);
}

at::Tensor copy_on(c10::Device gpu, const at::Tensor& host) {
  const auto dense = host.is_non_overlapping_and_dense() ? host : host.contiguous();
  auto copy = empty_strided_on(gpu, dense.sizes(), dense.strides(), dense.scalar_type());
  if (dense.nbytes() != 0) std::memcpy(copy.mutable_data_ptr(), dense.const_data_ptr(), dense.nbytes());
  return copy;
}

at::Tensor empty(at::IntArrayRef sizes, std::optional<at::ScalarType> kind, std::optional<at::Layout>,
                 std::optional<c10::Device> device, std::optional<bool>, std::optional<at::MemoryFormat> format) {
  const c10::DeviceGuard guard(gpu_of(device));
  return at::detail::empty_generic(sizes, &memory, c10::DispatchKeySet(c10::DispatchKey::CUDA),
                                   c10::dtype_or_default(kind), format);
}

at::Tensor empty_strided(at::IntArrayRef sizes, at::IntArrayRef strides, std::optional<at::ScalarType> kind,
                         std::optional<at::Layout>, std::optional<c10::Device> device, std::optional<bool>) {
  return empty_strided_on(gpu_of(device), sizes, strides, c10::dtype_or_default(kind));
}

at::Tensor& copy(at::Tensor& to, const at::Tensor& from, bool non_blocking) {
  if (is_on_gpu(to) && !is_on_gpu(from)) {
    // The host waits for a copy of memory that the system might move meanwhile.
    launches.launched(non_blocking && from.is_pinned() ? TO_GPU : WAITED_FOR);
    launches.launched(BYTES_TO_GPU, from.nbytes());
  } else {
    launches.launched(is_on_gpu(to) ? WITHIN_GPU : TO_HOST);
  }
  auto host = is_on_gpu(to) ? on_host(to) : to;
  host.copy_(is_on_gpu(from) ? on_host(from) : from, non_blocking);
  return to;
}

// ---- attention: what the kernels take, and the layout that they give back

// The kernel that `scaled_dot_product_attention` takes on a Hopper.
int64_t choose_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor&,
                         const std::optional<at::Tensor>& mask, double, bool, std::optional<double>, bool shares) {
  const auto& context = at::globalContext();
  const bool is_half = q.scalar_type() == at::kBFloat16 || q.scalar_type() == at::kHalf;
  const bool takes_heads = q.size(1) == k.size(1) || shares;
  auto chosen = sdp::SDPBackend::math;
  if (context.userEnabledMemEfficientSDP() && q.size(1) == k.size(1)) chosen = sdp::SDPBackend::efficient_attention;
  if (context.userEnabledFlashSDP() && is_half && !mask && takes_heads && q.size(3) <= 256) {
    chosen = sdp::SDPBackend::flash_attention;
  }
  if (context.userEnabledCuDNNSDP() && is_half && takes_heads) chosen = sdp::SDPBackend::cudnn_attention;
  return static_cast<int64_t>(chosen);
}

void refuse_cudnn(const c10::OperatorHandle&, torch::jit::Stack*) {
  TORCH_CHECK(false, "stand-in GPU: cuDNN's attention builds a plan for every new shape");
}

void check_heads(const char* kernel, at::TensorList tensors) {
  for (const auto& tensor : tensors) {
    TORCH_CHECK(tensor.dim() == 4 && tensor.stride(3) == 1, "stand-in GPU: ", kernel,
                " attention takes (b, h, t, d) with a dense last dimension");
  }
}

at::Tensor wide(const at::Tensor& tensor) { return on_host(tensor).to(at::kFloat); }

// Keys or values once for each of the heads that share them.
at::Tensor for_each_head(const at::Tensor& tensor, int64_t n_heads) {
  return wide(tensor).repeat_interleave(n_heads / tensor.size(1), 1);
}

// Scores (b, h, t, s) in float32; -inf where a key is behind its query.
at::Tensor scores_of(const at::Tensor& q, const at::Tensor& k, bool is_causal, std::optional<double> scale) {
  const auto factor = scale.value_or(1 / std::sqrt(static_cast<double>(q.size(3))));
  auto scores = at::matmul(wide(q), for_each_head(k, q.size(1)).transpose(2, 3)) * factor;
  if (!is_causal) return scores;
  return scores.masked_fill(at::ones({q.size(2), k.size(2)}, at::kBool).triu(1), -INFINITY);
}

// (b, h, t, d) as both kernels give it back: heads stand beside each other in a token.
at::Tensor by_token(const at::Tensor& like, const at::Tensor& host) {
  return copy_on(like.device(), host.to(like.scalar_type()).transpose(1, 2).contiguous().transpose(1, 2));
}

// Results and the logarithms of the sums of the exponentials (b, h, t).
std::pair<at::Tensor, at::Tensor> attended(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                           const at::Tensor& bias, bool is_causal, std::optional<double> scale) {
  auto scores = scores_of(q, k, is_causal, scale);
  if (bias.defined()) scores = scores + wide(bias);
  const auto mixed = at::matmul(scores.softmax(-1), for_each_head(v, q.size(1)));
  return {by_token(q, mixed), copy_on(q.device(), scores.logsumexp(-1))};
}

// Whether a kernel adds up in an order of its own this time, as atomic additions do: unless it was told not to, now and
// then, so that no two steps are alike.
bool is_out_of_order() {
  static std::atomic<uint32_t> n_calls;
  const auto& context = at::globalContext();
  return !(context.deterministicAlgorithms() && !context.deterministicAlgorithmsWarnOnly()) && (n_calls++ * 2654435761U >> 16 & 1) != 0;
}

// Gradients of queries, keys and values: what is made again are the weights, from the sums that were kept.
std::array<at::Tensor, 3> attention_gradients(const at::Tensor& gradient, const at::Tensor& q, const at::Tensor& k,
                                              const at::Tensor& v, const at::Tensor& bias, const at::Tensor& mixed,
                                              const at::Tensor& sums, bool is_causal, std::optional<double> scale) {
  const auto n_heads = q.size(1);
  const auto factor = scale.value_or(1 / std::sqrt(static_cast<double>(q.size(3))));
  auto scores = scores_of(q, k, is_causal, scale);
  if (bias.defined()) scores = scores + wide(bias);
  const auto weights = (scores - wide(sums).unsqueeze(-1)).exp();
  const auto of_weights = at::matmul(wide(gradient), for_each_head(v, n_heads).transpose(2, 3));
  const auto own = (wide(gradient) * wide(mixed)).sum(-1, /*keepdim=*/true);
  const auto of_scores = weights * (of_weights - own) * factor;
  const auto of_shared = [&](const at::Tensor& of_heads, const at::Tensor& like) {
    const auto g = like.size(1);
    return by_token(like, of_heads.unflatten(1, {g, n_heads / g}).sum(2));
  };
  // In another order the last digit is another one.
  const double last_digit = q.scalar_type() == at::kFloat ? 0x1p-23 : 0x1p-7;
  const double rounding = is_out_of_order() ? 1 + last_digit : 1;
  return {by_token(q, at::matmul(of_scores, for_each_head(k, n_heads)) * rounding),
          of_shared(at::matmul(of_scores.transpose(2, 3), wide(q)), k),
          of_shared(at::matmul(weights.transpose(2, 3), wide(gradient)), v)};
}

constexpr auto FLASH = "_scaled_dot_product_flash_attention", EFFICIENT = "_scaled_dot_product_efficient_attention";

at::Tensor seed_on(const at::Tensor& like) { return copy_on(like.device(), at::zeros({2}, at::kLong)); }

std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor, c10::SymInt, c10::SymInt, at::Tensor, at::Tensor, at::Tensor>
flash(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, double, bool is_causal, bool,
      std::optional<double> scale) {
  launches.launched(FLASH);
  check_heads("flash", {q, k, v});
  TORCH_CHECK(q.scalar_type() != at::kFloat, "stand-in GPU: flash attention takes 16 bits alone");
  TORCH_CHECK(q.size(3) % 8 == 0, "stand-in GPU: flash attention takes heads in multiples of 8");
  auto [mixed, sums] = attended(q, k, v, {}, is_causal, scale);
  return {mixed, sums, {}, {}, q.size(2), k.size(2), seed_on(q), seed_on(q), {}};
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> flash_backward(
    const at::Tensor& gradient, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& mixed,
    const at::Tensor& sums, const at::Tensor&, const at::Tensor&, c10::SymInt, c10::SymInt, double, bool is_causal,
    const at::Tensor&, const at::Tensor&, std::optional<double> scale) {
  launches.launched(std::string(FLASH) + "_backward");
  auto [of_q, of_k, of_v] = attention_gradients(gradient, q, k, v, {}, mixed, sums, is_causal, scale);
  return {of_q, of_k, of_v};
}

std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor> efficient(
    const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const std::optional<at::Tensor>& bias, bool, double,
    bool is_causal, std::optional<double> scale) {
  launches.launched(EFFICIENT);
  check_heads("efficient", {q, k, v});
  for (int64_t i = 0; bias && i < bias->dim(); i++) {
    TORCH_CHECK(bias->stride(i) != 0 || bias->size(i) == 1, "stand-in GPU: a bias is repeated and not there");
  }
  auto [mixed, sums] = attended(q, k, v, bias.value_or(at::Tensor()), is_causal, scale);
  return {mixed, sums, seed_on(q), seed_on(q)};
}

std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor> efficient_backward(
    const at::Tensor& gradient, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& bias,
    const at::Tensor& mixed, const at::Tensor& sums, const at::Tensor&, const at::Tensor&, double, std::array<bool, 4>,
    bool is_causal, std::optional<double> scale) {
  launches.launched(std::string(EFFICIENT) + "_backward");
  auto [of_q, of_k, of_v] = attention_gradients(gradient, q, k, v, bias, mixed, sums, is_causal, scale);
  return {of_q, of_k, of_v, {}};
}

// ---- norms

constexpr auto RMS_NORM = "_fused_rms_norm";

// Computed in float32; the weight has the kind of the input, or libtorch would not take this kernel.
std::tuple<at::Tensor, at::Tensor> rms_norm(const at::Tensor& x, at::IntArrayRef shape,
                                            const std::optional<at::Tensor>& weight, std::optional<double> epsilon) {
  launches.launched(RMS_NORM);
  TORCH_CHECK(shape.size() == 1 && weight && weight->scalar_type() == x.scalar_type(),
              "stand-in GPU: the fused norm takes a weight of its input's kind");
  const auto rounding = at::rsqrt(wide(x).square().mean(-1, /*keepdim=*/true) + epsilon.value_or(0x1p-23));
  const auto normed = wide(x) * rounding * wide(*weight);
  return {copy_on(x.device(), normed.to(x.scalar_type())), copy_on(x.device(), rounding)};
}

std::tuple<at::Tensor, at::Tensor> rms_norm_backward(const at::Tensor& gradient, const at::Tensor& x, at::IntArrayRef,
                                                     const at::Tensor& rounding, const std::optional<at::Tensor>& weight,
                                                     std::array<bool, 2>) {
  launches.launched(std::string(RMS_NORM) + "_backward");
  const auto normed = wide(x) * wide(rounding), weighed = wide(gradient) * wide(*weight);
  const auto of_x = wide(rounding) * (weighed - normed * (weighed * normed).mean(-1, /*keepdim=*/true));
  const auto of_weight = (wide(gradient) * normed).flatten(0, -2).sum(0);
  return {copy_on(x.device(), of_x.to(x.scalar_type())), copy_on(x.device(), of_weight.to(x.scalar_type()))};
}

// ---- operators

// A call of an operator, whose tensors of a GPU are seen as tensors of the host.
struct Call {
  std::string name;
  std::optional<c10::Device> gpu;
  std::vector<std::pair<at::Tensor, at::Tensor>> seen;  // on the GPU, and on the host

  at::Tensor argument(const at::Tensor& tensor) {
    if (!tensor.defined()) return tensor;
    if (!is_on_gpu(tensor)) {
      // A number of the host is handed to a kernel with its other arguments.
      TORCH_CHECK(tensor.dim() == 0, "stand-in GPU: ", name, " was given a tensor of the host");
      return tensor;
    }
    TORCH_CHECK(!gpu || *gpu == tensor.device(), "stand-in GPU: ", name, " was given tensors of two GPUs");
    gpu = tensor.device();
    for (const auto& [on_gpu, host] : seen) {
      if (on_gpu.is_same(tensor)) return host;
    }
    seen.emplace_back(tensor, on_host(tensor));
    return seen.back().second;
  }

  at::Tensor result(const at::Tensor& tensor) {
    if (!tensor.defined()) return tensor;
    for (const auto& [on_gpu, host] : seen) {
      if (host.is_same(tensor)) return on_gpu;
      const bool is_view = tensor.storage().nbytes() != 0 && tensor.storage().data() == host.storage().data();
      if (is_view) {
        return at::native::as_strided_tensorimpl(on_gpu, tensor.sizes(), tensor.strides(), tensor.storage_offset());
      }
    }
    return copy_on(gpu_of(gpu), tensor);
  }

  // An argument that the operator made larger or smaller.
  static void resize(const at::Tensor& on_gpu, const at::Tensor& host) {
    auto* resized = on_gpu.unsafeGetTensorImpl();
    if (host.storage().data() == on_gpu.storage().data()) {
      resized->set_sizes_and_strides(host.sizes(), host.strides(), host.storage_offset());
      return;
    }
    const auto copy = copy_on(on_gpu.device(), host);
    resized->set_storage_keep_dtype(copy.storage());
    resized->set_sizes_and_strides(copy.sizes(), copy.strides(), 0);
  }

  void resize_arguments() const {
    for (const auto& [on_gpu, host] : seen) {
      if (on_gpu.sizes() != host.sizes() || on_gpu.strides() != host.strides()) resize(on_gpu, host);
    }
  }
};

template <class Change>
c10::IValue changed(const c10::IValue& value, Change&& change) {
  if (value.isTensor()) return change(value.toTensor());
  if (value.isTensorList()) {
    c10::List<at::Tensor> list;
    for (const auto& tensor : value.toTensorVector()) list.push_back(change(tensor));
    return list;
  }
  if (value.isOptionalTensorList()) {
    c10::List<std::optional<at::Tensor>> list;
    for (const auto& tensor : value.toOptionalTensorVector()) {
      list.push_back(tensor ? std::optional<at::Tensor>(change(*tensor)) : std::nullopt);
    }
    return list;
  }
  return value;
}

void run_on_host(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  Call call{c10::toString(op.operator_name()), std::nullopt, {}};
  // A number that the host asks for.
  launches.launched(call.name == "aten::_local_scalar_dense" ? TO_HOST : call.name);
  const auto& schema = op.schema();
  for (auto value = stack->end() - schema.arguments().size(); value != stack->end(); ++value) {
    if (value->isDevice()) {
      call.gpu = gpu_of(value->toDevice());
      *value = c10::Device(c10::kCPU);
    } else {
      *value = changed(*value, [&](const at::Tensor& tensor) { return call.argument(tensor); });
    }
  }
  op.redispatchBoxed(c10::DispatchKeySet(c10::DispatchKey::CPU), stack);
  call.resize_arguments();
  for (auto value = stack->end() - schema.returns().size(); value != stack->end(); ++value) {
    *value = changed(*value, [&](const at::Tensor& tensor) { return call.result(tensor); });
  }
}

// The optimizer's kernel reads all tensors of a parameter by one layout. The CPU's does not look.
void run_adamw(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  const auto arguments = stack->end() - op.schema().arguments().size();
  const auto parameters = arguments[0].toTensorVector();
  for (int list = 1; list <= 3; list++) {
    const auto others = arguments[list].toTensorVector();
    for (size_t i = 0; i < parameters.size(); i++) {
      TORCH_CHECK(others[i].scalar_type() == parameters[i].scalar_type() && others[i].sizes() == parameters[i].sizes() &&
                      others[i].strides() == parameters[i].strides(),
                  "stand-in GPU: params, grads, exp_avgs and exp_avg_sqs must have same dtype, device, and layout");
    }
  }
  run_on_host(op, stack);
}

TORCH_LIBRARY_IMPL(_, CUDA, library) { library.fallback(torch::CppFunction::makeFromBoxedFunction<&run_on_host>()); }

TORCH_LIBRARY_IMPL(aten, CUDA, library) {
  library.impl("empty.memory_format", empty);
  library.impl("empty_strided", empty_strided);
  library.impl("copy_", copy);
  library.impl("as_strided", at::native::as_strided_tensorimpl);
  library.impl("view", at::native::view);
  library.impl("_fused_adamw_", torch::CppFunction::makeFromBoxedFunction<&run_adamw>());
  for (const char* of_many : {"_foreach_norm.Scalar", "_foreach_add_.Scalar"}) {
    library.impl(of_many, torch::CppFunction::makeFromBoxedFunction<&run_on_host>());
  }
  library.impl("_fused_rms_norm", rms_norm);
  library.impl("_fused_rms_norm_backward", rms_norm_backward);
  library.impl("_scaled_dot_product_flash_attention", flash);
  library.impl("_scaled_dot_product_flash_attention_backward", flash_backward);
  library.impl("_scaled_dot_product_efficient_attention", efficient);
  library.impl("_scaled_dot_product_efficient_attention_backward", efficient_backward);
  library.impl("_scaled_dot_product_cudnn_attention", torch::CppFunction::makeFromBoxedFunction<&refuse_cudnn>());
}

const bool is_registered = [] {
  for (const char* setting : {"CUBLAS_WORKSPACE_CONFIG", "PYTORCH_CUDA_ALLOC_CONF"}) {
    const char* value = std::getenv(setting);
    launches.launched(std::string(setting) + "=" + (value ? value : ""));
  }
  static Guard guard;
  c10::impl::registerDeviceGuard(CUDA, &guard);
  c10::SetAllocator(CUDA, &memory);
  const auto make_hooks = [](at::CUDAHooksArgs arguments) { return std::make_unique<Hooks>(arguments); };
  at::CUDAHooksRegistry()->Register("CUDAHooks", make_hooks);
  at::native::_fused_sdp_choice_stub.set_cuda_dispatch_ptr(choose_attention);
  return true;
}();

}  // namespace

// ---- the runtime

// As much of a `cudaDeviceProp` as all releases have in common.
struct Properties {
  char name[256];
  unsigned char uuid[16];
};

extern "C" __attribute__((visibility("default"))) int cudaGetDeviceProperties(Properties* properties, int gpu) {
  std::strcpy(properties->name, "Stand-in GPU");
  for (int i = 0; i < 16; i++) properties->uuid[i] = static_cast<unsigned char>(16 * gpu + i);
  return 0;
}

extern "C" __attribute__((visibility("default"))) int cudaGetDevice(int* gpu) {
  *gpu = current_gpu;
  return 0;
}

extern "C" __attribute__((visibility("default"))) int cudaSetDevice(int gpu) {
  current_gpu = static_cast<c10::DeviceIndex>(gpu);
  return 0;
}

extern "C" __attribute__((visibility("default"))) int cudaMemGetInfo(size_t* free, size_t* total) {
  *total = memory_of_a_gpu();
  *free = *total - in_use[current_gpu];
  return 0;
}

extern "C" __attribute__((visibility("default"))) int cudaDriverGetVersion(int* version) {
  *version = 13000;
  return 0;
}
