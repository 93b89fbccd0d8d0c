#include "single_kernel.h"

#include "../cpu_features.h"
#include "engine.h"

namespace steepest {

namespace {

// A kernel's arguments as JavaScript gave them, checked.
struct Arguments {
  const KernelEntry& kernel;
  int64_t ints[kMaxInts], need[kMaxBuffers];
  double reals[kMaxReals];
  void* buffers[kMaxBuffers] = {};
  bool something = false;  // to compute

  explicit Arguments(const Napi::CallbackInfo& info) : kernel(kKernels[whole_number(info[0], "index", 0, kKernelCount - 1)]) {
    const Napi::Env env = info.Env();
    const std::string where = std::string(kernel.name) + ": ";
    if (!info[1].IsArray()) throw Napi::TypeError::New(env, where + "expected an array for buffers");
    const auto list = info[1].As<Napi::Array>();
    napi_value elements[kMaxBuffers] = {};  // read before the memory below: reading an array may run JavaScript
    for (int i = 0; i < kernel.buffer_count; i++) elements[i] = list.Get(static_cast<uint32_t>(i));

    const ArrayView int_view = float64_array(info[2], "ints"), real_view = float64_array(info[3], "reals");
    if (int_view.length != kernel.int_count || real_view.length != kernel.real_count)
      throw Napi::RangeError::New(env, where + "wrong number of ints or reals");
    for (int i = 0; i < kernel.int_count; i++) {
      const double value = static_cast<const double*>(int_view.data)[i];
      if (!is_whole(value, 0, kLargestWhole)) throw Napi::RangeError::New(env, where + "expected whole numbers >= 0 for '" + kernel.ints + "'");
      ints[i] = static_cast<int64_t>(value);
    }
    for (int i = 0; i < kernel.real_count; i++) reals[i] = static_cast<const double*>(real_view.data)[i];
    needs(kernel, ints, need);

    for (int i = 0; i < kernel.buffer_count; i++) {
      const BufferSpec& spec = kernel.buffers[i];
      if (need[i] < 0) throw Napi::RangeError::New(env, where + "the sizes make no sense for " + spec.name);
      if (spec.role != Role::kIn && need[i] > 0) something = true;
      const Napi::Value value(env, elements[i]);
      if (spec.optional && (value.IsUndefined() || value.IsNull())) continue;
      const ArrayView view = typed_array(value, where + spec.name, spec.type);
      if (view.length < need[i])
        throw Napi::RangeError::New(env, where + spec.name + " needs " + std::to_string(need[i]) + " elements but has " + std::to_string(view.length));
      buffers[i] = view.data;
    }
  }

  size_t bytes(int buffer) const { return static_cast<size_t>(need[buffer]) * size_of(kernel.buffers[buffer].type); }
};

// How a copy lies: as far from a multiple of 64 bytes as the original does, or aligned as a plan's storages are.
enum class Place { kAsGiven, kAligned };

// A device's queue for this environment, and copies of a kernel's buffers there.
class OnDevice {
 public:
  OnDevice(const Arguments& a, int device, cuda::Arithmetic arithmetic, Environment& environment, Place place)
      : a_(a), device_(cuda::Device::at(device)) {
    if (a.kernel.cuda == nullptr) throw cuda::NoDevice(std::string(a.kernel.name) + ": there is no CUDA form");
    std::unique_ptr<cuda::Queue>& queue = environment.queues[device];
    if (!queue) queue = device_.new_queue();
    queue->arithmetic = arithmetic;
    queue_ = queue.get();
    for (int i = 0; i < a.kernel.buffer_count; i++) {
      if (a.buffers[i] == nullptr) continue;
      blocks_[i] = std::make_unique<Memory>(a.bytes(i) + 64, device);
      buffers_[i] = blocks_[i]->data() + (place == Place::kAsGiven ? reinterpret_cast<uintptr_t>(a.buffers[i]) % 64 : 0);
      device_.write(buffers_[i], a.buffers[i], a.bytes(i));
    }
  }
  ~OnDevice() {
    try {
      queue_->finish();  // before the copies go
    } catch (const std::exception&) {  // told already, or by the next call
    }
  }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;

  cuda::Queue& queue() { return *queue_; }
  void launch() { a_.kernel.cuda(buffers_, a_.ints, a_.reals, *queue_); }
  void read_back() {
    queue_->finish();
    for (int i = 0; i < a_.kernel.buffer_count; i++)
      if (blocks_[i] && a_.kernel.buffers[i].role != Role::kIn) device_.read(a_.buffers[i], buffers_[i], a_.bytes(i));
  }

 private:
  const Arguments& a_;
  cuda::Device& device_;
  cuda::Queue* queue_;
  std::unique_ptr<Memory> blocks_[kMaxBuffers];
  void* buffers_[kMaxBuffers] = {};
};

}  // namespace

// Now: on the calling thread and the pool, or on a CUDA device.
Napi::Value run_kernel(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const int threads = static_cast<int>(whole_number(info[4], "threads", 0, kMaxThreads));
  const int device = device_number(info[5]);
  const cuda::Arithmetic arithmetic = arithmetic_of(info[6]);
  const Arguments a(info);
  if (!a.something) return env.Undefined();
  auto& environment = *env.GetInstanceData<Environment>();
  if (device != kHost) {
    OnDevice there(a, device, arithmetic, environment, Place::kAsGiven);
    there.launch();
    there.read_back();
    return env.Undefined();
  }
  environment.team.resize(threads == 0 ? physical_cores() : threads);
  a.kernel.call[active_isa()](a.buffers, a.ints, a.reals, environment.team);
  return env.Undefined();
}

// So many times in a row on a CUDA device, on the same copies; the arrays stay as they are.
Napi::Value time_kernel(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto device = static_cast<int>(whole_number(info[4], "device", 0, kMaxDevices - 1));
  const cuda::Arithmetic arithmetic = arithmetic_of(info[5]);
  const int64_t times = whole_number(info[6], "times", 1, 100000);
  const Arguments a(info);
  OnDevice there(a, device, arithmetic, *env.GetInstanceData<Environment>(), Place::kAligned);
  there.queue().stamp();
  for (int64_t i = 0; i < times; i++) {
    there.launch();
    there.queue().stamp();
  }
  const std::vector<double> stamps = there.queue().take_stamps();
  Napi::Float64Array result = Napi::Float64Array::New(env, static_cast<size_t>(times));
  for (size_t i = 0; i < static_cast<size_t>(times); i++) result[i] = stamps[i + 1] - stamps[i];
  return result;
}

}  // namespace steepest
