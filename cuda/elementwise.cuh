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

template <int kIn, int kOut, class F>
struct Map {
  int64_t n;
  bool vectors;  // all addresses are multiples of 16
  const float* x[kIn > 0 ? kIn : 1];
  float* y[kOut];
  F f;
};

// A thread takes four elements that stand together, or, where addresses are no multiples of 16, four that stand kElementThreads apart.
// All are read before one is written.
template <int kIn, int kOut, class F>
__global__ void __launch_bounds__(kElementThreads) mapped(Map<kIn, kOut, F> p) {
  const int step = p.vectors ? 1 : kElementThreads;
  const int64_t first = static_cast<int64_t>(blockIdx.x) * (4 * kElementThreads) + threadIdx.x * (p.vectors ? 4 : 1);
  const bool whole = p.vectors && first + 4 <= p.n;
  Four x[kIn > 0 ? kIn : 1] = {}, y[kOut] = {};
  STEEPEST_UNROLL
  for (int k = 0; k < kIn; k++) {
    if (whole) x[k] = *reinterpret_cast<const Four*>(p.x[k] + first);
    else
      for (int c = 0; c < 4; c++)
        if (first + c * step < p.n) x[k].at[c] = p.x[k][first + c * step];
  }
  STEEPEST_UNROLL
  for (int c = 0; c < 4; c++) {
    float in[kIn > 0 ? kIn : 1], out[kOut];
    STEEPEST_UNROLL
    for (int k = 0; k < kIn; k++) in[k] = x[k].at[c];
    p.f(in, out);
    STEEPEST_UNROLL
    for (int k = 0; k < kOut; k++) y[k].at[c] = out[k];
  }
  STEEPEST_UNROLL
  for (int k = 0; k < kOut; k++) {
    if (whole) *reinterpret_cast<Four*>(p.y[k] + first) = y[k];
    else
      for (int c = 0; c < 4; c++)
        if (first + c * step < p.n) p.y[k][first + c * step] = y[k].at[c];
  }
}

// f(in, out) for each of n elements: in[kIn] of the arrays x, out[kOut] for the arrays y, which may be some of x.
template <int kIn, int kOut, class F>
void map_arrays(Stream& stream, int64_t n, F f, float* const (&y)[kOut], const float* const (&x)[kIn]) {
  Map<kIn, kOut, F> params{n, true, {}, {}, f};
  for (int k = 0; k < kIn; k++) params.x[k] = x[k], params.vectors &= aligned(16, x[k]);
  for (int k = 0; k < kOut; k++) params.y[k] = y[k], params.vectors &= aligned(16, y[k]);
  stream.launch(&mapped<kIn, kOut, F>, {ceil_div(n, 4 * kElementThreads)}, kElementThreads, params);
}

template <int kIn, class F>
struct ToOne {
  F f;
  __device__ void operator()(const float* in, float* out) const {
    if constexpr (kIn == 1) out[0] = f(in[0]);
    else out[0] = f(in[0], in[1]);
  }
};

// x[n], ... -> y[n] = f(x, ...) of one or two inputs. y may stand where an input does.
template <class F, class... X>
void map(Stream& stream, int64_t n, F f, float* y, const X*... x) {
  constexpr int kIn = sizeof...(X);
  map_arrays<kIn, 1>(stream, n, ToOne<kIn, F>{f}, {y}, {x...});
}

// dy[1] -> dx[n] = f(dy) everywhere.
template <class F>
void fill(Stream& stream, int64_t n, F f, float* dx, const float* dy) {
  const auto all = [=] __device__(const float*, float* out) { out[0] = f(dy[0]); };
  stream.launch(&mapped<0, 1, decltype(all)>, {ceil_div(n, 4 * kElementThreads)}, kElementThreads,
                Map<0, 1, decltype(all)>{n, aligned(16, dx), {}, {dx}, all});
}

STEEPEST_KERNELS_END
