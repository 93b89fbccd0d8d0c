// Hinge loss of each row, the L1 loss of the lecture notes (1.1): sum_j max(0, 1 - t_j z_j), or the sum of their squares (squared = 1).
// Backward: -t dloss inside the margin (1 - t z > 0), squared -2 t (1 - t z) dloss; else 0.
#include "rows.h"

STEEPEST_KERNELS_BEGIN

// z[rows, k], t[rows, k] -> loss[rows].
void hinge_forward(const hinge_forward_args& a, Team& team) {
  const hinge_forward_args args = a;
  for_rows(team, a.rows, a.k, [args](int64_t row) {
    const float *const z = args.z + row * args.k, *const t = args.t + row * args.k;
    const bool squared = args.squared != 0;
    args.loss[row] = sum_of_row(args.k, [=](int64_t j, auto at) {
      const vfloat slack = relu(fma(-at.load(t + j, 1.0f), at.load(z + j, 1.0f), broadcast(1.0f)));  // 0 past the row's end
      return squared ? slack * slack : slack;
    });
  });
}

// z[rows, k], t[rows, k], dloss[rows] -> dz[rows, k].
void hinge_backward(const hinge_backward_args& a, Team& team) {
  const hinge_backward_args args = a;
  for_rows(team, a.rows, a.k, [args](int64_t row) {
    const float *const z = args.z + row * args.k, *const t = args.t + row * args.k;
    float* const dz = args.dz + row * args.k;
    const float dloss = args.dloss[row];
    const bool squared = args.squared != 0;
    for_lanes(0, args.k, [=](int64_t j, auto at) {
      const vfloat target = at.load(t + j);
      const vfloat slack = fma(-target, at.load(z + j), broadcast(1.0f));
      const vfloat slope = -target * (squared ? slack * 2.0f : broadcast(1.0f)) * dloss;
      at.store(dz + j, choose(slack > 0.0f, slope, vfloat{}));
    });
  });
}

STEEPEST_KERNELS_END
