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

// Small whole numbers to and from 32-bit lanes.
STEEPEST_INLINE vint widen(vector_of<uint8_t> a) {
#if defined(__AVX512F__)
  return reinterpret_cast<vint>(_mm512_maskz_cvtepu8_epi32(0xffff, reinterpret_cast<__m128i>(a)));
#elif defined(__AVX2__)
  return reinterpret_cast<vint>(_mm256_cvtepu8_epi32(_mm_cvtsi64_si128(reinterpret_cast<int64_t>(a))));
#else
  return __builtin_convertvector(a, vint);
#endif
}
STEEPEST_INLINE vint widen(vector_of<uint16_t> a) {
#if defined(__AVX512F__)
  return reinterpret_cast<vint>(_mm512_maskz_cvtepu16_epi32(0xffff, reinterpret_cast<__m256i>(a)));
#elif defined(__AVX2__)
  return reinterpret_cast<vint>(_mm256_cvtepu16_epi32(reinterpret_cast<__m128i>(a)));
#else
  return __builtin_convertvector(a, vint);
#endif
}

// Values must lie in 0 .. 65535.
STEEPEST_INLINE vector_of<uint16_t> narrow(vint a) {
#if defined(__AVX512F__)
  return reinterpret_cast<vector_of<uint16_t>>(_mm512_maskz_cvtepi32_epi16(0xffff, reinterpret_cast<__m512i>(a)));
#elif defined(__AVX2__)
  const __m256i v = reinterpret_cast<__m256i>(a);
  return reinterpret_cast<vector_of<uint16_t>>(_mm_packus_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1)));
#else
  return __builtin_convertvector(a, vector_of<uint16_t>);
#endif
}

// Access to a whole vector of an array.
struct Whole {
  static constexpr int64_t count = kLanes;

  STEEPEST_INLINE vfloat load(const float* p, float = 0) const { return STEEPEST_ISA::load(p); }
  template <class T>
  STEEPEST_INLINE vint load(const T* p) const {
    return widen(STEEPEST_ISA::load(p));
  }
  STEEPEST_INLINE void store(float* p, vfloat v) const { STEEPEST_ISA::store(p, v); }
  STEEPEST_INLINE void store(uint16_t* p, vint v) const { STEEPEST_ISA::store(p, narrow(v)); }
};

#if !defined(__AVX512F__)
// 1 .. 15 bytes at p, as the low bytes of sixteen. Two overlapping words of 8, 4 or 2 bytes each: no loop, and no store to read back.
struct Bytes {
  uint64_t low, high;
};

template <class Word>
STEEPEST_INLINE uint64_t word_at(const uint8_t* p) {
  Word word;
  __builtin_memcpy(&word, p, sizeof word);
  return word;
}
template <class Word>
STEEPEST_INLINE void put_word(uint8_t* p, uint64_t value) {
  const Word word = static_cast<Word>(value);
  __builtin_memcpy(p, &word, sizeof word);
}

STEEPEST_INLINE Bytes load_bytes(const uint8_t* p, int64_t n) {
  if (n > 8) return {word_at<uint64_t>(p), word_at<uint64_t>(p + n - 8) >> (8 * (16 - n))};
  if (n == 8) return {word_at<uint64_t>(p), 0};
  if (n >= 4) return {word_at<uint32_t>(p) | word_at<uint32_t>(p + n - 4) << (8 * (n - 4)), 0};
  if (n >= 2) return {word_at<uint16_t>(p) | word_at<uint16_t>(p + n - 2) << (8 * (n - 2)), 0};
  return {*p, 0};
}

// The reverse, for an even n.
STEEPEST_INLINE void store_bytes(uint8_t* p, int64_t n, Bytes v) {
  if (n >= 8) {
    put_word<uint64_t>(p, v.low);
    if (n > 8) put_word<uint64_t>(p + n - 8, v.low >> (8 * (n - 8)) | v.high << (8 * (16 - n)));
  } else if (n >= 4) {
    put_word<uint32_t>(p, v.low);
    put_word<uint32_t>(p + n - 4, v.low >> (8 * (n - 4)));
  } else {
    put_word<uint16_t>(p, v.low);
  }
}
#endif

