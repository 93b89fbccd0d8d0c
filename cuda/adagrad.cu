// AdaGrad (lecture notes 2.2.3; Duchi, Hazan and Singer 2011): with G = factor g + regularizer theta, r <- r + G^2;
// theta <- theta - learningRate G / (sqrt(r) + delta), less learningRate weightDecay theta.
#include "update.cuh"

STEEPEST_KERNELS_BEGIN

// theta[n] and r[n] changed in place, g[n].
void adagrad_step(const adagrad_step_args& a, Stream& stream) {
  const float rate = static_cast<float>(a.learningRate), delta = static_cast<float>(a.delta);
  const auto step = [=] __device__(float gradient, float* r) {
    r[0] = fmaf(gradient, gradient, r[0]);
    return rate * gradient / (sqrtf(r[0]) + delta);
  };
  update(stream, a, step, a.r);
}

STEEPEST_KERNELS_END
