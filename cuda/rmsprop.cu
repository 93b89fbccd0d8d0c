// RMSProp (lecture notes 2.2.4; Tieleman and Hinton 2012): with G = factor g + regularizer theta, r <- decay r + (1 - decay) G^2;
// theta <- theta - learningRate G / (sqrt(r) + delta), less learningRate weightDecay theta.
#include "update.cuh"

STEEPEST_KERNELS_BEGIN

// theta[n] and r[n] changed in place, g[n].
void rmsprop_step(const rmsprop_step_args& a, Stream& stream) {
  const float rate = static_cast<float>(a.learningRate), delta = static_cast<float>(a.delta);
  const float decay = static_cast<float>(a.decay), rest = static_cast<float>(1.0 - a.decay);
  const auto step = [=] __device__(float gradient, float* r) {
    r[0] = fmaf(decay, r[0], rest * gradient * gradient);
    return rate * gradient / (sqrtf(r[0]) + delta);
  };
  update(stream, a, step, a.r);
}

STEEPEST_KERNELS_END
