#include "arguments.h"

#include <cmath>
#include <stdexcept>

#include "../../cuda/device.h"

namespace steepest {
namespace {

napi_typedarray_type array_type(Type type) {
  switch (type) {
    case Type::kReal: return napi_float32_array;
    case Type::kI32: return napi_int32_array;
    case Type::kU16: return napi_uint16_array;
    default: return napi_uint8_array;
  }
}

std::string number_text(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.17g", value);
  return text;
}

}  // namespace

Napi::Error coded_error(Napi::Env env, const char* code, const std::string& message) {
  Napi::Error error = Napi::Error::New(env, message);
  error.Set("code", Napi::String::New(env, code));
  return error;
}

Napi::Error shape_error(Napi::Env env, const std::string& message) {
  Napi::Error error = Napi::RangeError::New(env, message);
  error.Set("code", Napi::String::New(env, "ERR_SHAPE"));
  return error;
}

Fault caught_fault(const char* no_memory) {
  try {
    throw;
  } catch (const cuda::OutOfMemory& error) {
    return {"ERR_DEVICE_OOM", error.what()};
  } catch (const cuda::NoDevice& error) {
    return {"ERR_NO_DEVICE", error.what()};
  } catch (const cuda::Failure& error) {
    return {"ERR_CUDA", error.what()};
  } catch (const std::bad_alloc&) {
    return {"ERR_DEVICE_OOM", no_memory};
  } catch (const std::out_of_range& error) {
    return {"ERR_SHAPE", error.what()};
  } catch (const std::exception& error) {
    return {"", error.what()};
  }
}

Napi::Error error_of(Napi::Env env, const Fault& fault) {
  if (fault.code.empty()) return Napi::Error::New(env, fault.message);
  return fault.code == "ERR_SHAPE" ? shape_error(env, fault.message) : coded_error(env, fault.code.c_str(), fault.message);
}

bool is_whole(double value, double min, double max) { return value >= min && value <= max && std::floor(value) == value; }

int64_t whole_number(const Napi::Value& value, const char* name, double min, double max) {
  if (!value.IsNumber()) throw Napi::TypeError::New(value.Env(), std::string("expected a number for ") + name);
  const double number = value.As<Napi::Number>().DoubleValue();
  if (!is_whole(number, min, max))
    throw Napi::RangeError::New(value.Env(), "expected an integer in [" + number_text(min) + ", " + number_text(max) + "] for " + name +
                                                 " but received " + number_text(number));
  return static_cast<int64_t>(number);
}

ArrayView typed_array(const Napi::Value& value, const std::string& name) {
  const Napi::Env env = value.Env();
  if (!value.IsTypedArray()) throw Napi::TypeError::New(env, "expected a typed array for " + name);
  ArrayView view;
  size_t length = 0;
  napi_value buffer = nullptr;
  napi_status status = napi_get_typedarray_info(env, value, &view.type, &length, &view.data, &buffer, nullptr);
  bool detached = false;
  if (status == napi_ok) status = napi_is_detached_arraybuffer(env, buffer, &detached);
  if (status != napi_ok) throw Napi::TypeError::New(env, "expected a typed array for " + name);
  if (detached) throw Napi::TypeError::New(env, "the buffer of " + name + " is detached");
  view.length = static_cast<int64_t>(length);
  if (view.data == nullptr) view.length = 0;
  return view;
}

ArrayView typed_array(const Napi::Value& value, const std::string& name, Type type) {
  const ArrayView view = typed_array(value, name);
  if (view.type != array_type(type)) throw Napi::TypeError::New(value.Env(), std::string("expected a ") + type_name(type) + " for " + name);
  return view;
}

ArrayView float64_array(const Napi::Value& value, const char* name) {
  const ArrayView view = typed_array(value, name);
  if (view.type != napi_float64_array) throw Napi::TypeError::New(value.Env(), std::string("expected a Float64Array for ") + name);
  return view;
}

const char* type_name(Type type) {
  static const char* const names[] = {"Float32Array", "Int32Array", "Uint16Array", "Uint8Array"};
  return names[static_cast<int>(type)];
}

const char* dtype_name(Type type) {
  static const char* const names[] = {"real", "i32", "u16", "u8"};
  return names[static_cast<int>(type)];
}

}  // namespace steepest
