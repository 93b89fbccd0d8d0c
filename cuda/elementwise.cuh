// Element by element. map: y[i] = f(x[i]) or f(a[i], b[i]); elementwise: f(i) for all i of [0, n). f is a device lambda that does the same to
// an element wherever it stands.
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

// ---- four elements a thread ----

// Values that are moved in one access.
template <class T, int N>
struct alignas(sizeof(T) * N) Pack {
  T at[N];
};
using Four = Pack<float, 4>;

template <class F, int Inputs>
struct Map {
  int64_t n;
  bool vectors;  // all addresses are multiples of 16
  const float* x[Inputs];
  float* y;
  F f;
};

// A thread takes four elements that stand together, or, where addresses are no multiples of 16, four that stand kElementThreads apart.
// All are read before one is written.
template <class F, int Inputs>
__global__ void __launch_bounds__(kElementThreads) mapped(Map<F, Inputs> p) {
  const int step = p.vectors ? 1 : kElementThreads;
  const int64_t first = static_cast<int64_t>(blockIdx.x) * (4 * kElementThreads) + threadIdx.x * (p.vectors ? 4 : 1);
  const bool whole = p.vectors && first + 4 <= p.n;
  Four x[Inputs] = {}, y;
  for (int k = 0; k < Inputs; k++) {
    if (whole) x[k] = *reinterpret_cast<const Four*>(p.x[k] + first);
    else
      for (int c = 0; c < 4; c++)
        if (first + c * step < p.n) x[k].at[c] = p.x[k][first + c * step];
  }
  for (int c = 0; c < 4; c++) {
    if constexpr (Inputs == 1) y.at[c] = p.f(x[0].at[c]);
    else y.at[c] = p.f(x[0].at[c], x[1].at[c]);
  }
  if (whole) *reinterpret_cast<Four*>(p.y + first) = y;
  else
    for (int c = 0; c < 4; c++)
      if (first + c * step < p.n) p.y[first + c * step] = y.at[c];
}

// x[n], ... -> y[n] = f(x, ...) of one or two inputs. y may stand where an input does.
template <class F, class... X>
void map(Stream& stream, int64_t n, F f, float* y, const X*... x) {
  const Map<F, sizeof...(X)> params{n, aligned(16, y, x...), {x...}, y, f};
  stream.launch(&mapped<F, sizeof...(X)>, {ceil_div(n, 4 * kElementThreads)}, kElementThreads, params);
}

STEEPEST_KERNELS_END
