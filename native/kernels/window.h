// What the pooling kernels share: walking windows, several channels of one window at a time (they lie side by side in N H W C).
#pragma once
#include "elementwise.h"

STEEPEST_KERNELS_BEGIN

struct Windows {
  int64_t n, h, w, c, pool, stride;
  int64_t p, q;  // output height and width

  template <class Args>
  STEEPEST_INLINE explicit Windows(const Args& a)
      : n(a.n), h(a.h), w(a.w), c(a.c), pool(a.pool), stride(a.stride), p(output_size(h, pool, stride, 0)), q(output_size(w, pool, stride, 0)) {}

  // visit(output, first, at) for the outputs of one row of windows (0 .. n * p - 1) in their order, vector by vector of channels:
  // `output` is the element of y, `first` the element of x at the window's upper left.
  template <class F>
  STEEPEST_INLINE void row(int64_t row, F visit, const float* x = nullptr) const {
    const int64_t top = (row / p * h + row % p * stride) * w;
    for (int64_t column = 0; column < q; ++column) {
      const int64_t output = (row * q + column) * c, first = (top + column * stride) * c;
      if (x) prefetch_below(x + first);
      for_lanes(0, c, [=](int64_t channel, auto at) { visit(output + channel, first + channel, at); });
    }
  }

  // f(place, offset) for every place of a window in row-major order; offset: elements of x behind the window's first.
  template <class F>
  STEEPEST_INLINE void places(F f) const {
    int32_t place = 0;
    for (int64_t i = 0; i < pool; ++i)
      for (int64_t j = 0; j < pool; ++j) f(place++, (i * w + j) * c);
  }

  // visit(output, first, at) for all outputs of a pooling of x, rows of windows shared out among the team.
  template <class F>
  STEEPEST_INLINE void forward(Team& team, const float* x, F visit) const {
    const Windows windows = *this;
    team.parallel(n * p, row_grain(q * c * pool), [=](int64_t begin, int64_t end, int) {
      for (int64_t r = begin; r < end; ++r) windows.row(r, visit, x);
    });
  }

  // dx[n, h, w, c] = sum over windows of share(place), with share = prepare(output, at). Windows of an image may overlap: one thread takes
  // them in order.
  template <class F>
  STEEPEST_INLINE void backward(Team& team, float* dx, F prepare) const {
    const Windows windows = *this;
    team.parallel(n, row_grain(h * w * c), [=](int64_t begin, int64_t end, int) {
      windows.backward_images(begin, end, dx, prepare);
    });
  }

  // The same for the images [begin, end) of dx, on this thread.
  template <class F>
  STEEPEST_INLINE void backward_images(int64_t begin, int64_t end, float* dx, F prepare) const {
    for (int64_t image = begin; image < end; ++image) backward_image(image, dx, prepare);
  }

 private:
  // Asks for what the window below the one at `from` needs. Jumping from row to row hides the pattern from the processor: of 16 MB
  // (24 x 24 images, pool 2) max_pool2d_forward takes 1.9 instead of 6.7 ns a value with 6 channels, 0.6 instead of 1.4 with 32.
  STEEPEST_INLINE void prefetch_below(const float* from) const {
    constexpr int64_t kLine = 16;
    for (int64_t i = 0; i < least(pool, stride); ++i)
      for (int64_t j = 0; j < stride * c; j += kLine) __builtin_prefetch(from + (stride + i) * w * c + j);
  }

  template <class F>
  STEEPEST_INLINE void backward_image(int64_t image, float* dx, F prepare) const {
    const bool apart = stride >= pool;  // no place belongs to two windows, so each is assigned
    const bool covered = stride <= pool && (p - 1) * stride + pool == h && (q - 1) * stride + pool == w;
    if (!apart || !covered) fill(dx + image * h * w * c, h * w * c, 0.0f);
    const Windows windows = *this;
    for (int64_t r = image * p; r < (image + 1) * p; ++r)
      row(r, [=](int64_t output, int64_t first, auto at) {
        const auto share = prepare(output, at);
        windows.places([=](int32_t place, int64_t offset) {
          float* const to = dx + first + offset;
          at.store(to, apart ? share(place) : at.load(to) + share(place));
        });
      });
  }
};

// What a max pooling hands back to the place of a window: dy where argmax names it. A place outside the window gets nothing; without argmax
// all are the first.
struct ToMaximum {
  const float* dy;
  const uint16_t* argmax;

  template <class At>
  STEEPEST_INLINE auto operator()(int64_t output, At at) const {
    const vfloat gradient = at.load(dy + output);
    const vint chosen = argmax ? at.load(argmax + output) : vint{};
    return [=](int32_t place) { return choose(chosen == place, gradient, vfloat{}); };
  }
};

// Max pooling of one image's band of convolution rows, band[rows, q, width] -> y and argmax rows of `columns` channels, k apart.
// The first NaN of a window wins, else the first maximum in row-major order.
template <int POOL>
void pool_band(const float* band, int64_t q, int64_t width, int64_t columns, int64_t pool, int64_t pool_stride, int64_t pooled_rows,
               int64_t pooled_columns, int64_t k, float* y, uint16_t* argmax) {
  const int64_t window = POOL > 0 ? POOL : pool;
  for (int64_t i = 0; i < pooled_rows; ++i)
    for (int64_t j = 0; j < pooled_columns; ++j, y += k, argmax += argmax ? k : 0)
      for (int64_t v = 0; v < columns; v += kLanes) {
        const float* corner = band + (i * pool_stride * q + j * pool_stride) * width + v;
        vfloat best = load(corner);
        vint place{};
        for (int64_t a = 0; a < window; ++a)
          for (int64_t b = 0; b < window; ++b) {
            take_larger(load(corner + (a * q + b) * width), static_cast<int32_t>(a * window + b), best, place);
          }
        const vector_of<uint16_t> short_place = __builtin_convertvector(place, vector_of<uint16_t>);
        if (columns - v >= kLanes) {
          store(y + v, best);
          if (argmax) store(argmax + v, short_place);
        } else {
          store_part(y + v, best, columns - v);
          for (int64_t t = 0; argmax && t < columns - v; ++t) argmax[v + t] = short_place[t];
        }
      }
}

STEEPEST_KERNELS_END
