// y = sum |x|, the L1 regulariser (lecture notes 1.1); backward dx = sign(x) dy, sign(0) = 0.
#include "reduce.cuh"

STEEPEST_KERNELS_BEGIN

// x[n] -> y[1].
void l1_norm_forward(const l1_norm_forward_args& a, Stream& stream) { reduce<ReduceSize>(stream, a.x, a.n, {a.y, 1.0, false, 0.0}); }

// dy[1], x[n] -> dx[n]; NaN stays NaN.
void l1_norm_backward(const l1_norm_backward_args& a, Stream& stream) {
  const float* dy = a.dy;
  map(stream, a.n, [=] __device__(float x) { return (x > 0 ? 1.0f : x < 0 ? -1.0f : x) * dy[0]; }, a.dx, a.x);
}

STEEPEST_KERNELS_END
