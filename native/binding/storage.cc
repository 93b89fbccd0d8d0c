#include "storage.h"

#include <cstring>
#include <new>

#include "../thread_pool.h"

namespace steepest {

const napi_type_tag Storage::kTag = {0x7c1f2a3e5b9d4801, 0xa6e0c4d2f8137b95};

Counts& counts() {
  static auto* all = new Counts;
  return *all;
}

Bytes::Bytes(size_t size) : size_(size) {
  if (size > SIZE_MAX / 2) throw std::bad_alloc();
  base_ = std::calloc(size + 64, 1);
  if (base_ == nullptr) throw std::bad_alloc();
  data_ = static_cast<char*>(base_) + (64 - reinterpret_cast<uintptr_t>(base_) % 64) % 64;
}

Storage::Storage(Type t, int64_t n) : type(t), length(n), bytes(static_cast<size_t>(n) * size_of(t)) {
  changed();
  counts().bytes += static_cast<int64_t>(bytes.size());
  counts().storages++;
}

void Storage::changed() {
  static auto* versions = new std::atomic<uint64_t>{0};
  version = ++*versions;
}

Storage::~Storage() {
  counts().bytes -= static_cast<int64_t>(bytes.size());
  counts().storages--;
}

Napi::Value create_storage(const Napi::CallbackInfo& info) {
  const auto type = static_cast<Type>(whole_number(info[0], "dtype", 0, 3));
  const int64_t length = whole_number(info[1], "length", 0, kLargestWhole);
  auto storage = std::make_shared<Storage>(type, length);
  const auto bytes = static_cast<int64_t>(storage->bytes.size());
  return make_handle(info.Env(), std::move(storage), bytes);
}

namespace {

struct Piece {
  std::shared_ptr<Storage> storage;
  ArrayView array;
  char* place;
  size_t bytes;
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
  p.place = p.storage->bytes.data() + static_cast<size_t>(offset) * size;
  p.bytes = static_cast<size_t>(p.array.length) * size;
  return p;
}

}  // namespace

Napi::Value write_storage(const Napi::CallbackInfo& info) {
  const Piece p = piece(info, "source");
  if (p.bytes > 0) std::memcpy(p.place, p.array.data, p.bytes);
  p.storage->changed();
  return info.Env().Undefined();
}

Napi::Value read_storage(const Napi::CallbackInfo& info) {
  const Piece p = piece(info, "target");
  if (p.bytes > 0) std::memcpy(p.array.data, p.place, p.bytes);
  return info.Env().Undefined();
}

Napi::Value dispose_storage(const Napi::CallbackInfo& info) {
  dispose_handle<Storage>(info[0]);
  return info.Env().Undefined();
}

Napi::Value memory(const Napi::CallbackInfo& info) {
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("bytes", static_cast<double>(counts().bytes));
  result.Set("storages", static_cast<double>(counts().storages));
  result.Set("plans", static_cast<double>(counts().plans));
  result.Set("scratch", static_cast<double>(scratch_bytes()));
  return result;
}

}  // namespace steepest
