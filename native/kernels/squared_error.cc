// Squared error of each row: loss = sum_j (z_j - t_j)^2 (lecture notes 1.2); backward dz = 2 (z - t) dloss.
#include "rows.h"

STEEPEST_KERNELS_BEGIN

// z[rows, k], t[rows, k] -> loss[rows].
void squared_error_forward(const squared_error_forward_args& a, Team& team) {
  const squared_error_forward_args args = a;
  for_rows(team, a.rows, a.k, [args](int64_t row) {
    const float *const z = args.z + row * args.k, *const t = args.t + row * args.k;
    args.loss[row] = sum_of_row(args.k, [=](int64_t j, auto at) {
      const vfloat d = at.load(z + j) - at.load(t + j);
      return d * d;
    });
  });
}

// z[rows, k], t[rows, k], dloss[rows] -> dz[rows, k].
void squared_error_backward(const squared_error_backward_args& a, Team& team) {
  const squared_error_backward_args args = a;
  for_rows(team, a.rows, a.k, [args](int64_t row) {
    const float *const z = args.z + row * args.k, *const t = args.t + row * args.k;
    float* const dz = args.dz + row * args.k;
    const float twice = 2.0f * args.dloss[row];
    for_lanes(0, args.k, [=](int64_t j, auto at) { at.store(dz + j, (at.load(z + j) - at.load(t + j)) * twice); });
  });
}

STEEPEST_KERNELS_END
