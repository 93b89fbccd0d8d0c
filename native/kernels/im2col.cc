// im2col: phi(pad(Z)) of lecture notes 1.3.2-1.3.5, one row for each output pixel, and its transpose.
//
//   col[(n, p, q), (r, s, c)] = x[n, p*stride + r - padding, q*stride + s - padding, c], 0 outside the image
//
// x[n, h, w, c], col[n*p*q, r*s*c]. For a fixed r the taps (s, c) are one run of memory in both, so a row of col is r copies of the part
// of the run that lies inside the image. Both assign; the transpose adds in the order p, q, r and so is the same for any number of threads.
#include "simd.h"

STEEPEST_KERNELS_BEGIN

namespace {

// Calls run(row, from, to, s0, s1) for each run of each output pixel of an image: taps s0 <= s < s1 of the run starting at col + row lie in
// the image, from pixel offset `from` on; the others, and the whole run where s0 == s1, are padding.
template <class Args, class F>
STEEPEST_INLINE void each_run(const Args& a, F&& f) {
  const int64_t p = output_size(a.h, a.r, a.stride, a.padding), q = output_size(a.w, a.s, a.stride, a.padding);
  int64_t col = 0;
  for (int64_t y = 0; y < p; ++y)
    for (int64_t x = 0; x < q; ++x) {
      const int64_t left = x * a.stride - a.padding;
      const int64_t s0 = least(a.s, most(0, -left)), s1 = most(s0, least(a.s, a.w - left));
      for (int64_t r = 0; r < a.r; ++r, col += a.s * a.c) {
        const int64_t line = y * a.stride + r - a.padding;
        const bool inside = line >= 0 && line < a.h;
        f(col, (line * a.w + left) * a.c, s0, inside ? s1 : s0);
      }
    }
}

template <class Args>
STEEPEST_INLINE int64_t col_size(const Args& a) {
  return output_size(a.h, a.r, a.stride, a.padding) * output_size(a.w, a.s, a.stride, a.padding) * a.r * a.s * a.c;
}

}  // namespace

void im2col_forward(const im2col_forward_args& a, Team& team) {
  const int64_t image = a.h * a.w * a.c, rows = col_size(a);
  team.parallel(a.n, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t n = begin; n < end; ++n) {
      const float* x = a.x + n * image;
      float* col = a.col + n * rows;
      each_run(a, [&](int64_t to, int64_t from, int64_t s0, int64_t s1) {
        float* run = col + to;
        for (int64_t i = 0; i < s0 * a.c; ++i) run[i] = 0.0f;
        for (int64_t i = s0 * a.c; i < s1 * a.c; ++i) run[i] = x[from + i];
        for (int64_t i = s1 * a.c; i < a.s * a.c; ++i) run[i] = 0.0f;
      });
    }
  });
}

void im2col_backward(const im2col_backward_args& a, Team& team) {
  const int64_t image = a.h * a.w * a.c, rows = col_size(a);
  team.parallel(a.n, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t n = begin; n < end; ++n) {
      float* dx = a.dx + n * image;
      const float* dcol = a.dcol + n * rows;
      for (int64_t i = 0; i < image; ++i) dx[i] = 0.0f;
      each_run(a, [&](int64_t from, int64_t to, int64_t s0, int64_t s1) {
        const float* run = dcol + from;
        for (int64_t i = s0 * a.c; i < s1 * a.c; ++i) dx[to + i] += run[i];
      });
    }
  });
}

STEEPEST_KERNELS_END
