// Bias: the same k numbers added to every row, y = x + 1 b' (lecture notes 1.3.3, S = W phi(Z) + b 1'); backward db = dS 1 (3.2).
#include "columns.h"

STEEPEST_KERNELS_BEGIN

// x[rows, k], bias[k] -> y[rows, k].
void bias_forward(const bias_forward_args& a, Team& team) {
  const int64_t k = a.k, period = period_of(k), width = k * period;
  const float *const x = a.x, *bias = a.bias;
  float* const y = a.y;
  float repeated[kNarrow * kLanes];
  if (period > 1) {
    for (int64_t i = 0; i < width; ++i) repeated[i] = a.bias[i % k];
    bias = repeated;
  }
  const int64_t n = a.rows * k;
  team.parallel(ceil_div(a.rows, period), row_grain(width), [=](int64_t begin, int64_t end, int) {
    for (int64_t from = begin * width; from < least(end * width, n); from += width)
      for_lanes(0, least(width, n - from), [=](int64_t j, auto at) { at.store(y + from + j, at.load(x + from + j) + at.load(bias + j)); });
  });
}

namespace {

// Adds `groups` groups of `width` elements to sums[width], eight groups on a way through the sums.
void add_groups(const float* dy, int64_t groups, int64_t width, double* sums) {
  for (int64_t group = 0; group < groups; group += 8) {
    const float* const p = dy + group * width;
    const int64_t count = least(8, groups - group);
    int64_t j = 0;
    for (; j + kHalf <= width; j += kHalf) {
      vdouble sum;
      __builtin_memcpy(&sum, sums + j, sizeof sum);
      for (int64_t g = 0; g < count; ++g) sum += load_double(p + g * width + j);
      __builtin_memcpy(sums + j, &sum, sizeof sum);
    }
    for (; j < width; ++j)
      for (int64_t g = 0; g < count; ++g) sums[j] += static_cast<double>(p[g * width + j]);
  }
}

}  // namespace

// dy[rows, k] -> db[k] = the sum of the rows, in double precision. Blocks of rows are summed apart, then added in their order.
void bias_backward(const bias_backward_args& a, Team& team) {
  const int64_t k = a.k, rows = a.rows, period = period_of(k), width = k * period;
  const int64_t block = block_of(rows, k, period);
  const int64_t blocks = ceil_div(rows, block);
  const float* const dy = a.dy;
  double* const sums = static_cast<double*>(team.scratch(0, 0, static_cast<size_t>(most(blocks, 1) * width) * sizeof(double)));
  team.parallel(blocks, 1, [=](int64_t begin, int64_t end, int) {
    for (int64_t b = begin; b < end; ++b) {
      double* const sum = sums + b * width;
      for (int64_t j = 0; j < width; ++j) sum[j] = 0;
      const int64_t count = least(block, rows - b * block), groups = count / period;
      const float* const from = dy + b * block * k;
      add_groups(from, groups, width, sum);
      for (int64_t i = groups * width; i < count * k; ++i) sum[i - groups * width] += static_cast<double>(from[i]);
    }
  });
  for (int64_t j = 0; j < k; ++j) {
    double total = 0;
    for (int64_t i = j; i < blocks * width; i += k) total += sums[i];
    a.db[j] = static_cast<float>(total);
  }
}

STEEPEST_KERNELS_END
