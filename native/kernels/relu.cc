// relu(x) = max(0, x), NaN for NaN (lecture notes 1.3.3); relu'(0) = 0 (3.2.1).
#include "elementwise.h"

STEEPEST_KERNELS_BEGIN

// x[n] -> y[n].
void relu_forward(const relu_forward_args& a, Team& team) {
  const float* const x = a.x;
  float* const y = a.y;
  elementwise(team, a.n, [=](int64_t i, auto at) { at.store(y + i, relu(at.load(x + i))); });
}

// dy[n], y[n] -> dx[n] = dy where y > 0, else 0.
void relu_backward(const relu_backward_args& a, Team& team) {
  const float *const dy = a.dy, *const y = a.y;
  float* const dx = a.dx;
  elementwise(team, a.n, [=](int64_t i, auto at) { at.store(dx + i, choose(at.load(y + i) > 0.0f, at.load(dy + i), vfloat{})); });
}

STEEPEST_KERNELS_END
