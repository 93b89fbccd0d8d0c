// What the machine can do at most, measured: the numbers that benches are shares of.
#pragma once
#include <napi.h>

namespace steepest {

// (threads[, device]) -> { gflops, gbPerSecond }: single-precision multiply-adds on registers alone, with the active instruction set (a multiply-add
// counts 2); and a copy between two arrays larger than the caches (bytes read plus bytes written). Blocks for about half a second.
Napi::Value ceiling(const Napi::CallbackInfo& info);

}  // namespace steepest
