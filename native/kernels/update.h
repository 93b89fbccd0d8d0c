// What all optimizer steps share: the whole gradient G = factor g + regularizer theta, and the decoupled weight decay.
#pragma once
#include "elementwise.h"

STEEPEST_KERNELS_BEGIN

struct Update {
  vfloat rate, factor, regularizer, decay;  // learningRate, of g, 1/C, learningRate * weightDecay

  template <class Args>
  STEEPEST_INLINE explicit Update(const Args& a)
      : rate(broadcast(static_cast<float>(a.learningRate))),
        factor(broadcast(a.factor ? a.factor[0] : 1.0f)),
        regularizer(broadcast(static_cast<float>(a.regularizer))),
        decay(broadcast(static_cast<float>(a.learningRate * a.weightDecay))) {}

  STEEPEST_INLINE vfloat gradient(vfloat g, vfloat theta) const { return fma(regularizer, theta, factor * g); }

  // theta less the step and less the decay of theta.
  STEEPEST_INLINE vfloat take(vfloat theta, vfloat step) const { return theta - fma(decay, theta, step); }
};

STEEPEST_INLINE vfloat constant(double a) { return broadcast(static_cast<float>(a)); }

STEEPEST_KERNELS_END
