// Winograd's minimal filtering (Lavin and Gray, "Fast algorithms for convolutional neural networks", 2016): M x M outputs of a filter R x R
// from A x A inputs, A = M + R - 1, with A^2 products for the M^2 R^2 of the sum itself:
//
//   F(2x2,3x3) 16 for 36 (A = 4)      F(4x4,3x3) 36 for 144 (A = 6)
//   F(2x2,5x5) 36 for 100 (A = 6)     F(4x4,5x5) 64 for 400 (A = 8)
//
//   forward   y  = A' [ (G g G') . (B' d B) ] A        summed over channels: A^2 products of matrices [tiles, c] [c, k]
//   filter    dg = G' [ (A dy A') . (B' d B) ] G       summed over tiles:    A^2 products of matrices [c, tiles] [tiles, k]
//   input     the forward with the filter turned by 180 degrees
//
// The points of evaluation are 0, 1, -1, infinity (A = 4), with 2, -2 (A = 6), with 1/2, -1/2 (A = 8).
#pragma once
#include "simd.h"

STEEPEST_KERNELS_BEGIN

constexpr int64_t kWinogradPanel = 32;     // columns of a panel of transformed filters, whatever the instruction set
constexpr int64_t kWinogradChannels = 16;  // channels must be a multiple of this, so that every vector is whole; input channels may be fewer

// Whether there is a form for these sizes; else the caller sums directly.
inline bool winograd_fits(int64_t tile, int64_t r, int64_t s, int64_t stride, int64_t c, int64_t k) {
  const bool known = (r == 3 || r == 5) && (tile == 2 || tile == 4);
  const bool whole = c % kWinogradChannels == 0 || c < kWinogradChannels;
  return known && r == s && stride == 1 && c > 0 && k > 0 && whole && k % kWinogradChannels == 0;
}

template <int M, int R>
struct Winograd {
  static constexpr int A = M + R - 1, P = A * A;
  static_assert(A == 4 || A == 6 || A == 8, "the points for these are known");

  // B': inputs to points.
  STEEPEST_INLINE static void input(vfloat (&d)[A]) {
    if constexpr (A == 4) {
      const vfloat a = d[0] - d[2], b = d[1] + d[2], c = d[2] - d[1], e = d[1] - d[3];
      d[0] = a, d[1] = b, d[2] = c, d[3] = e;
    } else if constexpr (A == 6) {
      const vfloat even = fma(broadcast(-4.0f), d[2], d[4]), odd = fma(broadcast(-4.0f), d[1], d[3]);
      const vfloat even2 = d[4] - d[2], odd2 = (d[3] - d[1]) * 2.0f;
      const vfloat first = fma(broadcast(4.0f), d[0], fma(broadcast(-5.0f), d[2], d[4]));
      const vfloat last = fma(broadcast(4.0f), d[1], fma(broadcast(-5.0f), d[3], d[5]));
      d[0] = first, d[1] = even + odd, d[2] = even - odd, d[3] = even2 + odd2, d[4] = even2 - odd2, d[5] = last;
    } else {
      const vfloat even = fma(broadcast(-4.25f), d[4], d[2] + d[6]), odd = fma(broadcast(-4.25f), d[3], d[1] + d[5]);
      const vfloat even2 = fma(broadcast(0.25f), d[2], fma(broadcast(-1.25f), d[4], d[6]));
      const vfloat odd2 = fma(broadcast(2.0f), d[5], fma(broadcast(-2.5f), d[3], d[1] * 0.5f));
      const vfloat even3 = fma(broadcast(4.0f), d[2], fma(broadcast(-5.0f), d[4], d[6]));
      const vfloat odd3 = fma(broadcast(0.5f), d[5], fma(broadcast(-2.5f), d[3], d[1] * 2.0f));
      const vfloat first = fma(broadcast(5.25f), d[4] - d[2], d[0] - d[6]), last = fma(broadcast(5.25f), d[3] - d[5], d[7] - d[1]);
      d[0] = first, d[1] = even + odd, d[2] = even - odd, d[3] = even2 + odd2, d[4] = even2 - odd2, d[5] = even3 + odd3, d[6] = even3 - odd3, d[7] = last;
    }
  }

