// y = factor x, element by element.
#include "elementwise.cuh"

STEEPEST_KERNELS_BEGIN

// x[n] -> y[n].
void scale_forward(const scale_forward_args& a, Stream& stream) {
  const float factor = static_cast<float>(a.factor);
  map(stream, a.n, [=] __device__(float x) { return x * factor; }, a.y, a.x);
}

STEEPEST_KERNELS_END
