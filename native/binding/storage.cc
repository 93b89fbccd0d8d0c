#include "storage.h"

#include <algorithm>

#include "../thread_pool.h"

namespace steepest {

const napi_type_tag Storage::kTag = {0x7c1f2a3e5b9d4801, 0xa6e0c4d2f8137b95};

int device_number(const Napi::Value& value) {
  return value.IsUndefined() ? kHost : static_cast<int>(whole_number(value, "device", kHost, kMaxDevices - 1));
}

cuda::Arithmetic arithmetic_of(const Napi::Value& value) {
  return static_cast<cuda::Arithmetic>(value.IsUndefined() ? 0 : whole_number(value, "arithmetic", 0, 2));
}

Storage::Storage(Type t, int64_t n, int device, Use use) : type(t), length(n), memory(static_cast<size_t>(n) * size_of(t), device, use) {
  changed();
  counts().storages++;
}

void Storage::changed() {
  static auto* versions = new std::atomic<uint64_t>{0};
  version = ++*versions;
}

Storage::~Storage() { counts().storages--; }

Napi::Value create_storage(const Napi::CallbackInfo& info) {
  const auto type = static_cast<Type>(whole_number(info[0], "dtype", 0, 3));
  const int64_t length = whole_number(info[1], "length", 0, kLargestWhole);
  const auto use = static_cast<Use>(info[3].IsUndefined() ? 0 : whole_number(info[3], "use", 0, static_cast<int>(Use::kData)));
  auto storage = std::make_shared<Storage>(type, length, device_number(info[2]), use);
  const auto bytes = static_cast<int64_t>(storage->memory.size());
  return make_handle(info.Env(), std::move(storage), bytes);
}

namespace {

struct Piece {
  std::shared_ptr<Storage> storage;
  ArrayView array;
  size_t offset, bytes;
};

// The elements that a typed array covers from an offset on.
Piece piece(const Napi::CallbackInfo& info, const char* name) {
  Piece p;
  p.storage = held<Storage>(info[0]);
  p.array = typed_array(info[1], name, p.storage->type);
  const int64_t offset = whole_number(info[2], "offset", 0, kLargestWhole);
  if (offset > p.storage->length || p.array.length > p.storage->length - offset)
    throw Napi::RangeError::New(info.Env(), std::string(name) + " of " + std::to_string(p.array.length) + " elements at offset " +
                                                std::to_string(offset) + " does not fit a storage of " + std::to_string(p.storage->length));
  const size_t size = size_of(p.storage->type);
  p.offset = static_cast<size_t>(offset) * size;
  p.bytes = static_cast<size_t>(p.array.length) * size;
  return p;
}

}  // namespace

Napi::Value write_storage(const Napi::CallbackInfo& info) {
  const Piece p = piece(info, "source");
  p.storage->memory.write(p.offset, p.array.data, p.bytes);
  p.storage->changed();
  return info.Env().Undefined();
}

Napi::Value read_storage(const Napi::CallbackInfo& info) {
  const Piece p = piece(info, "target");
  p.storage->memory.read(p.offset, p.array.data, p.bytes);
  return info.Env().Undefined();
}

Napi::Value dispose_storage(const Napi::CallbackInfo& info) {
  dispose_handle<Storage>(info[0]);
  return info.Env().Undefined();
}

Napi::Value limit_memory(const Napi::CallbackInfo& info) {
  const auto device = static_cast<int>(whole_number(info[0], "device", 0, kMaxDevices - 1));
  cuda::Device::at(device).limit(static_cast<uint64_t>(whole_number(info[1], "bytes", 0, kLargestWhole)));
  return info.Env().Undefined();
}

// Scratch memory of the host's kernels is beside `bytes`; of a device's it is a part of them.
Napi::Value memory(const Napi::CallbackInfo& info) {
  const int device = device_number(info[0]);
  Napi::Object result = Napi::Object::New(info.Env());
  const std::atomic<int64_t>(&bytes)[kUses] = counts().bytes[1 + device];
  const auto of = [&bytes](Use use) { return static_cast<double>(bytes[static_cast<int>(use)]); };
  const double held = of(Use::kWeights) + of(Use::kData) + of(Use::kArena) + of(Use::kOther);
  const double used = device == kHost ? held : static_cast<double>(cuda::Device::at(device).used());
  result.Set("bytes", used);
  result.Set("weights", of(Use::kWeights));
  result.Set("data", of(Use::kData));
  result.Set("arenas", of(Use::kArena));
  result.Set("other", of(Use::kOther));
  result.Set("scratch", device == kHost ? static_cast<double>(scratch_bytes()) : std::max(0.0, used - held));
  result.Set("storages", static_cast<double>(counts().storages));
  result.Set("plans", static_cast<double>(counts().plans));
  return result;
}

}  // namespace steepest
