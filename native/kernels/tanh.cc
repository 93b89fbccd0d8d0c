// tanh(x) (lecture notes 1.2); tanh' = 1 - tanh^2.
#include "elementwise.h"
#include "math.h"

STEEPEST_KERNELS_BEGIN

// x[n] -> y[n].
void tanh_forward(const tanh_forward_args& a, Team& team) {
  const float* const x = a.x;
  float* const y = a.y;
  elementwise(team, a.n, [=](int64_t i, auto at) { at.store(y + i, tanh(at.load(x + i))); });
}

// dy[n], y[n] -> dx[n] = dy (1 - y^2), as (1 - y) (1 + y) that stays exact near 1.
void tanh_backward(const tanh_backward_args& a, Team& team) {
  const float *const dy = a.dy, *const y = a.y;
  float* const dx = a.dx;
  elementwise(team, a.n, [=](int64_t i, auto at) {
    const vfloat v = at.load(y + i);
    at.store(dx + i, at.load(dy + i) * ((1.0f - v) * (1.0f + v)));
  });
}

STEEPEST_KERNELS_END
