// Reading what JavaScript gave, trusting nothing: each reader checks kind, range and life, and throws a JavaScript error otherwise.
#pragma once
#include <memory>
#include <string>

#include <napi.h>

#include "../kernels/kernel.h"

namespace steepest {

constexpr double kLargestWhole = 9007199254740991.0;  // 2^53 - 1

// A JavaScript Error with a `code`.
Napi::Error coded_error(Napi::Env env, const char* code, const std::string& message);

// A RangeError with the code ERR_SHAPE.
Napi::Error shape_error(Napi::Env env, const std::string& message);

// What went wrong in C++, as JavaScript hears of it: a code of ours, or "" for a plain Error.
struct Fault {
  std::string code, message;
};
// Of the exception that is being handled; `no_memory` is what to say where the host's memory did not do.
Fault caught_fault(const char* no_memory = "not enough memory");
Napi::Error error_of(Napi::Env env, const Fault& fault);

// A whole number in [min, max].
int64_t whole_number(const Napi::Value& value, const char* name, double min, double max);
// Whether `value` is a whole number in [min, max], as a double.
bool is_whole(double value, double min, double max);

// A typed array's memory. Valid until JavaScript runs again.
struct ArrayView {
  void* data = nullptr;
  int64_t length = 0;  // elements
  napi_typedarray_type type = napi_uint8_array;
};
// Throws a TypeError unless `value` is a typed array whose buffer is not detached.
ArrayView typed_array(const Napi::Value& value, const std::string& name);
// The same, and its elements are of this type.
ArrayView typed_array(const Napi::Value& value, const std::string& name, Type type);
ArrayView float64_array(const Napi::Value& value, const char* name);

const char* type_name(Type type);   // "Float32Array", ...
const char* dtype_name(Type type);  // "real", ...

// ---- native objects held by JavaScript: an object with a type tag, so that no other object is taken for it ----

// The shared object in a handle, empty once it was disposed; `bytes` is what V8 was told it holds, on any device: it collects what was dropped by that.
template <class T>
struct Handle {
  std::shared_ptr<T> object;
  int64_t bytes = 0;
};

// Each held type has its own `static const napi_type_tag kTag` and `static constexpr const char* kName`.
template <class T>
Napi::Value make_handle(Napi::Env env, std::shared_ptr<T> object, int64_t bytes) {
  auto box = std::make_unique<Handle<T>>(Handle<T>{std::move(object), bytes});
  Napi::Object holder = Napi::Object::New(env);
  holder.TypeTag(&T::kTag);
  const auto finalize = [](napi_env e, void* data, void*) {
    auto* handle = static_cast<Handle<T>*>(data);
    if (handle->bytes != 0) Napi::MemoryManagement::AdjustExternalMemory(e, -handle->bytes);
    delete handle;
  };
  NAPI_THROW_IF_FAILED(env, napi_wrap(env, holder, box.get(), finalize, nullptr, nullptr), env.Undefined());
  box.release();
  if (bytes != 0) Napi::MemoryManagement::AdjustExternalMemory(env, bytes);
  return holder;
}

// The handle in `value`; throws a TypeError where it is anything else.
template <class T>
Handle<T>& handle_of(const Napi::Value& value) {
  Napi::Env env = value.Env();
  void* data = nullptr;
  if (!value.IsObject() || !value.As<Napi::Object>().CheckTypeTag(&T::kTag) || napi_unwrap(env, value, &data) != napi_ok || data == nullptr)
    throw Napi::TypeError::New(env, std::string("expected a ") + T::kName);
  return *static_cast<Handle<T>*>(data);
}

// The object in the handle `value`; throws ERR_DISPOSED where it was disposed.
template <class T>
std::shared_ptr<T> held(const Napi::Value& value) {
  Handle<T>& handle = handle_of<T>(value);
  if (!handle.object) throw coded_error(value.Env(), "ERR_DISPOSED", std::string(T::kName) + " was disposed");
  return handle.object;
}

// Lets go of the object at once. Harmless the second time.
template <class T>
void dispose_handle(const Napi::Value& value) {
  Handle<T>& handle = handle_of<T>(value);
  handle.object.reset();
  if (handle.bytes != 0) Napi::MemoryManagement::AdjustExternalMemory(value.Env(), -handle.bytes);
  handle.bytes = 0;
}

}  // namespace steepest
