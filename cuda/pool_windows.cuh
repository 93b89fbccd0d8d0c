// Walking the windows of a pooling. A thread has kWide neighbouring channels of one output or pixel: 4 where sizes and addresses allow vectors and
// 32 bits count all threads (whose place then takes short divisions), else 1.
#pragma once
#include <type_traits>

#include "fours.cuh"

STEEPEST_KERNELS_BEGIN

template <int kWide>
struct PoolWindows {
  using Index = std::conditional_t<kWide == 4, uint32_t, int64_t>;
  int64_t n;
  Index h, w, c, pool, stride;
  Index p, q;  // output height and width

  template <class Args>
  explicit PoolWindows(const Args& a)
      : n(a.n),
        h(static_cast<Index>(a.h)),
        w(static_cast<Index>(a.w)),
        c(static_cast<Index>(a.c)),
        pool(static_cast<Index>(a.pool)),
        stride(static_cast<Index>(a.stride)),
        p((h - pool) / stride + 1),
        q((w - pool) / stride + 1) {}

  int64_t outputs() const { return n * p * q * (c / kWide); }
  int64_t inputs() const { return n * h * w * (c / kWide); }

  // The element of x at the upper left of the window of output `unit`.
  __device__ int64_t first(int64_t at) const {
    const Index unit = static_cast<Index>(at), wide = c / kWide, pixel = unit / wide, line = pixel / q, image = line / p;
    const Index row = (line - image * p) * stride, column = (pixel - line * q) * stride;
    return ((static_cast<int64_t>(image) * h + row) * w + column) * c + (unit - pixel * wide) * kWide;
  }

  // f(place, values) for every place of the window of x that begins at `first`, in row-major order.
  template <class F>
  __device__ void places(const float* x, int64_t first, F f) const {
    int place = 0;
    for (Index i = 0; i < pool; i++) {
      const float* row = x + first + static_cast<int64_t>(i) * w * c;
      for (Index j = 0; j < pool; j++, row += c) {
        float v[kWide];
        load_floats(row, v);
        f(place++, v);
      }
    }
  }
};

// Whether a thread can have four channels.
template <class Args>
bool pool_by_fours(const Args& a) {
  constexpr int64_t kMost = int64_t{1} << 31;
  return a.c % 4 == 0 && a.n * a.h * a.w * (a.c / 4) < kMost && a.stride < kMost;
}

STEEPEST_KERNELS_END
