// Memory that plans work on: elements of one type. A run in flight shares it with JavaScript.
#pragma once
#include <atomic>

#include "arguments.h"
#include "memory.h"

namespace steepest {

struct Storage {
  static const napi_type_tag kTag;
  static constexpr const char* kName = "storage";

  Storage(Type type, int64_t length, int device, Use use);
  ~Storage();

  const Type type;
  const int64_t length;
  const Memory memory;
  // Another number after each change, and in each storage.
  std::atomic<uint64_t> version;
  void changed();  // whoever writes to the bytes says so: afterwards, if on another thread than the engine's
};

// The number of a device: -1 (also where it is left out) the host, else a CUDA device.
int device_number(const Napi::Value& value);
// How products are computed on a CUDA device: 0 (also where it is left out), 1 or 2.
cuda::Arithmetic arithmetic_of(const Napi::Value& value);

Napi::Value create_storage(const Napi::CallbackInfo& info);   // (dtype, length[, device, use]) -> handle
Napi::Value write_storage(const Napi::CallbackInfo& info);    // (handle, array of the same type, offset)
Napi::Value read_storage(const Napi::CallbackInfo& info);     // (handle, array of the same type, offset)
Napi::Value dispose_storage(const Napi::CallbackInfo& info);  // (handle)
Napi::Value limit_memory(const Napi::CallbackInfo& info);     // (device, bytes)
Napi::Value memory(const Napi::CallbackInfo& info);           // ([device]) -> { bytes, weights, data, arenas, other, scratch, storages, plans }

}  // namespace steepest
