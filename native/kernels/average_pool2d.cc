// Average pooling (named in the lecture notes, 1.3.6): the mean of each window; backward spreads a gradient evenly over its window.
#include "window.h"

STEEPEST_KERNELS_BEGIN

// x[n, h, w, c] -> y[n, p, q, c].
void average_pool2d_forward(const average_pool2d_forward_args& a, Team& team) {
  const Windows windows(a);
  const float* const x = a.x;
  float* const y = a.y;
  const float count = static_cast<float>(a.pool * a.pool);
  windows.forward(team, x, [=](int64_t output, int64_t first, auto at) {
    vfloat sum{};
    windows.places([&](int32_t, int64_t offset) { sum += at.load(x + first + offset); });
    at.store(y + output, sum / count);
  });
}

// dy[n, p, q, c] -> dx[n, h, w, c].
void average_pool2d_backward(const average_pool2d_backward_args& a, Team& team) {
  const float* const dy = a.dy;
  const float share = 1.0f / static_cast<float>(a.pool * a.pool);
  Windows(a).backward(team, a.dx, [=](int64_t output, auto at) {
    const vfloat part = at.load(dy + output) * share;
    return [=](int32_t) { return part; };
  });
}

STEEPEST_KERNELS_END