// Access to the first `count` lanes (1 .. kLanes-1) of a vector of an array; the others read as `fill` (0) and are not written.
// No loops over lanes here: a vector read back from memory that was written lane by lane stalls.
struct Part {
  int64_t count;

#if defined(__AVX512F__)
  STEEPEST_INLINE unsigned mask() const { return (1u << count) - 1; }
  STEEPEST_INLINE vfloat load(const float* p, float fill = 0) const {
    return _mm512_mask_loadu_ps(_mm512_set1_ps(fill), static_cast<__mmask16>(mask()), p);
  }
  STEEPEST_INLINE void store(float* p, vfloat v) const { _mm512_mask_storeu_ps(p, static_cast<__mmask16>(mask()), v); }
  STEEPEST_INLINE vint load(const uint8_t* p) const {
    return widen(reinterpret_cast<vector_of<uint8_t>>(_mm_maskz_loadu_epi8(static_cast<__mmask16>(mask()), p)));
  }
  STEEPEST_INLINE vint load(const uint16_t* p) const {
    return widen(reinterpret_cast<vector_of<uint16_t>>(_mm256_maskz_loadu_epi16(static_cast<__mmask16>(mask()), p)));
  }
  STEEPEST_INLINE void store(uint16_t* p, vint v) const {
    _mm256_mask_storeu_epi16(p, static_cast<__mmask16>(mask()), reinterpret_cast<__m256i>(narrow(v)));
  }
#else
  STEEPEST_INLINE vint within() const { return lane_numbers() < static_cast<int32_t>(count); }
  STEEPEST_INLINE vfloat load(const float* p, float fill = 0) const {
#if defined(__AVX2__)
    return choose(within(), _mm256_maskload_ps(p, reinterpret_cast<__m256i>(within())), broadcast(fill));
#else
    return vfloat{p[0], count > 1 ? p[1] : fill, count > 2 ? p[2] : fill, fill};
#endif
  }
  STEEPEST_INLINE void store(float* p, vfloat v) const {
    if constexpr (kLanes == 8) {
      if (count & 4) {
        for (int l = 0; l < 4; ++l) p[l] = v[l];
        v = swapped<(kLanes > 4 ? 4 : 1)>(v);
        p += 4;
      }
    }
    if (count & 2) {
      p[0] = v[0];
      p[1] = v[1];
      v = swapped<2>(v);
      p += 2;
    }
    if (count & 1) p[0] = v[0];
  }
  template <class T>
  STEEPEST_INLINE vint load(const T* p) const {
    vector_of<T> lanes;
    const Bytes bytes = load_bytes(reinterpret_cast<const uint8_t*>(p), count * static_cast<int64_t>(sizeof(T)));
    __builtin_memcpy(&lanes, &bytes, sizeof lanes);
    return widen(lanes);
  }
  STEEPEST_INLINE void store(uint16_t* p, vint v) const {
    const vector_of<uint16_t> lanes = narrow(v);
    Bytes bytes{};
    __builtin_memcpy(&bytes, &lanes, sizeof lanes);
    store_bytes(reinterpret_cast<uint8_t*>(p), count * 2, bytes);
  }
#endif
};

// f(i, at) for begin <= i < end by whole vectors, then for what is left: at.load(p + i), at.store(p + i, v).
template <class F>
STEEPEST_INLINE void for_lanes(int64_t begin, int64_t end, F f) {
  int64_t i = begin;
  for (; i + kLanes <= end; i += kLanes) f(i, Whole());
  if (i < end) f(i, Part{end - i});
}

STEEPEST_KERNELS_END
