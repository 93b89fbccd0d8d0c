// y = the sum of x over n, NaN for n = 0; backward dx = dy / count, count being the n of the forward pass.
#include "reduce.h"

STEEPEST_KERNELS_BEGIN

// x[n] -> y[1].
void mean_forward(const mean_forward_args& a, Team& team) {
  const double sum = sum_of(team, a.x, a.n, [](vdouble v) { return v; });
  a.y[0] = static_cast<float>(sum / static_cast<double>(a.n));
}

// dy[1] -> dx[n].
void mean_backward(const mean_backward_args& a, Team& team) {
  const vfloat share = broadcast(static_cast<float>(static_cast<double>(a.dy[0]) / static_cast<double>(a.count)));
  float* const dx = a.dx;
  elementwise(team, a.n, [=](int64_t i, auto at) { at.store(dx + i, share); });
}

STEEPEST_KERNELS_END
