// Stochastic gradient with momentum (lecture notes 2.2.2): with G = factor g + regularizer theta,
// v <- momentum v - learningRate G; theta <- theta + v, less learningRate weightDecay theta.
#include "update.h"

STEEPEST_KERNELS_BEGIN

// theta[n] and v[n] changed in place, g[n].
void momentum_step(const momentum_step_args& a, Team& team) {
  const Update update(a);
  const vfloat momentum = constant(a.momentum);
  float *const theta = a.theta, *const v = a.v;
  const float* const g = a.g;
  elementwise(team, a.n, [=](int64_t i, auto at) {
    const vfloat old = at.load(theta + i);
    const vfloat step = fma(update.rate, update.gradient(at.load(g + i), old), -(momentum * at.load(v + i)));  // -v
    at.store(v + i, -step);
    at.store(theta + i, update.take(old, step));
  });
}

STEEPEST_KERNELS_END
