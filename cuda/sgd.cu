// Stochastic gradient step (lecture notes 2.2.1): with G = factor g + regularizer theta (regularizer = 1/C),
// theta <- theta - learningRate G - learningRate weightDecay theta.
#include "update.cuh"

STEEPEST_KERNELS_BEGIN

// theta[n] changed in place, g[n].
void sgd_step(const sgd_step_args& a, Stream& stream) {
  const float rate = static_cast<float>(a.learningRate);
  update(stream, a, [=] __device__(float gradient, float*) { return rate * gradient; });
}

STEEPEST_KERNELS_END
