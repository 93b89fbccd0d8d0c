// y = factor x, element by element.
#include "elementwise.h"

STEEPEST_KERNELS_BEGIN

// x[n] -> y[n].
void scale_forward(const scale_forward_args& a, Team& team) {
  const float* const x = a.x;
  float* const y = a.y;
  const float factor = static_cast<float>(a.factor);
  elementwise(team, a.n, [=](int64_t i, auto at) { at.store(y + i, at.load(x + i) * factor); });
}

STEEPEST_KERNELS_END
