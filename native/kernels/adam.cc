// Adam (lecture notes 2.2.5, definition 2.2.4; Kingma and Ba 2015), and with weightDecay AdamW (2.2.6; Loshchilov and Hutter 2019).
// With G = factor g + regularizer theta: s <- beta1 s + (1 - beta1) G; r <- beta2 r + (1 - beta2) G^2;
// theta <- theta - learningRate (s / (1 - beta1^t)) / (sqrt(r / (1 - beta2^t)) + delta), less learningRate weightDecay theta.
#include "update.h"

STEEPEST_KERNELS_BEGIN

// theta[n], s[n] and r[n] changed in place, g[n]. t counts the updates from 1.
void adam_step(const adam_step_args& a, Team& team) {
  const Update update(a);
  const double t = static_cast<double>(a.t);
  const vfloat rate = constant(a.learningRate / (1.0 - __builtin_pow(a.beta1, t)));  // the bias corrections, taken out of the loop
  const vfloat correction = constant(1.0 / (1.0 - __builtin_pow(a.beta2, t)));
  const vfloat beta1 = constant(a.beta1), rest1 = constant(1.0 - a.beta1);
  const vfloat beta2 = constant(a.beta2), rest2 = constant(1.0 - a.beta2), delta = constant(a.delta);
  float *const theta = a.theta, *const s = a.s, *const r = a.r;
  const float* const g = a.g;
  elementwise(team, a.n, [=](int64_t i, auto at) {
    const vfloat old = at.load(theta + i);
    const vfloat gradient = update.gradient(at.load(g + i), old);
    const vfloat mean = fma(beta1, at.load(s + i), rest1 * gradient);
    const vfloat squares = fma(beta2, at.load(r + i), rest2 * gradient * gradient);
    at.store(s + i, mean);
    at.store(r + i, squares);
    at.store(theta + i, update.take(old, rate * mean / (square_root(squares * correction) + delta)));
  });
}

STEEPEST_KERNELS_END
