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

STEEPEST_KERNELS_END
