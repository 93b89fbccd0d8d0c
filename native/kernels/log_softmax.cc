// Logarithm of the softmax of each row: y_j = x_j - max - log sum_i e^(x_i - max).
#include "rows.h"

STEEPEST_KERNELS_BEGIN

// x[rows, k] -> y[rows, k].
void log_softmax_forward(const log_softmax_forward_args& a, Team& team) {
  const log_softmax_forward_args args = a;
  for_rows(team, a.rows, a.k, [args](int64_t row) {
    const int64_t k = args.k;
    const float* const x = args.x + row * k;
    float* const y = args.y + row * k;
    const float max = largest_of_row(x, k);
    const float log_sum = __builtin_logf(sum_of_exp(x, k, max));
    for_lanes(0, k, [=](int64_t j, auto at) { at.store(y + j, at.load(x + j) - max - log_sum); });
  });
}

// dy[rows, k], y[rows, k] -> dx[rows, k] = dy - e^y sum dy.
void log_softmax_backward(const log_softmax_backward_args& a, Team& team) {
  const log_softmax_backward_args args = a;
  for_rows(team, a.rows, a.k, [args](int64_t row) {
    const int64_t k = args.k;
    const float *const dy = args.dy + row * k, *const y = args.y + row * k;
    float* const dx = args.dx + row * k;
    const vfloat minus_sum = broadcast(-sum_of_row(k, [=](int64_t j, auto at) { return at.load(dy + j); }));
    for_lanes(0, k, [=](int64_t j, auto at) { at.store(dx + j, fma(exp(at.load(y + j)), minus_sum, at.load(dy + j))); });
  });
}

STEEPEST_KERNELS_END
