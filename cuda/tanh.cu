// tanh(x) (lecture notes 1.2); tanh' = 1 - tanh^2.
#include "elementwise.cuh"

STEEPEST_KERNELS_BEGIN

// x[n] -> y[n].
void tanh_forward(const tanh_forward_args& a, Stream& stream) {
  map(stream, a.n, [] __device__(float x) { return tanhf(x); }, a.y, a.x);
}

// dy[n], y[n] -> dx[n] = dy (1 - y^2), as (1 - y) (1 + y) that stays exact near 1.
void tanh_backward(const tanh_backward_args& a, Stream& stream) {
  map(stream, a.n, [] __device__(float dy, float y) { return dy * ((1.0f - y) * (1.0f + y)); }, a.dx, a.dy, a.y);
}

STEEPEST_KERNELS_END
