// y = x.
#include "elementwise.cuh"

STEEPEST_KERNELS_BEGIN

// x[n] -> y[n].
void copy_forward(const copy_forward_args& a, Stream& stream) {
  map(stream, a.n, [] __device__(float x) { return x; }, a.y, a.x);
}

STEEPEST_KERNELS_END
