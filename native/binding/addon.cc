// The export table: everything that lib/binding.ts declares. No exception of C++ leaves a function here as anything but a JavaScript error.
#include "../cpu_features.h"
#include "arguments.h"
#include "ceiling.h"
#include "engine.h"
#include "plan.h"
#include "single_kernel.h"
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

using Function = Napi::Value (*)(const Napi::CallbackInfo&);

template <Function function>
Napi::Value guarded(const Napi::CallbackInfo& info) {
  try {
    return function(info);
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    throw error_of(info.Env(), caught_fault());
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
  add("timeKernel", guarded<time_kernel>);
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