  // A': points to outputs.
  STEEPEST_INLINE static void output(const vfloat (&a)[A], vfloat (&y)[M]) {
    if constexpr (A == 4) {
      y[0] = a[0] + (a[1] + a[2]);
      y[1] = (a[1] - a[2]) - a[3];
      return;
    }
    vfloat even[3], odd[3];  // at the points 1, 2, 1/2
#pragma GCC unroll 3
    for (int i = 0; i < A / 2 - 1; ++i) even[i] = a[2 * i + 1] + a[2 * i + 2], odd[i] = a[2 * i + 1] - a[2 * i + 2];
    y[0] = (a[0] + even[0]) + even[1];
    y[1] = fma(broadcast(2.0f), odd[1], odd[0]);
    if constexpr (A == 8) y[0] += even[2], y[1] = fma(broadcast(0.5f), odd[2], y[1]);
    if constexpr (M == 4) {
      y[2] = fma(broadcast(4.0f), even[1], even[0]);
      y[3] = fma(broadcast(8.0f), odd[1], odd[0]);
      if constexpr (A == 8) y[2] = fma(broadcast(0.25f), even[2], y[2]), y[3] = fma(broadcast(0.125f), odd[2], y[3]);
    }
    y[M - 1] += a[A - 1];
  }

  // A: gradients of outputs to points.
  STEEPEST_INLINE static void gradient(const vfloat (&y)[M], vfloat (&a)[A]) {
    if constexpr (A == 4) {
      a[0] = y[0], a[1] = y[0] + y[1], a[2] = y[0] - y[1], a[3] = -y[1];
      return;
    }
    a[0] = y[0], a[A - 1] = y[M - 1];
#pragma GCC unroll 3
    for (int i = 0; i < A / 2 - 1; ++i) {
      const float x = i == 0 ? 1.0f : i == 1 ? 2.0f : 0.5f;  // y at x and -x
      vfloat even = y[0], odd = y[1];
      if (M == 4) even = fma(broadcast(x * x), y[2], even), odd = fma(broadcast(x * x), y[3], odd);
      a[2 * i + 1] = fma(broadcast(x), odd, even), a[2 * i + 2] = fma(broadcast(-x), odd, even);
    }
  }

  // G: taps to points.
  static constexpr float g(int point, int tap) {
    if (point == A - 1) return tap == R - 1 ? 1.0f : 0.0f;
    if (A == 4) return point == 0 ? (tap == 0 ? 1.0f : 0.0f) : point == 2 && tap == 1 ? -0.5f : 0.5f;
    if (point == 0) return tap == 0 ? (A == 6 ? 0.25f : 1.0f) : 0.0f;
    const float sign = point % 2 == 0 && tap % 2 == 1 ? -1.0f : 1.0f, power = static_cast<float>(1 << tap);
    if (A == 6) return point <= 2 ? sign * (-1.0f / 6.0f) : sign * power / 24.0f;
    return point <= 2 ? sign * (-2.0f / 9.0f) : point <= 4 ? sign * power / 90.0f : sign * (32.0f / 45.0f) / power;
  }
  STEEPEST_INLINE static void filter(const vfloat (&taps)[R], vfloat (&points)[A]) {
#pragma GCC unroll 8
    for (int i = 0; i < A; ++i) {
      vfloat sum{};
#pragma GCC unroll 5
      for (int j = 0; j < R; ++j)
        if (g(i, j) != 0.0f) sum = fma(broadcast(g(i, j)), taps[j], sum);
      points[i] = sum;
    }
  }
  // G': gradients at the points to those of the taps.
  STEEPEST_INLINE static void filter_gradient(const vfloat (&points)[A], vfloat (&taps)[R]) {
#pragma GCC unroll 5
    for (int j = 0; j < R; ++j) {
      vfloat sum{};
#pragma GCC unroll 8
      for (int i = 0; i < A; ++i)
        if (g(i, j) != 0.0f) sum = fma(broadcast(g(i, j)), points[i], sum);
      taps[j] = sum;
    }
  }
};

STEEPEST_KERNELS_END
