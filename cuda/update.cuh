// What all optimizer steps share: the whole gradient G = factor g + regularizer theta, the decoupled weight decay, and the pass over all arrays.
#pragma once
#include "elementwise.cuh"

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
  const auto all = [=] __device__(const float* in, float* out) {
    for (int s = 0; s < kStates; s++) out[1 + s] = in[2 + s];
    out[0] = common.take(in[1], step(common.gradient(in[0], in[1]), out + 1));
  };
  map_arrays<2 + kStates, 1 + kStates>(stream, a.n, all, {a.theta, states...}, {a.g, a.theta, states...});
}

STEEPEST_KERNELS_END
