// y = sum |x|, the L1 regulariser (lecture notes 1.1); backward dx = sign(x) dy, sign(0) = 0.
#include "reduce.h"

STEEPEST_KERNELS_BEGIN

// x[n] -> y[1].
void l1_norm_forward(const l1_norm_forward_args& a, Team& team) {
  a.y[0] = static_cast<float>(sum_of(team, a.x, a.n, [](vdouble v) { return v < 0.0 ? -v : v; }));
}

// dy[1], x[n] -> dx[n].
void l1_norm_backward(const l1_norm_backward_args& a, Team& team) {
  const float* const x = a.x;
  const float dy = a.dy[0];
  float* const dx = a.dx;
  elementwise(team, a.n, [=](int64_t i, auto at) {
    const vfloat v = at.load(x + i);
    const vfloat sign = choose(v > 0.0f, broadcast(1.0f), choose(v < 0.0f, broadcast(-1.0f), v));
    at.store(dx + i, sign * dy);
  });
}

STEEPEST_KERNELS_END
