// One kernel at a time, on typed arrays: for people who use or measure kernels by themselves.
#pragma once
#include "arguments.h"

namespace steepest {

Napi::Value run_kernel(const Napi::CallbackInfo& info);   // (index, buffers, ints, reals, threads[, device, arithmetic])
Napi::Value time_kernel(const Napi::CallbackInfo& info);  // (index, buffers, ints, reals, device, arithmetic, times) -> nanoseconds of each time

}  // namespace steepest
