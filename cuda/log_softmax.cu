// Logarithm of the softmax of each row: y_j = x_j - max - log sum_i e^(x_i - max).
#include "rows.cuh"

STEEPEST_KERNELS_BEGIN

// x[rows, k] -> y[rows, k].
void log_softmax_forward(const log_softmax_forward_args& a, Stream& stream) {
  on_rows(stream, a.rows, a.k, [=] __device__(auto row) {
    float* const y = row.of(a.y);
    const SoftmaxSum total = softmax_sum(row, a.x);
    const float log_sum = logf(total.sum);
    row.each(row.one(a.x), [=](int64_t j, float x) { y[j] = x - total.max - log_sum; });
  });
}

// dy[rows, k], y[rows, k] -> dx[rows, k] = dy - e^y sum dy.
void log_softmax_backward(const log_softmax_backward_args& a, Stream& stream) {
  on_rows(stream, a.rows, a.k, [=] __device__(auto row) {
    float* const dx = row.of(a.dx);
    float sum = 0;
    row.each(row.one(a.dy), [&](int64_t, float dy) { sum += dy; });
    sum = row.sum(sum);
    row.each(row.pair(a.dy, a.y), [=](int64_t j, float2 v) { dx[j] = fmaf(expf(v.y), -sum, v.x); });
  });
}

STEEPEST_KERNELS_END
