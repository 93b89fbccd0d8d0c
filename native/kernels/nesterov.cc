// Nesterov momentum (lecture notes 2.2.2; Sutskever et al. 2013), the look-ahead folded into theta: with G = factor g + regularizer theta,
// v <- momentum v - learningRate G; theta <- theta + momentum v - learningRate G, less learningRate weightDecay theta.
#include "update.h"

STEEPEST_KERNELS_BEGIN

// theta[n] and v[n] changed in place, g[n].
void nesterov_step(const nesterov_step_args& a, Team& team) {
  const Update update(a);
  const vfloat momentum = constant(a.momentum);
  float *const theta = a.theta, *const v = a.v;
  const float* const g = a.g;
  elementwise(team, a.n, [=](int64_t i, auto at) {
    const vfloat old = at.load(theta + i);
    const vfloat push = update.rate * update.gradient(at.load(g + i), old);
    const vfloat speed = fma(momentum, at.load(v + i), -push);
    at.store(v + i, speed);
    at.store(theta + i, update.take(old, fma(-momentum, speed, push)));
  });
}

STEEPEST_KERNELS_END
