// AdaGrad (lecture notes 2.2.3; Duchi, Hazan and Singer 2011): with G = factor g + regularizer theta, r <- r + G^2;
// theta <- theta - learningRate G / (sqrt(r) + delta), less learningRate weightDecay theta.
#include "update.h"

STEEPEST_KERNELS_BEGIN

// theta[n] and r[n] changed in place, g[n].
void adagrad_step(const adagrad_step_args& a, Team& team) {
  const Update update(a);
  const vfloat delta = constant(a.delta);
  float *const theta = a.theta, *const r = a.r;
  const float* const g = a.g;
  elementwise(team, a.n, [=](int64_t i, auto at) {
    const vfloat old = at.load(theta + i);
    const vfloat gradient = update.gradient(at.load(g + i), old);
    const vfloat squares = fma(gradient, gradient, at.load(r + i));
    at.store(r + i, squares);
    at.store(theta + i, update.take(old, update.rate * gradient / (square_root(squares) + delta)));
  });
}

STEEPEST_KERNELS_END
