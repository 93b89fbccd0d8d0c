// Four floats that lie side by side, as one access of 16 bytes where the addresses allow; and kernels over elements by them.
#pragma once
#include "elementwise.cuh"

STEEPEST_KERNELS_BEGIN

// Of 1 or 4 floats; p is aligned to all of them.
__device__ inline void load_floats(const float* p, float (&v)[1]) { v[0] = p[0]; }
__device__ inline void load_floats(const float* p, float (&v)[4]) {
  const float4 all = *reinterpret_cast<const float4*>(p);
  v[0] = all.x, v[1] = all.y, v[2] = all.z, v[3] = all.w;
}
__device__ inline void store_floats(float* p, const float (&v)[1]) { p[0] = v[0]; }
__device__ inline void store_floats(float* p, const float (&v)[4]) { *reinterpret_cast<float4*>(p) = make_float4(v[0], v[1], v[2], v[3]); }

// v = p[0 .. count), zeros behind. kVector: p is aligned to 16 bytes, and count is 4.
template <bool kVector>
__device__ inline void load_four(const float* p, int64_t count, float (&v)[4]) {
  if constexpr (kVector) {
    load_floats(p, v);
  } else {
#pragma unroll
    for (int l = 0; l < 4; l++) v[l] = l < count ? p[l] : 0.0f;
  }
}

// The same the other way.
template <bool kVector>
__device__ inline void store_four(float* p, int64_t count, const float (&v)[4]) {
  if constexpr (kVector) {
    store_floats(p, v);
  } else {
#pragma unroll
    for (int l = 0; l < 4; l++)
      if (l < count) p[l] = v[l];
  }
}

template <int kIn, int kOut, class F>
struct Fours {
  const float* in[kIn > 0 ? kIn : 1];
  float* out[kOut];
  int64_t n;
  bool vectors;  // all are aligned to 16 bytes
  F f;
};

// A thread has four elements: neighbours, or where the addresses do not allow vectors, a block's width apart, so that a warp's are neighbours.
template <int kIn, int kOut, class F>
__global__ void __launch_bounds__(kElementThreads) fours_of(Fours<kIn, kOut, F> p) {
  const int step = p.vectors ? 1 : kElementThreads;
  const int64_t i = static_cast<int64_t>(blockIdx.x) * (4 * kElementThreads) + threadIdx.x * (p.vectors ? 4 : 1);
  const bool whole = p.vectors && i + 4 <= p.n;
  float v[4][kIn > 0 ? kIn : 1] = {}, y[4][kOut];
  if (whole) {
#pragma unroll
    for (int a = 0; a < kIn; a++) {
      float four[4];
      load_floats(p.in[a] + i, four);
#pragma unroll
      for (int l = 0; l < 4; l++) v[l][a] = four[l];
    }
  } else {
#pragma unroll
    for (int l = 0; l < 4; l++)
#pragma unroll
      for (int a = 0; a < kIn; a++)
        if (i + l * step < p.n) v[l][a] = p.in[a][i + l * step];
  }
#pragma unroll
  for (int l = 0; l < 4; l++) p.f(v[l], y[l]);
  if (whole) {
#pragma unroll
    for (int a = 0; a < kOut; a++) {
      const float four[4] = {y[0][a], y[1][a], y[2][a], y[3][a]};
      store_floats(p.out[a] + i, four);
    }
  } else {
#pragma unroll
    for (int l = 0; l < 4; l++)
#pragma unroll
      for (int a = 0; a < kOut; a++)
        if (i + l * step < p.n) p.out[a][i + l * step] = y[l][a];
  }
}

// f(in, out) for each of n elements: in[kIn] of the arrays `in`, out[kOut] for the arrays `out`, which may be some of them. f is a device lambda.
template <int kIn, int kOut, class F>
void fours(Stream& stream, int64_t n, const float* const (&in)[kIn], float* const (&out)[kOut], F f) {
  Fours<kIn, kOut, F> p{{}, {}, n, true, f};
  for (int a = 0; a < kIn; a++) p.in[a] = in[a], p.vectors &= aligned(16, in[a]);
  for (int a = 0; a < kOut; a++) p.out[a] = out[a], p.vectors &= aligned(16, out[a]);
  stream.launch(&fours_of<kIn, kOut, F>, {ceil_div(n, 4 * kElementThreads)}, kElementThreads, p);
}

// The same where nothing is read.
template <class F>
void fours(Stream& stream, int64_t n, float* out, F f) {
  stream.launch(&fours_of<0, 1, F>, {ceil_div(n, 4 * kElementThreads)}, kElementThreads, Fours<0, 1, F>{{}, {out}, n, aligned(16, out), f});
}

STEEPEST_KERNELS_END
