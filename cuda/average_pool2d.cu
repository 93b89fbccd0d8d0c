// Average pooling (named in the lecture notes, 1.3.6): the mean of each window; backward spreads a gradient evenly over its window.
#include "pooling.cuh"

STEEPEST_KERNELS_BEGIN

template <int W, int kPool>
struct AveragePool {
  const float* x;
  float* y;
  Pooling pooling;
  float count;

  __device__ void operator()(int64_t i) const {
    Channels<W> sum{};
    pooling.places<W, kPool>(x + pooling.corner<W>(i), [&](int, const Channels<W>& values) {
      for (int v = 0; v < W; ++v) sum.at[v] += values.at[v];
    });
    for (int v = 0; v < W; ++v) sum.at[v] /= count;
    put(y + i * W, sum);
  }
};

// A thread has one pixel of dx and adds up the windows over it.
template <int W>
struct AveragePoolGradient {
  const float* dy;
  float* dx;
  Pooling pooling;
  Pixels pixels;
  Divisor stride;
  float count;

  __device__ void operator()(int64_t i) const {
    const Pooling& f = pooling;
    int channel;
    const Pixel pixel = pixels.at(f.channels.divide(small(i), channel));
    Channels<W> sum{};
    f.windows_over<W>(pixel, channel, stride, [&](int, int, int64_t window) {
      const auto values = channels_at<W>(dy + window);
      for (int v = 0; v < W; ++v) sum.at[v] += values.at[v];
    });
    for (int v = 0; v < W; ++v) sum.at[v] /= count;
    put(dx + i * W, sum);
  }
};

// x[n, h, w, c] -> y[n, p, q, c].
void average_pool2d_forward(const average_pool2d_forward_args& a, Stream& stream) {
  const bool four = a.c % 4 == 0 && aligned(16, a.x, a.y);
  const float count = static_cast<float>(a.pool * a.pool);
  over_pools("average_pool2d_forward", stream, four, a.n, a.h, a.w, a.c, a.pool, a.stride, [&](auto width, auto size, const Pooling& pooling) {
    return AveragePool<width(), size()>{a.x, a.y, pooling, count};
  });
}

// dy[n, p, q, c] -> dx[n, h, w, c].
void average_pool2d_backward(const average_pool2d_backward_args& a, Stream& stream) {
  by_channels(a.c % 4 == 0 && aligned(16, a.dy, a.dx), [&](auto width) {
    constexpr int W = decltype(width)::value;
    const int64_t threads = a.n * a.h * a.w * (a.c / W);
    const float count = static_cast<float>(a.pool * a.pool);
    fits("average_pool2d_backward", {{"n", a.n}, {"h", a.h}, {"w", a.w}, {"c", a.c}}, {threads});
    const Pooling pooling(a.h, a.w, a.c, a.pool, a.stride, W);
    elementwise(stream, threads, AveragePoolGradient<W>{a.dy, a.dx, pooling, Pixels(a.h, a.w), Divisor(a.stride), count});
  });
}

STEEPEST_KERNELS_END
