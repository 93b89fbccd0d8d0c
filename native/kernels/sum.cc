// y = the sum of x, added in double precision; backward gives dy to every element.
#include "reduce.h"

STEEPEST_KERNELS_BEGIN

// x[n] -> y[1].
void sum_forward(const sum_forward_args& a, Team& team) {
  a.y[0] = static_cast<float>(sum_of(team, a.x, a.n, [](vdouble v) { return v; }));
}

// dy[1] -> dx[n].
void sum_backward(const sum_backward_args& a, Team& team) {
  const vfloat dy = broadcast(a.dy[0]);
  float* const dx = a.dx;
  elementwise(team, a.n, [=](int64_t i, auto at) { at.store(dx + i, dy); });
}

STEEPEST_KERNELS_END
