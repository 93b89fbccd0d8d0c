// y = sum x^2, the regulariser theta'theta (lecture notes 1.1); backward dx = 2 x dy.
#include "reduce.cuh"

STEEPEST_KERNELS_BEGIN

// x[n] -> y[1].
void squared_norm_forward(const squared_norm_forward_args& a, Stream& stream) { reduce<ReduceSquare>(stream, a.x, a.n, {a.y, 1.0, false, 0.0}); }

// dy[1], x[n] -> dx[n].
void squared_norm_backward(const squared_norm_backward_args& a, Stream& stream) {
  const float* dy = a.dy;
  map(stream, a.n, [=] __device__(float x) { return x * (2.0f * dy[0]); }, a.dx, a.x);
}

STEEPEST_KERNELS_END
