// Squared error of each row: loss = sum_j (z_j - t_j)^2 (lecture notes 1.2); backward dz = 2 (z - t) dloss.
#include "rows.cuh"

STEEPEST_KERNELS_BEGIN

// z[rows, k], t[rows, k] -> loss[rows].
void squared_error_forward(const squared_error_forward_args& a, Stream& stream) {
  on_rows(stream, a.rows, a.k, [=] __device__(auto row) {
    float sum = 0;
    row.each(row.pair(a.z, a.t), [&](int64_t, float2 v) { sum = fmaf(v.x - v.y, v.x - v.y, sum); });
    row.set(a.loss, row.sum(sum));
  });
}

// z[rows, k], t[rows, k], dloss[rows] -> dz[rows, k].
void squared_error_backward(const squared_error_backward_args& a, Stream& stream) {
  on_rows(stream, a.rows, a.k, [=] __device__(auto row) {
    float* const dz = row.of(a.dz);
    const float twice = 2.0f * a.dloss[row.index];
    row.each(row.pair(a.z, a.t), [=](int64_t j, float2 v) { dz[j] = (v.x - v.y) * twice; });
  });
}

STEEPEST_KERNELS_END
