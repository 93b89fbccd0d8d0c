// Nesterov momentum (lecture notes 2.2.2; Sutskever et al. 2013), the look-ahead folded into theta: with G = factor g + regularizer theta,
// v <- momentum v - learningRate G; theta <- theta + momentum v - learningRate G, less learningRate weightDecay theta.
#include "update.cuh"

STEEPEST_KERNELS_BEGIN

// theta[n] and v[n] changed in place, g[n].
void nesterov_step(const nesterov_step_args& a, Stream& stream) {
  const float rate = static_cast<float>(a.learningRate), momentum = static_cast<float>(a.momentum);
  const auto step = [=] __device__(float gradient, float* v) {
    const float push = rate * gradient;
    v[0] = fmaf(momentum, v[0], -push);
    return fmaf(-momentum, v[0], push);
  };
  update(stream, a, step, a.v);
}

STEEPEST_KERNELS_END
