// Softmax of each row: y_j = e^(x_j - max) / sum_i e^(x_i - max) (Goodfellow, Bengio and Courville, "Deep Learning", 2016, section 4.1).
#include "rows.cuh"

STEEPEST_KERNELS_BEGIN

// x[rows, k] -> y[rows, k].
void softmax_forward(const softmax_forward_args& a, Stream& stream) {
  on_rows(stream, a.rows, a.k, [=] __device__(auto row) {
    float* const y = row.of(a.y);
    const SoftmaxSum total = softmax_sum(row, a.x);
    const float factor = 1.0f / total.sum;
    row.each(row.one(a.x), [=](int64_t j, float x) { y[j] = expf(x - total.max) * factor; });
  });
}

// dy[rows, k], y[rows, k] -> dx[rows, k] = y (dy - sum dy y).
void softmax_backward(const softmax_backward_args& a, Stream& stream) {
  on_rows(stream, a.rows, a.k, [=] __device__(auto row) {
    float* const dx = row.of(a.dx);
    const auto both = row.pair(a.dy, a.y);
    float sum = 0;
    row.each(both, [&](int64_t, float2 v) { sum = fmaf(v.x, v.y, sum); });
    sum = row.sum(sum);
    row.each(both, [=](int64_t j, float2 v) { dx[j] = v.y * (v.x - sum); });
  });
}

STEEPEST_KERNELS_END
