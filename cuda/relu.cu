// The rectifier; relu'(0) = 0.
#include "elementwise.cuh"

STEEPEST_KERNELS_BEGIN

// x[n] -> y[n] = max(x, 0); NaN stays NaN.
void relu_forward(const relu_forward_args& a, Stream& stream) {
  const float* x = a.x;
  float* y = a.y;
  elementwise(stream, a.n, [=] __device__(int64_t i) { y[i] = x[i] <= 0 ? 0.0f : x[i]; });
}

// dy[n], y[n] -> dx[n] = dy where y > 0, else 0.
void relu_backward(const relu_backward_args& a, Stream& stream) {
  const float *dy = a.dy, *y = a.y;
  float* dx = a.dx;
  elementwise(stream, a.n, [=] __device__(int64_t i) { dx[i] = y[i] > 0 ? dy[i] : 0.0f; });
}

STEEPEST_KERNELS_END
