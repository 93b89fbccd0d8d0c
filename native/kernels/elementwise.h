// Loops over elements or rows, shared out among the threads of a team. Small arrays are one block, which wakes nobody.
#pragma once
#include "lanes.h"

STEEPEST_KERNELS_BEGIN

// Elements a thread takes at a time: three arrays of this length fit the level-2 cache, and one takes longer than waking a thread.
constexpr int64_t kGrain = 16384;

// Rows of k elements that make up about kGrain elements.
STEEPEST_INLINE int64_t row_grain(int64_t k) { return k < 1 ? kGrain : (kGrain + k - 1) / k; }

// f(i, at) for all vectors of n elements (see for_lanes). f must do the same to an element wherever a vector begins.
template <class F>
STEEPEST_INLINE void elementwise(Team& team, int64_t n, F f) {
  team.parallel(n, kGrain, [f](int64_t begin, int64_t end, int) { for_lanes(begin, end, f); });
}

// f(row) for each of the rows, of k elements each.
template <class F>
STEEPEST_INLINE void for_rows(Team& team, int64_t rows, int64_t k, F f) {
  team.parallel(rows, row_grain(k), [f](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; ++row) f(row);
  });
}

// All k elements of y become value.
STEEPEST_INLINE void fill(float* y, int64_t k, float value) {
  for_lanes(0, k, [=](int64_t i, auto at) { at.store(y + i, broadcast(value)); });
}

STEEPEST_KERNELS_END
