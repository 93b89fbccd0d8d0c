// Stochastic gradient with momentum (lecture notes 2.2.2): with G = factor g + regularizer theta,
// v <- momentum v - learningRate G; theta <- theta + v, less learningRate weightDecay theta.
#include "update.cuh"

STEEPEST_KERNELS_BEGIN

// theta[n] and v[n] changed in place, g[n].
void momentum_step(const momentum_step_args& a, Stream& stream) {
  const float rate = static_cast<float>(a.learningRate), momentum = static_cast<float>(a.momentum);
  const auto step = [=] __device__(float gradient, float* v) {
    v[0] = fmaf(momentum, v[0], -(rate * gradient));
    return -v[0];
  };
  update(stream, a, step, a.v);
}

STEEPEST_KERNELS_END
