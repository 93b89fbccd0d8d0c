// Max pooling, P_pool = M P_phi (lecture notes 1.3.6, equation 1.6): the first maximum of each window in row-major order, or its first
// NaN. argmax is the place in the window, row * pool + column; one outside the window is ignored. Backward is P_pool'.
#include "max_pool.cuh"

STEEPEST_KERNELS_BEGIN

template <int W>
struct MaxPoolSelect {
  const float* x;
  const uint16_t* argmax;
  float* y;
  Pooling pooling;
  Divisor pool;

  __device__ void operator()(int64_t i) const {
    const float* const corner = x + pooling.corner<W>(i);
    const auto places = *reinterpret_cast<const Pack<uint16_t, W>*>(argmax + i * W);
    Channels<W> values;
    for (int v = 0; v < W; ++v) {
      int column;
      const int row = pool.divide(places.at[v], column);
      values.at[v] = row < pooling.pool ? corner[(static_cast<int64_t>(row) * pooling.w + column) * pooling.c + v] : NAN;
    }
    put(y + i * W, values);
  }
};

// x[n, h, w, c] -> y[n, p, q, c], argmax[n, p, q, c].
void max_pool2d_forward(const max_pool2d_forward_args& a, Stream& stream) {
  max_pool("max_pool2d_forward", a.x, a.y, a.argmax, a.n, a.h, a.w, a.c, a.pool, a.stride, stream);
}

// dy[n, p, q, c], argmax[n, p, q, c] -> dx[n, h, w, c].
void max_pool2d_backward(const max_pool2d_backward_args& a, Stream& stream) {
  max_pool_gradient("max_pool2d_backward", a.dy, a.argmax, a.dx, a.n, a.h, a.w, a.c, a.pool, a.stride, stream);
}

// x[n, h, w, c], argmax[n, p, q, c] -> y[n, p, q, c]: the values of x at known places, NaN for a place outside the window.
void max_pool2d_select(const max_pool2d_select_args& a, Stream& stream) {
  const bool four = a.c % 4 == 0 && aligned(16, a.x, a.y) && aligned(8, a.argmax);
  over_windows("max_pool2d_select", four, a.n, a.h, a.w, a.c, a.pool, a.stride, [&](auto width, const Pooling& pooling, int64_t threads) {
    constexpr int W = decltype(width)::value;
    elementwise(stream, threads, MaxPoolSelect<W>{a.x, a.argmax, a.y, pooling, Divisor(a.pool)});
  });
}

STEEPEST_KERNELS_END
