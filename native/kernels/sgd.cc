// Stochastic gradient step (lecture notes 2.2.1): with G = factor g + regularizer theta (regularizer = 1/C),
// theta <- theta - learningRate G - learningRate weightDecay theta.
#include "update.h"

STEEPEST_KERNELS_BEGIN

// theta[n] changed in place, g[n].
void sgd_step(const sgd_step_args& a, Team& team) {
  const Update update(a);
  float* const theta = a.theta;
  const float* const g = a.g;
  elementwise(team, a.n, [=](int64_t i, auto at) {
    const vfloat old = at.load(theta + i);
    at.store(theta + i, update.take(old, update.rate * update.gradient(at.load(g + i), old)));
  });
}

STEEPEST_KERNELS_END
