// Average pooling (named in the lecture notes, 1.3.6): the mean of each window; backward spreads a gradient evenly over its window.
#include "pool_windows.cuh"

STEEPEST_KERNELS_BEGIN

template <int kWide>
void average_pool2d_forward_of(const average_pool2d_forward_args& a, Stream& stream) {
  const PoolWindows<kWide> windows(a);
  const float* x = a.x;
  const float count = static_cast<float>(a.pool * a.pool);
  float* y = a.y;
  elementwise(stream, windows.outputs(), [=] __device__(int64_t unit) {
    float sum[kWide] = {};
    windows.places(x, windows.first(unit), [&](int, const float(&v)[kWide]) {
#pragma unroll
      for (int l = 0; l < kWide; l++) sum[l] += v[l];
    });
#pragma unroll
    for (int l = 0; l < kWide; l++) sum[l] /= count;
    store_floats(y + unit * kWide, sum);
  });
}

// x[n, h, w, c] -> y[n, p, q, c].
void average_pool2d_forward(const average_pool2d_forward_args& a, Stream& stream) {
  if (aligned(16, a.x, a.y) && pool_by_fours(a)) average_pool2d_forward_of<4>(a, stream);
  else average_pool2d_forward_of<1>(a, stream);
}

// A thread has one pixel of dx and adds up the windows that it belongs to.
template <int kWide>
void average_pool2d_backward_of(const average_pool2d_backward_args& a, Stream& stream) {
  const PoolWindows<kWide> windows(a);
  const float* dy = a.dy;
  const float count = static_cast<float>(a.pool * a.pool);
  float* dx = a.dx;
  elementwise(stream, windows.inputs(), [=] __device__(int64_t unit) {
    using Index = typename PoolWindows<kWide>::Index;
    const Index h = windows.h, w = windows.w, p = windows.p, q = windows.q, c = windows.c, pool = windows.pool, stride = windows.stride;
    const Index at = static_cast<Index>(unit), wide = c / kWide, pixel = at / wide, line = pixel / w, image = line / h;
    const Index row = line - image * h, column = pixel - line * w, channel = (at - pixel * wide) * kWide;
    // The windows [top, bottom) x [left, right) hold the pixel.
    const Index top = row < pool ? 0 : (row - pool) / stride + 1, bottom = static_cast<Index>(least(p, row / stride + 1));
    const Index left = column < pool ? 0 : (column - pool) / stride + 1, right = static_cast<Index>(least(q, column / stride + 1));
    float sum[kWide] = {};
    for (Index i = top; i < bottom; i++)
      for (Index j = left; j < right; j++) {
        float v[kWide];
        load_floats(dy + ((static_cast<int64_t>(image) * p + i) * q + j) * c + channel, v);
#pragma unroll
        for (int l = 0; l < kWide; l++) sum[l] += v[l];
      }
#pragma unroll
    for (int l = 0; l < kWide; l++) sum[l] /= count;
    store_floats(dx + unit * kWide, sum);
  });
}

// dy[n, p, q, c] -> dx[n, h, w, c].
void average_pool2d_backward(const average_pool2d_backward_args& a, Stream& stream) {
  if (aligned(16, a.dy, a.dx) && pool_by_fours(a)) average_pool2d_backward_of<4>(a, stream);
  else average_pool2d_backward_of<1>(a, stream);
}

STEEPEST_KERNELS_END
