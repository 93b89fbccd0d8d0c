// Logistic loss of each row (lecture notes 1.1): sum_j log(1 + e^(-t_j z_j)); backward dz = -t dloss / (1 + e^(t z)).
#include "rows.h"

STEEPEST_KERNELS_BEGIN

// z[rows, k], t[rows, k] -> loss[rows].
void logistic_forward(const logistic_forward_args& a, Team& team) {
  const logistic_forward_args args = a;
  for_rows(team, a.rows, a.k, [args](int64_t row) {
    const float *const z = args.z + row * args.k, *const t = args.t + row * args.k;
    args.loss[row] = sum_of_row(args.k, [=](int64_t j, auto at) {
      return softplus(-at.load(t + j, kInfinity) * at.load(z + j, 1.0f));  // log(1 + e^-infinity) = 0 past the row's end
    });
  });
}

// z[rows, k], t[rows, k], dloss[rows] -> dz[rows, k].
void logistic_backward(const logistic_backward_args& a, Team& team) {
  const logistic_backward_args args = a;
  for_rows(team, a.rows, a.k, [args](int64_t row) {
    const float *const z = args.z + row * args.k, *const t = args.t + row * args.k;
    float* const dz = args.dz + row * args.k;
    const float dloss = args.dloss[row];
    for_lanes(0, args.k, [=](int64_t j, auto at) {
      const vfloat target = at.load(t + j);
      at.store(dz + j, -target * dloss * sigmoid(-target * at.load(z + j)));
    });
  });
}

STEEPEST_KERNELS_END
