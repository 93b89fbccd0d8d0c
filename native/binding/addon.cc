// The export table: everything that lib/binding.ts declares. No exception of C++ leaves a function here as anything but a JavaScript error.
#include <stdexcept>

#include "../cpu_features.h"
#include "arguments.h"
#include "ceiling.h"
#include "engine.h"
#include "plan.h"
#include "storage.h"


namespace steepest {
namespace {

Napi::Array strings(Napi::Env env, const std::vector<std::string>& values) {
  Napi::Array array = Napi::Array::New(env, values.size());
  for (size_t i = 0; i < values.size(); i++) array.Set(static_cast<uint32_t>(i), values[i]);
  return array;
}

Napi::Value info_(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  std::vector<std::string> isas;
  for (Isa isa : supported_isas()) isas.emplace_back(isa_name(isa));
  Napi::Object result = Napi::Object::New(env);
  result.Set("isa", isa_name(active_isa()));
  result.Set("isas", strings(env, isas));
  result.Set("features", strings(env, cpu_feature_names()));
  result.Set("cpu", cpu_model());
  result.Set("physicalCores", physical_cores());
  result.Set("logicalCores", logical_cores());
#if defined(__clang__)
  result.Set("compiler", "clang " __clang_version__);
#elif defined(__GNUC__)
  result.Set("compiler", "gcc " __VERSION__);
#else
  result.Set("compiler", "unknown");
#endif
#if defined(STEEPEST_CUDA)
  result.Set("cuda", true);
#else
  result.Set("cuda", false);
#endif
  return result;
}

// { built, driver, runtime, devices: [{ name, capability, memory, multiprocessors }], reason }
Napi::Value cuda_(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const cuda::Probe probe = cuda::probe();
  Napi::Object result = Napi::Object::New(env);
  Napi::Array devices = Napi::Array::New(env);
  result.Set("built", probe.built);
  result.Set("driver", probe.driver);
  result.Set("runtime", probe.runtime);
  result.Set("devices", devices);
  result.Set("reason", probe.reason);
  for (size_t i = 0; i < probe.devices.size(); i++) {
    const cuda::DeviceInfo& d = probe.devices[i];
    Napi::Object device = Napi::Object::New(env);
    device.Set("name", d.name);
    device.Set("capability", d.capability);
    device.Set("memory", static_cast<double>(d.memory));
    device.Set("multiprocessors", d.multiprocessors);
    devices.Set(static_cast<uint32_t>(i), device);
  }
  return result;
}

Napi::Value kernel_names(const Napi::CallbackInfo& info) {
  std::vector<std::string> names;
  for (const KernelEntry& kernel : kKernels) names.emplace_back(kernel.name);
  return strings(info.Env(), names);
}

Napi::Value select_isa_(const Napi::CallbackInfo& info) {
  if (!info[0].IsString()) throw Napi::TypeError::New(info.Env(), "expected a string for isa");
  return Napi::Boolean::New(info.Env(), select_isa(info[0].As<Napi::String>()));
}

// Copies of a kernel's buffers on a device, each as far from a multiple of 64 bytes as the original is.
class DeviceCopies {
 public:
  explicit DeviceCopies(cuda::Device& device) : device_(device) {}
  ~DeviceCopies() {
    for (const Copy& c : copies_) device_.release(c.block);
  }
  DeviceCopies(const DeviceCopies&) = delete;
  DeviceCopies& operator=(const DeviceCopies&) = delete;

  void* add(void* host, size_t bytes, Role role) {
    const size_t shift = reinterpret_cast<uintptr_t>(host) % 64;
    copies_.push_back({device_.allocate(bytes + 64), nullptr, host, bytes, role});
    Copy& c = copies_.back();
    c.data = static_cast<char*>(c.block) + shift;
    device_.write(c.data, host, bytes);
    return c.data;
  }
  void read_back() {
    for (const Copy& c : copies_)
      if (c.role != Role::kIn) device_.read(c.host, c.data, c.bytes);
  }

