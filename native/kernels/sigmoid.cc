// sigma(x) = 1 / (1 + e^-x) (lecture notes 1.2); sigma' = sigma (1 - sigma).
#include "elementwise.h"
#include "math.h"

STEEPEST_KERNELS_BEGIN

// x[n] -> y[n].
void sigmoid_forward(const sigmoid_forward_args& a, Team& team) {
  const float* const x = a.x;
  float* const y = a.y;
  elementwise(team, a.n, [=](int64_t i, auto at) { at.store(y + i, sigmoid(at.load(x + i))); });
}

// dy[n], y[n] -> dx[n] = dy y (1 - y).
void sigmoid_backward(const sigmoid_backward_args& a, Team& team) {
  const float *const dy = a.dy, *const y = a.y;
  float* const dx = a.dx;
  elementwise(team, a.n, [=](int64_t i, auto at) {
    const vfloat v = at.load(y + i);
    at.store(dx + i, at.load(dy + i) * v * (1.0f - v));
  });
}

STEEPEST_KERNELS_END
