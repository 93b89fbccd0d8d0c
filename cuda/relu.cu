// The rectifier; relu'(0) = 0.
#include "elementwise.cuh"

STEEPEST_KERNELS_BEGIN

// x[n] -> y[n] = max(x, 0); NaN stays NaN.
void relu_forward(const relu_forward_args& a, Stream& stream) {
  map(stream, a.n, [] __device__(float x) { return x <= 0 ? 0.0f : x; }, a.y, a.x);
}

// dy[n], y[n] -> dx[n] = dy where y > 0, else 0.
void relu_backward(const relu_backward_args& a, Stream& stream) {
  map(stream, a.n, [] __device__(float dy, float y) { return y > 0 ? dy : 0.0f; }, a.dx, a.dy, a.y);
}

STEEPEST_KERNELS_END
