// Max pooling and what its gradient goes through, for max_pool2d.cu and for convolutions that end with a pooling.
#pragma once
#include "pooling.cuh"

STEEPEST_KERNELS_BEGIN

// The first NaN, else the first maximum.
__device__ inline void take_larger(float value, int place, float& best, int& best_place) {
  if (value > best || (value != value && best == best)) best = value, best_place = place;
}

template <int W, int kPool>
struct MaxPool {
  const float* x;
  float* y;
  uint16_t* argmax;  // may be null
  Pooling pooling;

  __device__ void operator()(int64_t i) const {
    const float* const corner = x + pooling.corner<W>(i);
    Channels<W> best = channels_at<W>(corner);
    int places[W] = {};
    pooling.places<W, kPool>(corner, [&](int place, const Channels<W>& values) {
      for (int v = 0; v < W; ++v) take_larger(values.at[v], place, best.at[v], places[v]);
    });
    put(y + i * W, best);
    if (argmax == nullptr) return;
    Pack<uint16_t, W> result;
    for (int v = 0; v < W; ++v) result.at[v] = static_cast<uint16_t>(places[v]);
    *reinterpret_cast<Pack<uint16_t, W>*>(argmax + i * W) = result;
  }
};

// x[n, h, w, c] -> y[n, p, q, c], argmax[n, p, q, c] (may be null).
inline void max_pool(const char* kernel, const float* x, float* y, uint16_t* argmax, int64_t n, int64_t h, int64_t w, int64_t c, int64_t pool, int64_t stride,
                     Stream& stream) {
  const bool four = c % 4 == 0 && aligned(16, x, y) && aligned(8, argmax);
  over_pools(kernel, stream, four, n, h, w, c, pool, stride, [&](auto width, auto size, const Pooling& pooling) {
    return MaxPool<width(), size()>{x, y, argmax, pooling};
  });
}

// What W channels of a window hand back: dy to the place that argmax names; a place outside the window gets nothing. Without argmax all are
// the first.
template <int W>
struct Share {
  Channels<W> dy{};
  int place[W] = {};

  __device__ Share() {
    for (int v = 0; v < W; ++v) place[v] = -1;
  }
  __device__ Share(const float* from, const uint16_t* argmax, int64_t i) : dy(channels_at<W>(from + i)) {
    if (argmax == nullptr) return;
    const auto places = *reinterpret_cast<const Pack<uint16_t, W>*>(argmax + i);
    for (int v = 0; v < W; ++v) place[v] = places.at[v];
  }
};

// Windows that lie apart: a thread writes the stride x stride pixels that a window begins with, so dy is read once. (Pixel by pixel, each window
// of 2 x 2 would be read four times: 96 bytes for 24 of the cache, beside 64 that are written.)
template <int W>
struct MaxPoolApart {
  const float* dy;
  const uint16_t* argmax;
  float* dx;
  Pooling pooling;
  Pixels cells;  // those squares, and what is left at the edges, without a window

  __device__ void operator()(int64_t i) const {
    const Pooling& f = pooling;
    int channel;
    const Pixel cell = cells.at(f.channels.divide(small(i), channel));
    Share<W> share;
    if (cell.row < f.p && cell.column < f.q)
      share = Share<W>(dy, argmax, static_cast<int64_t>(f.windows.index(cell)) * f.c + channel * W);
    const int top = cell.row * f.stride, left = cell.column * f.stride;
    const int rows = min(f.stride, f.h - top), columns = min(f.stride, f.w - left);
    float* const to = dx + ((static_cast<int64_t>(cell.image) * f.h + top) * f.w + left) * f.c + channel * W;
    for (int row = 0; row < rows; ++row)
      for (int column = 0; column < columns; ++column) {
        const int place = row < f.pool && column < f.pool ? row * f.pool + column : -2;
        Channels<W> values;
        for (int v = 0; v < W; ++v) values.at[v] = share.place[v] == place ? share.dy.at[v] : 0.0f;
        put(to + (static_cast<int64_t>(row) * f.w + column) * f.c, values);
      }
  }
};

// Windows that overlap: a thread adds up what those over its pixel hand back, in their order.
template <int W>
struct MaxPoolOverlap {
  const float* dy;
  const uint16_t* argmax;
  float* dx;
  Pooling pooling;
  Pixels pixels;
  Divisor stride;

  __device__ void operator()(int64_t i) const {
    const Pooling& f = pooling;
    int channel;
    const Pixel pixel = pixels.at(f.channels.divide(small(i), channel));
    Channels<W> sum{};
    f.windows_over<W>(pixel, channel, stride, [&](int row, int column, int64_t window) {
      const Share<W> share(dy, argmax, window);
      const int place = (pixel.row - row * f.stride) * f.pool + pixel.column - column * f.stride;
      for (int v = 0; v < W; ++v) sum.at[v] += share.place[v] == place ? share.dy.at[v] : 0.0f;
    });
    put(dx + i * W, sum);
  }
};

// dy[n, p, q, c], argmax[n, p, q, c] (may be null) -> dx[n, h, w, c].
inline void max_pool_gradient(const char* kernel, const float* dy, const uint16_t* argmax, float* dx, int64_t n, int64_t h, int64_t w, int64_t c, int64_t pool,
                              int64_t stride, Stream& stream) {
  by_channels(c % 4 == 0 && aligned(16, dy, dx) && aligned(8, argmax), [&](auto width) {
    constexpr int W = decltype(width)::value;
    const Pooling pooling(h, w, c, pool, stride, W);
    fits(kernel, {{"n", n}, {"h", h}, {"w", w}, {"c", c}}, {n * h * w * (c / W)});
    if (stride >= pool) {
      const int64_t rows = ceil_div(h, stride), columns = ceil_div(w, stride);
      elementwise(stream, n * rows * columns * (c / W), MaxPoolApart<W>{dy, argmax, dx, pooling, Pixels(rows, columns)});
    } else {
      elementwise(stream, n * h * w * (c / W), MaxPoolOverlap<W>{dy, argmax, dx, pooling, Pixels(h, w), Divisor(stride)});
    }
  });
}

STEEPEST_KERNELS_END
