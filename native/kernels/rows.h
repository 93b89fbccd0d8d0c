// What the kernels on rows of k values share: sums over a row, and the maximum and sum of exponentials that make a softmax.
// A row is summed in lanes, in an order that depends on k alone.
#pragma once
#include "elementwise.h"
#include "math.h"

STEEPEST_KERNELS_BEGIN

// sum over j of f(j, at), where f gives 0 in the lanes past the end of the row.
template <class F>
STEEPEST_INLINE float sum_of_row(int64_t k, F f) {
  vfloat sum{};
  for_lanes(0, k, [&](int64_t j, auto at) { sum += f(j, at); });
  return sum_of_lanes(sum);
}

STEEPEST_INLINE float largest_of_row(const float* x, int64_t k) {
  vfloat most_yet = broadcast(-kInfinity);
  for_lanes(0, k, [&](int64_t j, auto at) { most_yet = larger(at.load(x + j, -kInfinity), most_yet); });
  return largest_lane(most_yet);
}

// sum e^(x_j - max). NaN where the row has a NaN or an infinity that makes it meaningless.
STEEPEST_INLINE float sum_of_exp(const float* x, int64_t k, float max) {
  return sum_of_row(k, [=](int64_t j, auto at) { return exp(at.load(x + j, -kInfinity) - max); });
}

// y_j = finish(e^(x_j - max) / sum, j) over a row. A short row's exponentials stand in a buffer of whole vectors between the two ways.
template <class F>
STEEPEST_INLINE void softmax_of_row(const float* x, float* y, int64_t k, F finish) {
  constexpr int64_t kShort = 128;
  const float max = largest_of_row(x, k);
  if (k <= kShort) {
    float e[kShort];
    const float sum = sum_of_row(k, [&e, x, max](int64_t j, auto at) {
      const vfloat v = exp(at.load(x + j, -kInfinity) - max);
      store(e + j, v);
      return v;
    });
    for_lanes(0, k, [&e, y, sum, finish](int64_t j, auto at) { at.store(y + j, finish(load(e + j) / sum, j)); });
  } else {
    const float sum = sum_of_row(k, [=](int64_t j, auto at) {
      const vfloat v = exp(at.load(x + j, -kInfinity) - max);
      at.store(y + j, v);
      return v;
    });
    for_lanes(0, k, [=](int64_t j, auto at) { at.store(y + j, finish(at.load(y + j) / sum, j)); });
  }
}

STEEPEST_KERNELS_END
