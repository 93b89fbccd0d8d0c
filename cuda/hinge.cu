// Hinge loss of each row, the L1 loss of the lecture notes (1.1): sum_j max(0, 1 - t_j z_j), or the sum of their squares (squared = 1).
// Backward: -t dloss inside the margin (1 - t z > 0), squared -2 t (1 - t z) dloss; else 0.
#include "rows.cuh"

STEEPEST_KERNELS_BEGIN

// z[rows, k], t[rows, k] -> loss[rows].
void hinge_forward(const hinge_forward_args& a, Stream& stream) {
  const bool squared = a.squared != 0;
  on_rows(stream, a.rows, a.k, [=] __device__(auto row) {
    float sum = 0;
    row.each(row.pair(a.z, a.t), [&](int64_t, float2 v) {
      const float slack = fmaf(-v.y, v.x, 1.0f);
      const float counted = slack <= 0 ? 0.0f : slack;  // NaN stays NaN
      sum = squared ? fmaf(counted, counted, sum) : sum + counted;
    });
    row.set(a.loss, row.sum(sum));
  });
}

// z[rows, k], t[rows, k], dloss[rows] -> dz[rows, k].
void hinge_backward(const hinge_backward_args& a, Stream& stream) {
  const bool squared = a.squared != 0;
  on_rows(stream, a.rows, a.k, [=] __device__(auto row) {
    float* const dz = row.of(a.dz);
    const float dloss = a.dloss[row.index];
    row.each(row.pair(a.z, a.t), [=](int64_t j, float2 v) {
      const float slack = fmaf(-v.y, v.x, 1.0f);
      dz[j] = slack > 0 ? -v.y * (squared ? 2.0f * slack : 1.0f) * dloss : 0.0f;
    });
  });
}

STEEPEST_KERNELS_END
