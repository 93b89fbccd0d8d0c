// One thread an element: f(i) for all i of [0, n). f is a device lambda.
#pragma once
#include "kernel.cuh"

STEEPEST_KERNELS_BEGIN

constexpr int kElementThreads = 256;

template <class F>
struct Elements {
  int64_t n;
  F f;
};

template <class F>
__global__ void __launch_bounds__(kElementThreads) elements(Elements<F> p) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kElementThreads + threadIdx.x;
  if (i < p.n) p.f(i);
}

template <class F>
void elementwise(Stream& stream, int64_t n, F f) {
  stream.launch(&elements<F>, {ceil_div(n, kElementThreads)}, kElementThreads, Elements<F>{n, f});
}

STEEPEST_KERNELS_END
