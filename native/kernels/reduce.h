// Sums over all n elements of an array in an order that depends on n alone.
//
// The array is cut into at most 64 blocks; a block is summed in double precision, in lanes; the blocks' sums are added in their order.
#pragma once
#include "elementwise.h"

STEEPEST_KERNELS_BEGIN

constexpr int kHalf = kLanes / 2;
typedef double vdouble __attribute__((vector_size(kHalf * 8)));
typedef float vhalf __attribute__((vector_size(kHalf * 4)));
typedef float vhalf_loose __attribute__((vector_size(kHalf * 4), aligned(4), may_alias));

STEEPEST_INLINE vdouble load_double(const float* p) {
  const vhalf v = *reinterpret_cast<const vhalf_loose*>(p);
  return __builtin_convertvector(v, vdouble);
}

STEEPEST_INLINE double sum_of_lanes(vdouble a) {
  double sum = 0;
  for (int l = 0; l < kHalf; ++l) sum += a[l];
  return sum;
}

// sum f(x_i) over n elements, f taking and giving a vector of doubles, f(0) = 0.
template <class F>
STEEPEST_INLINE double sum_of_block(const float* x, int64_t n, F f) {
  vdouble s0{}, s1{}, s2{}, s3{};
  int64_t i = 0;
  for (; i + 2 * kLanes <= n; i += 2 * kLanes) {
    s0 += f(load_double(x + i));
    s1 += f(load_double(x + i + kHalf));
    s2 += f(load_double(x + i + 2 * kHalf));
    s3 += f(load_double(x + i + 3 * kHalf));
  }
  for (; i < n; i += kHalf) {
    float rest[kHalf] = {};
    for (int64_t l = 0; l < kHalf && i + l < n; ++l) rest[l] = x[i + l];
    s0 += f(load_double(rest));
  }
  return sum_of_lanes((s0 + s1) + (s2 + s3));
}

// The same for an array of any length, shared out among the team.
template <class F>
STEEPEST_INLINE double sum_of(Team& team, const float* x, int64_t n, F f) {
  constexpr int64_t kMostBlocks = 64;
  const int64_t block = most(kGrain, ceil_div(ceil_div(n, kMostBlocks), kGrain) * kGrain);
  double sums[kMostBlocks];
  double* const out = sums;
  team.parallel(ceil_div(n, block), 1, [=](int64_t begin, int64_t end, int) {
    for (int64_t b = begin; b < end; ++b) out[b] = sum_of_block(x + b * block, least(block, n - b * block), f);
  });
  double total = 0;
  for (int64_t b = 0; b * block < n; ++b) total += sums[b];
  return total;
}

STEEPEST_KERNELS_END
