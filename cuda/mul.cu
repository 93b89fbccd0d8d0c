// y = a * b, element by element.
#include "elementwise.cuh"

STEEPEST_KERNELS_BEGIN

// a[n], b[n] -> y[n].
void mul_forward(const mul_forward_args& a, Stream& stream) {
  map(stream, a.n, [] __device__(float x, float y) { return x * y; }, a.y, a.a, a.b);
}

STEEPEST_KERNELS_END
