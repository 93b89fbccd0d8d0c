// Vectors of the instruction set this file is compiled for, by GCC's vector extensions: one source, three widths.
//
//   portable  4 lanes of float (SSE2, or whatever the baseline has), product and sum rounded apart
//   avx2      8 lanes, fused multiply-add
//   avx512   16 lanes, fused multiply-add
//
// Everything here lives in STEEPEST_ISA (see kernel.h). Loads and stores ask for no alignment.
#pragma once
#include <cstddef>
#include <cstdint>

#if defined(__AVX512F__) || (defined(__AVX2__) && defined(__FMA__))
#include <immintrin.h>
#endif

#include "kernel.h"

#define STEEPEST_INLINE inline __attribute__((always_inline))

STEEPEST_KERNELS_BEGIN

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif

// kLanes values of type T, whatever the size of T: vector_of<float>, vector_of<int32_t>, vector_of<uint16_t>.
template <class T>
struct VectorOf {
  typedef T type __attribute__((vector_size(kLanes * sizeof(T))));
  typedef T loose __attribute__((vector_size(kLanes * sizeof(T)), aligned(sizeof(T)), may_alias));
};
template <class T>
using vector_of = typename VectorOf<T>::type;
using vfloat = vector_of<float>;
using vint = vector_of<int32_t>;

template <class T>
STEEPEST_INLINE vector_of<T> load(const T* p) {
  return *reinterpret_cast<const typename VectorOf<T>::loose*>(p);
}
template <class T>
STEEPEST_INLINE void store(T* p, vector_of<T> v) {
  *reinterpret_cast<typename VectorOf<T>::loose*>(p) = v;
}
// To an aligned p, past the caches where the instruction set can: for results larger than they are.
STEEPEST_INLINE void stream(float* p, vfloat v) {
#if defined(__AVX512F__)
  _mm512_stream_ps(p, v);
#elif defined(__AVX2__)
  _mm256_stream_ps(p, v);
#else
  store(p, v);
#endif
}
STEEPEST_INLINE bool aligned(const float* p) { return reinterpret_cast<uintptr_t>(p) % (kLanes * sizeof(float)) == 0; }

STEEPEST_INLINE vfloat broadcast(float v) {  // not vfloat{} + v: that is an addition
#if defined(__AVX512F__)
  return _mm512_set1_ps(v);
#elif defined(__AVX2__) && defined(__FMA__)
  return _mm256_set1_ps(v);
#else
  return vfloat{v, v, v, v};
#endif
}
STEEPEST_INLINE vint broadcast(int32_t v) { return vint{} + v; }

// a * b + c, rounded once where the instruction set can.
STEEPEST_INLINE vfloat fma(vfloat a, vfloat b, vfloat c) {
#if defined(__AVX512F__)
  return reinterpret_cast<vfloat>(_mm512_fmadd_ps(a, b, c));
#elif defined(__AVX2__) && defined(__FMA__)
  return reinterpret_cast<vfloat>(_mm256_fmadd_ps(a, b, c));
#else
  return a * b + c;
#endif
}

// The first `count` (< kLanes) values at p, zeros behind them; nothing past them is touched.
STEEPEST_INLINE vfloat load_part(const float* p, int64_t count) {
#if defined(__AVX512F__)
  return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << count) - 1), p);
#else
  vfloat v{};
  for (int64_t i = 0; i < count; ++i) v[i] = p[i];
  return v;
#endif
}
STEEPEST_INLINE void store_part(float* p, vfloat v, int64_t count) {
#if defined(__AVX512F__)
  _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << count) - 1), v);
#else
  for (int64_t i = 0; i < count; ++i) p[i] = v[i];
#endif
}

// x > 0 ? x : 0, and NaN stays NaN.
STEEPEST_INLINE vfloat relu(vfloat x) { return x <= 0.0f ? vfloat{} : x; }
STEEPEST_INLINE float relu(float x) { return x <= 0.0f ? 0.0f : x; }

// best = x and place = index where x is larger, or is the first NaN.
STEEPEST_INLINE void take_larger(vfloat x, int32_t index, vfloat& best, vint& place) {
#if defined(__AVX512F__)
  const __mmask16 number = _mm512_cmp_ps_mask(best, best, _CMP_ORD_Q);
  const __mmask16 better = _mm512_mask_cmp_ps_mask(number, x, best, _CMP_NLE_UQ);
  best = _mm512_mask_mov_ps(best, better, x);
  place = reinterpret_cast<vint>(_mm512_mask_mov_epi32(reinterpret_cast<__m512i>(place), better, _mm512_set1_epi32(index)));
#else
  const vint better = (x > best) | ((x != x) & (best == best));
  best = better ? x : best;
  place = better ? broadcast(index) : place;
#endif
}

// kLanes x kLanes: row i of the result is column i of the rows given. log2(kLanes) rounds that swap blocks of d lanes with the row d away.
template <int D>
STEEPEST_INLINE void transpose_round(vfloat (&row)[kLanes]) {
  vint low{}, high{};
  for (int i = 0; i < kLanes; ++i) {
    low[i] = (i & D) ? kLanes + i - D : i;
    high[i] = (i & D) ? kLanes + i : i + D;
  }
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; ++i) {
    if (i & D) continue;
    const vfloat a = row[i], b = row[i + D];
    row[i] = __builtin_shuffle(a, b, low);
    row[i + D] = __builtin_shuffle(a, b, high);
  }
}
STEEPEST_INLINE void transpose(vfloat (&row)[kLanes]) {
  if constexpr (kLanes > 8) transpose_round<(kLanes > 8 ? 8 : 1)>(row);
  if constexpr (kLanes > 4) transpose_round<(kLanes > 4 ? 4 : 1)>(row);
  transpose_round<2>(row);
  transpose_round<1>(row);
}

// Whole numbers.
STEEPEST_INLINE int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
STEEPEST_INLINE int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }
STEEPEST_INLINE int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// The team's scratch memory as so many floats.
inline float* floats(Team& team, int thread, int slot, int64_t count) {
  return static_cast<float*>(team.scratch(thread, slot, sizeof(float) * static_cast<size_t>(count)));
}

STEEPEST_KERNELS_END
