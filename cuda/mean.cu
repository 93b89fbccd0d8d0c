// y = the sum of x over n, NaN for n = 0; backward dx = dy / count, count being the n of the forward pass.
#include "reduce.cuh"

STEEPEST_KERNELS_BEGIN

// x[n] -> y[1].
void mean_forward(const mean_forward_args& a, Stream& stream) {
  reduce<ReduceValue>(stream, a.x, a.n, {a.y, static_cast<double>(a.n), false, 0.0});
}

// dy[1] -> dx[n].
void mean_backward(const mean_backward_args& a, Stream& stream) {
  const float count = static_cast<float>(a.count);
  fill(stream, a.n, [=] __device__(float dy) { return dy / count; }, a.dx, a.dy);
}

STEEPEST_KERNELS_END
