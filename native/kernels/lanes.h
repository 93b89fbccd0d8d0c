// Loops over arrays by the vectors of simd.h, whatever the length.
//
// An array's last, incomplete vector goes through the very same arithmetic as the whole ones (loaded and stored in part), so a value
// depends on its inputs alone: never on where a slice of the batch or a thread's share of the work begins or ends.
#pragma once
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "simd.h"

STEEPEST_KERNELS_BEGIN

constexpr float kInfinity = __builtin_inff();
constexpr float kNan = __builtin_nanf("");

STEEPEST_INLINE vfloat choose(vint condition, vfloat yes, vfloat no) { return condition ? yes : no; }
STEEPEST_INLINE vint choose(vint condition, vint yes, vint no) { return condition ? yes : no; }
STEEPEST_INLINE vfloat as_float(vint a) { return reinterpret_cast<vfloat>(a); }
STEEPEST_INLINE vint as_int(vfloat a) { return reinterpret_cast<vint>(a); }
STEEPEST_INLINE vfloat absolute(vfloat a) { return as_float(as_int(a) & 0x7fffffff); }
STEEPEST_INLINE vint is_nan(vfloat a) { return a != a; }
STEEPEST_INLINE vfloat larger(vfloat a, vfloat b) { return a > b ? a : b; }

// 0, 1, 2, ...
STEEPEST_INLINE vint lane_numbers() {
  vint lanes{};
  for (int l = 0; l < kLanes; ++l) lanes[l] = l;
  return lanes;
}

STEEPEST_INLINE vfloat square_root(vfloat a) {
#if defined(__AVX512F__)
  return _mm512_maskz_sqrt_ps(0xffff, a);  // the plain form warns in GCC 12
#elif defined(__AVX2__)
  return _mm256_sqrt_ps(a);
#elif defined(__SSE2__)
  return _mm_sqrt_ps(a);
#else
  for (int l = 0; l < kLanes; ++l) a[l] = __builtin_sqrtf(a[l]);
  return a;
#endif
}

// Lane l of the result is lane l ^ distance of a.
template <int distance>
STEEPEST_INLINE vfloat swapped(vfloat a) {
  return __builtin_shuffle(a, lane_numbers() ^ distance);
}

// The sum and the largest of the lanes, by halves.
STEEPEST_INLINE float sum_of_lanes(vfloat a) {
  if constexpr (kLanes > 8) a += swapped<8>(a);
  if constexpr (kLanes > 4) a += swapped<4>(a);
  a += swapped<2>(a);
  a += swapped<1>(a);
  return a[0];
}

STEEPEST_INLINE float largest_lane(vfloat a) {
  if constexpr (kLanes > 8) a = larger(a, swapped<8>(a));
  if constexpr (kLanes > 4) a = larger(a, swapped<4>(a));
  a = larger(a, swapped<2>(a));
  a = larger(a, swapped<1>(a));
  return a[0];
}

// Access to a whole vector of an array.
struct Whole {
  static constexpr int64_t count = kLanes;

  STEEPEST_INLINE vfloat load(const float* p, float = 0) const { return STEEPEST_ISA::load(p); }
  template <class T>
  STEEPEST_INLINE vint load(const T* p) const {
    return __builtin_convertvector(STEEPEST_ISA::load(p), vint);
  }
  STEEPEST_INLINE void store(float* p, vfloat v) const { STEEPEST_ISA::store(p, v); }
  STEEPEST_INLINE void store(uint16_t* p, vint v) const {
    STEEPEST_ISA::store(p, __builtin_convertvector(v, vector_of<uint16_t>));
  }
};

// Access to the first `count` lanes (1 .. kLanes-1) of a vector of an array; the others read as `fill` and are not written.
struct Part {
  int64_t count;

  STEEPEST_INLINE vint within() const { return lane_numbers() < static_cast<int32_t>(count); }

  STEEPEST_INLINE vfloat load(const float* p, float fill = 0) const {
#if defined(__AVX512F__)
    return _mm512_mask_loadu_ps(_mm512_set1_ps(fill), static_cast<__mmask16>((1u << count) - 1), p);
#elif defined(__AVX2__)
    const vint inside = within();
    return choose(inside, _mm256_maskload_ps(p, reinterpret_cast<__m256i>(inside)), broadcast(fill));
#else
    vfloat v = broadcast(fill);
    for (int64_t l = 0; l < count; ++l) v[l] = p[l];
    return v;
#endif
  }
  STEEPEST_INLINE void store(float* p, vfloat v) const {
#if defined(__AVX512F__)
    _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << count) - 1), v);
#elif defined(__AVX2__)
    _mm256_maskstore_ps(p, reinterpret_cast<__m256i>(within()), v);
#else
    for (int64_t l = 0; l < count; ++l) p[l] = v[l];
#endif
  }
  template <class T>
  STEEPEST_INLINE vint load(const T* p) const {
    T lanes[kLanes] = {};
    for (int64_t l = 0; l < count; ++l) lanes[l] = p[l];
    return Whole().load(lanes);
  }
  STEEPEST_INLINE void store(uint16_t* p, vint v) const {
    uint16_t lanes[kLanes];
    Whole().store(lanes, v);
    for (int64_t l = 0; l < count; ++l) p[l] = lanes[l];
  }
};

// f(i, at) for begin <= i < end by whole vectors, then for what is left: at.load(p + i), at.store(p + i, v).
template <class F>
STEEPEST_INLINE void for_lanes(int64_t begin, int64_t end, F f) {
  int64_t i = begin;
  for (; i + kLanes <= end; i += kLanes) f(i, Whole());
  if (i < end) f(i, Part{end - i});
}

STEEPEST_KERNELS_END
