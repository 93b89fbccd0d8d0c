// RMSProp (lecture notes 2.2.4; Tieleman and Hinton 2012): with G = factor g + regularizer theta, r <- decay r + (1 - decay) G^2;
// theta <- theta - learningRate G / (sqrt(r) + delta), less learningRate weightDecay theta.
#include "update.h"

STEEPEST_KERNELS_BEGIN

// theta[n] and r[n] changed in place, g[n].
void rmsprop_step(const rmsprop_step_args& a, Team& team) {
  const Update update(a);
  const vfloat delta = constant(a.delta), decay = constant(a.decay), rest = constant(1.0 - a.decay);
  float *const theta = a.theta, *const r = a.r;
  const float* const g = a.g;
  elementwise(team, a.n, [=](int64_t i, auto at) {
    const vfloat old = at.load(theta + i);
    const vfloat gradient = update.gradient(at.load(g + i), old);
    const vfloat squares = fma(decay, at.load(r + i), rest * gradient * gradient);
    at.store(r + i, squares);
    at.store(theta + i, update.take(old, update.rate * gradient / (square_root(squares) + delta)));
  });
}

STEEPEST_KERNELS_END
