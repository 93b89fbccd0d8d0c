// y = sum x^2, the regulariser theta'theta (lecture notes 1.1); backward dx = 2 x dy.
#include "reduce.h"

STEEPEST_KERNELS_BEGIN

// x[n] -> y[1].
void squared_norm_forward(const squared_norm_forward_args& a, Team& team) {
  a.y[0] = static_cast<float>(sum_of(team, a.x, a.n, [](vdouble v) { return v * v; }));
}

// dy[1], x[n] -> dx[n].
void squared_norm_backward(const squared_norm_backward_args& a, Team& team) {
  const float* const x = a.x;
  const float twice = 2.0f * a.dy[0];
  float* const dx = a.dx;
  elementwise(team, a.n, [=](int64_t i, auto at) { at.store(dx + i, at.load(x + i) * twice); });
}

STEEPEST_KERNELS_END
