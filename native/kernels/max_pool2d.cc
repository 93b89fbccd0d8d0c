// Max pooling, P_pool = M P_phi (lecture notes 1.3.6, equation 1.6): the first maximum of each window in row-major order, or its first
// NaN. argmax is the place in the window, row * pool + column; one outside the window is ignored. Backward is P_pool'.
#include "window.h"

STEEPEST_KERNELS_BEGIN

// x[n, h, w, c] -> y[n, p, q, c], argmax[n, p, q, c].
void max_pool2d_forward(const max_pool2d_forward_args& a, Team& team) {
  const Windows windows(a);
  const float* const x = a.x;
  float* const y = a.y;
  uint16_t* const argmax = a.argmax;
  windows.forward(team, x, [=](int64_t output, int64_t first, auto at) {
    vfloat best = at.load(x + first);
    vint best_place{};
    windows.places([&](int32_t place, int64_t offset) {
      const vfloat v = at.load(x + first + offset);
      const vint better = (v > best) | (is_nan(v) & (best == best));
      best = choose(better, v, best);
      best_place = choose(better, broadcast(place), best_place);
    });
    at.store(y + output, best);
    at.store(argmax + output, best_place);
  });
}

// dy[n, p, q, c], argmax[n, p, q, c] -> dx[n, h, w, c].
void max_pool2d_backward(const max_pool2d_backward_args& a, Team& team) {
  Windows(a).backward(team, a.dx, ToMaximum{a.dy, a.argmax});
}

// x[n, h, w, c], argmax[n, p, q, c] -> y[n, p, q, c]: the values of x at known places, NaN for a place outside the window.
void max_pool2d_select(const max_pool2d_select_args& a, Team& team) {
  const Windows windows(a);
  const float* const x = a.x;
  const uint16_t* const argmax = a.argmax;
  float* const y = a.y;
  windows.forward(team, x, [=](int64_t output, int64_t first, auto at) {
    const vint wanted = at.load(argmax + output);
    vfloat value = broadcast(kNan);
    windows.places([&](int32_t place, int64_t offset) { value = choose(wanted == place, at.load(x + first + offset), value); });
    at.store(y + output, value);
  });
}

STEEPEST_KERNELS_END
