// Global average pooling (Lin et al. 2014, section 3.2): the mean of each channel of an image; backward spreads a gradient evenly over it.
#include "elementwise.h"

STEEPEST_KERNELS_BEGIN

// x[n, h, w, c] -> y[n, c]. A row of the image is summed by itself, so that rounding grows with h + w, not with h w.
void global_average_pool2d_forward(const global_average_pool2d_forward_args& a, Team& team) {
  const int64_t h = a.h, w = a.w, c = a.c;
  const float count = static_cast<float>(h * w);
  const float* const images = a.x;
  float* const means = a.y;
  for_rows(team, a.n, h * w * c, [=](int64_t image) {
    const float* const x = images + image * h * w * c;
    for_lanes(0, c, [=](int64_t channel, auto at) {
      vfloat total{};
      for (int64_t row = 0; row < h; ++row) {
        vfloat sum{};
        for (int64_t column = 0; column < w; ++column) sum += at.load(x + (row * w + column) * c + channel);
        total += sum;
      }
      at.store(means + image * c + channel, total / count);
    });
  });
}

// dy[n, c] -> dx[n, h, w, c].
void global_average_pool2d_backward(const global_average_pool2d_backward_args& a, Team& team) {
  const int64_t area = a.h * a.w, c = a.c;
  const float share = 1.0f / static_cast<float>(area);
  const float* const dy = a.dy;
  float* const dx = a.dx;
  for_rows(team, a.n, area * c, [=](int64_t image) {
    for (int64_t place = 0; place < area; ++place)
      for_lanes(0, c, [=](int64_t channel, auto at) { at.store(dx + (image * area + place) * c + channel, at.load(dy + image * c + channel) * share); });
  });
}

STEEPEST_KERNELS_END
