// Kernels over the columns of rows of k values: one number a column, or a sum of each.
//
// Narrow rows would leave most lanes of a vector idle, so they are taken several at a time: `period` rows that fill whole vectors.
#pragma once
#include "reduce.h"

STEEPEST_KERNELS_BEGIN

constexpr int64_t kNarrow = 64;

// Rows of k elements to take together: the fewest that fill whole vectors where k is narrow, else one.
STEEPEST_INLINE int64_t period_of(int64_t k) {
  if (k >= kNarrow) return 1;
  int64_t period = 1;
  while (k * period % kLanes != 0) period *= 2;
  return period;
}

// Rows that are summed together, a multiple of `period`: at most 32 blocks, each about kGrain elements at least.
STEEPEST_INLINE int64_t block_of(int64_t rows, int64_t k, int64_t period) {
  constexpr int64_t kMostBlocks = 32;
  return ceil_div(most(most(1, kGrain / most(k, 1)), ceil_div(rows, kMostBlocks)), period) * period;
}

STEEPEST_KERNELS_END
