// What poolings share. x[n, h, w, c] has windows of `pool` x `pool` pixels, `stride` apart, p x q an image. A place in a window is
// row * pool + column.
#pragma once
#include "pixels.cuh"

STEEPEST_KERNELS_BEGIN

struct Pooling {
  int h, w, c, pool, stride, p, q;
  Pixels windows;    // p x q an image
  Divisor channels;  // c / W

  Pooling(int64_t h, int64_t w, int64_t c, int64_t pool, int64_t stride, int width)
      : h(small(h)), w(small(w)), c(small(c)), pool(small(pool)), stride(small(stride)), p(small(output_size(h, pool, stride, 0))),
        q(small(output_size(w, pool, stride, 0))), windows(p, q), channels(c / width) {}

  // The element of x at the upper left of the window that thread i (window, W channels) works on.
  template <int W>
  __device__ int64_t corner(int64_t i) const {
    int channel;
    const Pixel window = windows.at(channels.divide(small(i), channel));
    return ((static_cast<int64_t>(window.image) * h + window.row * stride) * w + window.column * stride) * c + channel * W;
  }

  // f(place, values) for each place of the window with that corner, in row-major order. kPool: the size of a window, known so that its loads are
  // in flight together; 0: any.
  template <int W, int kPool, class F>
  __device__ void places(const float* corner, F f) const {
    const int size = kPool > 0 ? kPool : pool;
    for (int row = 0; row < size; ++row)
      for (int column = 0; column < size; ++column)
        f(row * size + column, channels_at<W>(corner + (static_cast<int64_t>(row) * w + column) * c));
  }

  // f(row, column, i) for each window over a pixel, in their order; i: the element of an array over windows where these W channels begin. step:
  // `stride`.
  template <int W, class F>
  __device__ void windows_over(const Pixel& pixel, int channel, const Divisor& step, F f) const {
    const Covering rows(pixel.row, pool, step, p), columns(pixel.column, pool, step, q);
    for (int row = rows.from; row < rows.end; ++row)
      for (int column = columns.from; column < columns.end; ++column)
        f(row, column, static_cast<int64_t>(windows.index({pixel.image, row, column})) * c + channel * W);
  }
};

// call(width, pooling, threads) for a thread a window and W = width() channels, 4 of them where `four`.
template <class F>
void over_windows(const char* kernel, bool four, int64_t n, int64_t h, int64_t w, int64_t c, int64_t pool, int64_t stride, F call) {
  by_channels(four, [&](auto width) {
    const Pooling pooling(h, w, c, pool, stride, width());
    const int64_t threads = n * pooling.p * pooling.q * (c / width());
    fits(kernel, {{"n", n}, {"h", h}, {"w", w}, {"c", c}}, {threads});
    call(width, pooling, threads);
  });
}

// call(std::integral_constant<int, kPool>()) for windows of that size: 2, 3, or 0 for any other.
template <class F>
void by_pool(int64_t pool, F call) {
  if (pool == 2) call(std::integral_constant<int, 2>());
  else if (pool == 3) call(std::integral_constant<int, 3>());
  else call(std::integral_constant<int, 0>());
}

// Runs work(width, size, pooling) for each window: of `size`() x `size`() pixels, as by_pool has it.
template <class F>
void over_pools(const char* kernel, Stream& stream, bool four, int64_t n, int64_t h, int64_t w, int64_t c, int64_t pool, int64_t stride, F work) {
  over_windows(kernel, four, n, h, w, c, pool, stride, [&](auto width, const Pooling& pooling, int64_t threads) {
    by_pool(pool, [&](auto size) { elementwise(stream, threads, work(width, size, pooling)); });
  });
}

STEEPEST_KERNELS_END