 private:
  struct Copy {
    void* block;
    void* data;
    void* host;
    size_t bytes;
    Role role;
  };
  cuda::Device& device_;
  std::vector<Copy> copies_;
};

// (index, buffers, ints, reals, threads[, device, arithmetic]): one kernel, now: on the calling thread and the pool (device -1), or on a CUDA device.
Napi::Value run_kernel(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const KernelEntry& kernel = kKernels[whole_number(info[0], "index", 0, kKernelCount - 1)];
  const int threads = static_cast<int>(whole_number(info[4], "threads", 0, kMaxThreads));
  const std::string where = std::string(kernel.name) + ": ";
  if (!info[1].IsArray()) throw Napi::TypeError::New(env, where + "expected an array for buffers");
  const auto list = info[1].As<Napi::Array>();
  napi_value elements[kMaxBuffers] = {};  // read before the memory below: reading an array may run JavaScript
  for (int i = 0; i < kernel.buffer_count; i++) elements[i] = list.Get(static_cast<uint32_t>(i));

  const ArrayView int_view = float64_array(info[2], "ints"), real_view = float64_array(info[3], "reals");
  if (int_view.length != kernel.int_count || real_view.length != kernel.real_count)
    throw Napi::RangeError::New(env, where + "wrong number of ints or reals");
  int64_t ints[kMaxInts], need[kMaxBuffers];
  double reals[kMaxReals];
  for (int i = 0; i < kernel.int_count; i++) {
    const double value = static_cast<const double*>(int_view.data)[i];
    if (!is_whole(value, 0, kLargestWhole)) throw Napi::RangeError::New(env, where + "expected whole numbers >= 0 for '" + kernel.ints + "'");
    ints[i] = static_cast<int64_t>(value);
  }
  for (int i = 0; i < kernel.real_count; i++) reals[i] = static_cast<const double*>(real_view.data)[i];
  kernel.need(ints, need);

  const int device = device_number(info[5]);
  const auto arithmetic = static_cast<cuda::Arithmetic>(info[6].IsUndefined() ? 0 : whole_number(info[6], "arithmetic", 0, 2));
  void* buffers[kMaxBuffers] = {};
  bool something = false;  // to compute
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
  if (!something) return env.Undefined();
  if (device != kHost) {
    if (kernel.cuda == nullptr) throw cuda::NoDevice(where + "there is no CUDA form");
    cuda::Device& gpu = cuda::Device::at(device);
    std::unique_ptr<cuda::Queue>& queue = env.GetInstanceData<Environment>()->queues[device];
    if (!queue) queue = gpu.new_queue();
    DeviceCopies copies(gpu);
    for (int i = 0; i < kernel.buffer_count; i++)
      if (buffers[i] != nullptr) buffers[i] = copies.add(buffers[i], static_cast<size_t>(need[i]) * size_of(kernel.buffers[i].type), kernel.buffers[i].role);
    queue->arithmetic = arithmetic;
    kernel.cuda(buffers, ints, reals, *queue);
    queue->finish();
    copies.read_back();
    return env.Undefined();
  }
  PoolTeam& team = env.GetInstanceData<Environment>()->team;
  team.resize(threads == 0 ? physical_cores() : threads);
  kernel.call[active_isa()](buffers, ints, reals, team);
  return env.Undefined();
}

using Function = Napi::Value (*)(const Napi::CallbackInfo&);

template <Function function>
Napi::Value guarded(const Napi::CallbackInfo& info) {
  try {
    return function(info);
  } catch (const Napi::Error&) {
    throw;
  } catch (const cuda::OutOfMemory& error) {
    throw coded_error(info.Env(), "ERR_DEVICE_OOM", error.what());
  } catch (const cuda::NoDevice& error) {
    throw coded_error(info.Env(), "ERR_NO_DEVICE", error.what());
  } catch (const cuda::Failure& error) {
    throw coded_error(info.Env(), "ERR_CUDA", error.what());
  } catch (const std::bad_alloc&) {
    throw coded_error(info.Env(), "ERR_DEVICE_OOM", "not enough memory");
  } catch (const std::out_of_range& error) {
    throw shape_error(info.Env(), error.what());
  } catch (const std::exception& error) {
    throw Napi::Error::New(info.Env(), error.what());
  }
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new Environment);
  const auto add = [&](const char* name, auto function) { exports.Set(name, Napi::Function::New(env, function, name)); };
  add("info", guarded<info_>);
  add("cuda", guarded<cuda_>);
  add("kernelNames", guarded<kernel_names>);
  add("selectIsa", guarded<select_isa_>);
  add("runKernel", guarded<run_kernel>);
  add("createStorage", guarded<create_storage>);
  add("writeStorage", guarded<write_storage>);
  add("readStorage", guarded<read_storage>);
  add("disposeStorage", guarded<dispose_storage>);
  add("memory", guarded<memory>);
  add("limitMemory", guarded<limit_memory>);
  add("ceiling", guarded<ceiling>);
  add("loadPlan", guarded<load_plan>);
  add("disposePlan", guarded<dispose_plan>);
  add("startRun", guarded<start_run>);
  add("stopRun", guarded<stop_run>);
  add("runEvents", guarded<run_events>);
  return exports;
}

}  // namespace

// Node unloads an addon when its last environment ends, but the pool and the engine live on: the link flag nodelete keeps their code.
NODE_API_MODULE(steepest, init)

}  // namespace steepest
