// Adam (lecture notes 2.2.5, definition 2.2.4; Kingma and Ba 2015), and with weightDecay AdamW (2.2.6; Loshchilov and Hutter 2019).
// With G = factor g + regularizer theta: s <- beta1 s + (1 - beta1) G; r <- beta2 r + (1 - beta2) G^2;
// theta <- theta - learningRate (s / (1 - beta1^t)) / (sqrt(r / (1 - beta2^t)) + delta), less learningRate weightDecay theta.
#include "update.cuh"

STEEPEST_KERNELS_BEGIN

// theta[n], s[n] and r[n] changed in place, g[n]. t counts the updates from 1.
void adam_step(const adam_step_args& a, Stream& stream) {
  const double t = static_cast<double>(a.t);
  const float rate = static_cast<float>(a.learningRate / (1.0 - std::pow(a.beta1, t)));  // the bias corrections, taken out of the loop
  const float correction = static_cast<float>(1.0 / (1.0 - std::pow(a.beta2, t)));
  const float beta1 = static_cast<float>(a.beta1), rest1 = static_cast<float>(1.0 - a.beta1);
  const float beta2 = static_cast<float>(a.beta2), rest2 = static_cast<float>(1.0 - a.beta2), delta = static_cast<float>(a.delta);
  const auto step = [=] __device__(float gradient, float* state) {
    const float mean = fmaf(beta1, state[0], rest1 * gradient);
    const float squares = fmaf(beta2, state[1], rest2 * gradient * gradient);
    state[0] = mean;
    state[1] = squares;
    return rate * mean / (sqrtf(squares * correction) + delta);
  };
  update(stream, a, step, a.s, a.r);
}

STEEPEST_KERNELS_END
