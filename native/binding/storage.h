// Memory that plans work on: one element type, 64-byte aligned, zero at birth, counted. A run in flight shares it with JavaScript.
#pragma once
#include <atomic>
#include <cstdlib>

#include "arguments.h"

namespace steepest {

// Zeroed, 64-byte aligned bytes; throws std::bad_alloc. Pages are touched when first used.
class Bytes {
 public:
  explicit Bytes(size_t size);
  ~Bytes() { std::free(base_); }
  Bytes(const Bytes&) = delete;
  Bytes& operator=(const Bytes&) = delete;
  char* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  void* base_;
  char* data_;
  size_t size_;
};

// What all environments of the process hold.
struct Counts {
  std::atomic<int64_t> bytes{0}, storages{0}, plans{0};
};
Counts& counts();

struct Storage {
  static const napi_type_tag kTag;
  static constexpr const char* kName = "storage";

  Storage(Type type, int64_t length);
  ~Storage();

  const Type type;
  const int64_t length;
  const Bytes bytes;
  // Another number after each change, and in each storage.
  std::atomic<uint64_t> version;
  void changed();  // whoever writes to the bytes says so: afterwards, if on another thread than the engine's
};

Napi::Value create_storage(const Napi::CallbackInfo& info);   // (dtype, length) -> handle
Napi::Value write_storage(const Napi::CallbackInfo& info);    // (handle, array of the same type, offset)
Napi::Value read_storage(const Napi::CallbackInfo& info);     // (handle, array of the same type, offset)
Napi::Value dispose_storage(const Napi::CallbackInfo& info);  // (handle)
Napi::Value memory(const Napi::CallbackInfo& info);           // () -> { bytes, storages, plans, scratch }

}  // namespace steepest
