// sigma(x) = 1 / (1 + e^-x) (lecture notes 1.2); sigma' = sigma (1 - sigma).
#include "elementwise.cuh"

STEEPEST_KERNELS_BEGIN

// x[n] -> y[n].
void sigmoid_forward(const sigmoid_forward_args& a, Stream& stream) {
  map(stream, a.n, [] __device__(float x) { return 1.0f / (1.0f + expf(-x)); }, a.y, a.x);
}

// dy[n], y[n] -> dx[n] = dy y (1 - y).
void sigmoid_backward(const sigmoid_backward_args& a, Stream& stream) {
  map(stream, a.n, [] __device__(float dy, float y) { return dy * y * (1.0f - y); }, a.dx, a.dy, a.y);
}

STEEPEST_KERNELS_END
