// What all optimizer steps share: the whole gradient G = factor g + regularizer theta, the decoupled weight decay, and the pass over all arrays.
#pragma once
#include "fours.cuh"

STEEPEST_KERNELS_BEGIN

struct Update {
  float rate, regularizer, decay;  // learningRate, 1/C, learningRate * weightDecay
  const float* factor;             // of g, in device memory; null: 1

  template <class Args>
  explicit Update(const Args& a)
      : rate(static_cast<float>(a.learningRate)),
        regularizer(static_cast<float>(a.regularizer)),
        decay(static_cast<float>(a.learningRate * a.weightDecay)),
        factor(a.factor) {}

  __device__ float gradient(float g, float theta) const { return fmaf(regularizer, theta, (factor ? factor[0] : 1.0f) * g); }

  // theta less the step and less the decay of theta.
  __device__ float take(float theta, float step) const { return theta - fmaf(decay, theta, step); }
};

// theta[n] and the states[n] changed in place: step(G, states) changes the states of one parameter and gives what is taken off it.
template <class Args, class F, class... States>
void update(Stream& stream, const Args& a, F step, States... states) {
  constexpr int kStates = sizeof...(States);
  const Update common(a);
  const float* const in[2 + kStates] = {a.g, a.theta, states...};
  float* const out[1 + kStates] = {a.theta, states...};
  fours(stream, a.n, in, out, [=] __device__(const float* v, float* y) {
#pragma unroll
    for (int s = 0; s < kStates; s++) y[1 + s] = v[2 + s];
    y[0] = common.take(v[1], step(common.gradient(v[0], v[1]), y + 1));
  });
}

STEEPEST_KERNELS_END
