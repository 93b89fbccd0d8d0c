// Logistic loss of each row (lecture notes 1.1): sum_j log(1 + e^(-t_j z_j)); backward dz = -t dloss / (1 + e^(t z)).
#include "rows.cuh"

STEEPEST_KERNELS_BEGIN

// z[rows, k], t[rows, k] -> loss[rows].
void logistic_forward(const logistic_forward_args& a, Stream& stream) {
  on_rows(stream, a.rows, a.k, [=] __device__(auto row) {
    float sum = 0;
    row.each(row.pair(a.z, a.t), [&](int64_t, float2 v) {
      const float margin = v.y * v.x;
      sum += fmaxf(-margin, 0.0f) + log1pf(expf(-fabsf(margin)));
    });
    row.set(a.loss, row.sum(sum));
  });
}

// z[rows, k], t[rows, k], dloss[rows] -> dz[rows, k].
void logistic_backward(const logistic_backward_args& a, Stream& stream) {
  on_rows(stream, a.rows, a.k, [=] __device__(auto row) {
    float* const dz = row.of(a.dz);
    const float dloss = a.dloss[row.index];
    row.each(row.pair(a.z, a.t), [=](int64_t j, float2 v) { dz[j] = -v.y * dloss / (1.0f + expf(v.y * v.x)); });
  });
}

STEEPEST_KERNELS_END
