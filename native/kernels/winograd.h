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
#include "ending.h"
#include "gemm_tile.h"

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

// Images cut in tiles of M x M outputs p x q; the inputs of a tile begin `padding` above and before it.
struct WinogradTiles {
  int64_t n, h, w, c, p, q, padding;
};

// A gradient that a 2 x 2 max pooling has still to hand back: values and the places they belong to, both [n, p/2, q/2, k]; or, without
// places, the gradient itself.
struct Unpooling {
  const float* values;
  const uint16_t* places;  // or null
};

// points[P, room, step] of one tile: B' d B for the channels [c0, c1). INSIDE: no input lies outside the image.
template <int M, int R, bool INSIDE>
void winograd_input(const WinogradTiles& f, const float* x, int64_t image, int64_t y0, int64_t x0, int64_t c0, int64_t c1, float* points, int64_t plane) {
  constexpr int A = Winograd<M, R>::A;
  alignas(64) const float zeros[kLanes] = {};
  const int64_t line = f.w * f.c, corner = ((image * f.h + y0) * f.w + x0) * f.c;
  bool row[A], column[A];
  for (int i = 0; i < A; ++i) row[i] = y0 + i >= 0 && y0 + i < f.h, column[i] = x0 + i >= 0 && x0 + i < f.w;
  for (int64_t v = c0; v < c1; v += kLanes) {
    vfloat d[A][A];
#pragma GCC unroll 8
    for (int j = 0; j < A; ++j) {
      vfloat from[A];
#pragma GCC unroll 8
      for (int i = 0; i < A; ++i)  // what the tile beside will read first
        if (j >= R - 1) __builtin_prefetch(x + corner + i * line + (j + M) * f.c + v);
#pragma GCC unroll 8
      for (int i = 0; i < A; ++i) from[i] = load(INSIDE || (row[i] && column[j]) ? x + corner + i * line + j * f.c + v : zeros);
      Winograd<M, R>::input(from);
#pragma GCC unroll 8
      for (int i = 0; i < A; ++i) d[i][j] = from[i];
    }
#pragma GCC unroll 8
    for (int i = 0; i < A; ++i) {
      Winograd<M, R>::input(d[i]);
#pragma GCC unroll 8
      for (int j = 0; j < A; ++j) store(points + (i * A + j) * plane + v - c0, d[i][j]);
    }
  }
}

// The same of all channels of inputs that are still to be unpooled. ODD: the tile begins in the middle of a window of the pooling.
template <int M, int R, bool ODD>
void winograd_input_unpooled(const WinogradTiles& f, const Unpooling& x, int64_t image, int64_t y0, int64_t x0, float* points, int64_t plane) {
  constexpr int A = Winograd<M, R>::A, W = A / 2 + (ODD ? 1 : 0);  // windows that a tile touches along a side
  alignas(64) const float zeros[kLanes] = {};
  alignas(64) const uint16_t nowhere[kLanes] = {};
  const int64_t high = f.h / 2, wide = f.w / 2, top = (y0 - ODD) / 2, left = (x0 - ODD) / 2, corner = ((image * high + top) * wide + left) * f.c;
  for (int64_t v = 0; v < f.c; v += kLanes) {
    vfloat d[A][A];
#pragma GCC unroll 8
    for (int column = 0; column < W; ++column) {
      vfloat value[W];
      vint place[W];
#pragma GCC unroll 8
      for (int row = 0; row < W; ++row) {
        const bool there = top + row >= 0 && top + row < high && left + column >= 0 && left + column < wide;
        const int64_t at = corner + (row * wide + column) * f.c + v;
        value[row] = load(there ? x.values + at : zeros);
        place[row] = __builtin_convertvector(load(there ? x.places + at : nowhere), vint);
      }
#pragma GCC unroll 2
      for (int half = 0; half < 2; ++half) {
        const int j = 2 * column + half - ODD;
        if (j < 0 || j >= A) continue;
        vfloat from[A];
#pragma GCC unroll 8
        for (int i = 0; i < A; ++i) from[i] = place[(i + ODD) / 2] == (i + ODD) % 2 * 2 + half ? value[(i + ODD) / 2] : vfloat{};
        Winograd<M, R>::input(from);
#pragma GCC unroll 8
        for (int i = 0; i < A; ++i) d[i][j] = from[i];
      }
    }
#pragma GCC unroll 8
    for (int i = 0; i < A; ++i) {
      Winograd<M, R>::input(d[i]);
#pragma GCC unroll 8
      for (int j = 0; j < A; ++j) store(points + (i * A + j) * plane + v, d[i][j]);
    }
  }
}

template <int M, int R>
void winograd_input(const WinogradTiles& f, const Unpooling& x, int64_t image, int64_t top, int64_t left, int64_t c0, int64_t c1, float* points, int64_t plane) {
  constexpr int A = Winograd<M, R>::A;
  const int64_t y0 = top - f.padding, x0 = left - f.padding;
  if (x.places) {
    const auto run = f.padding % 2 == 0 ? winograd_input_unpooled<M, R, false> : winograd_input_unpooled<M, R, true>;
    return run(f, x, image, y0, x0, points, plane);
  }
  const bool inside = y0 >= 0 && x0 >= 0 && y0 + A <= f.h && x0 + A <= f.w;
  (inside ? winograd_input<M, R, true> : winograd_input<M, R, false>)(f, x.values, image, y0, x0, c0, c1, points, plane);
}

// The convolution of `tiles` with transformed filters u[P, panel, c, 32], its factor, bias, ending and 2 x 2 max pooling.
struct WinogradConvolution {
  WinogradTiles tiles;
  Unpooling x;
  int64_t k;
  const float* u;
  const float* factor;  // or null
  const float* bias;    // or null
  Ending ending;
  float* y;
  bool pool;
  uint16_t* argmax;  // or null
};

// The outputs of one tile for kLanes channels from v on; sums(j, column) gives those of the points of column j.
template <int M, int R, class Sums>
STEEPEST_INLINE void winograd_output(const WinogradConvolution& f, int64_t image, int64_t top, int64_t left, int64_t v, const Sums& sums) {
  using W = Winograd<M, R>;
  const int64_t p = f.tiles.p, q = f.tiles.q, height = f.pool ? p / 2 : p, width = f.pool ? q / 2 : q;
  vfloat rows[M][W::A];
#pragma GCC unroll 8
  for (int j = 0; j < W::A; ++j) {
    vfloat column[W::A], y[M];
    sums(j, column);
    W::output(column, y);
#pragma GCC unroll 4
    for (int i = 0; i < M; ++i) rows[i][j] = y[i];
  }
  vfloat o[M][M];
  const vfloat factor = f.factor ? load(f.factor + v) : broadcast(1.0f), bias = f.bias ? load(f.bias + v) : vfloat{};
#pragma GCC unroll 4
  for (int i = 0; i < M; ++i) {
    W::output(rows[i], o[i]);
#pragma GCC unroll 4
    for (int j = 0; j < M; ++j) {
      o[i][j] = fma(o[i][j], factor, bias);
      if (top + i < p && left + j < q) o[i][j] = f.ending.of(o[i][j], ((image * p + top + i) * q + left + j) * f.k + v, Whole());
    }
  }
  if (!f.pool) {
#pragma GCC unroll 4
    for (int i = 0; i < M; ++i)
#pragma GCC unroll 4
      for (int j = 0; j < M; ++j)
        if (top + i < p && left + j < q) store(f.y + ((image * p + top + i) * q + left + j) * f.k + v, o[i][j]);
    return;
  }
#pragma GCC unroll 2
  for (int i = 0; i < M; i += 2)
#pragma GCC unroll 2
    for (int j = 0; j < M; j += 2) {
      const int64_t py = (top + i) / 2, px = (left + j) / 2;
      if (py >= height || px >= width) continue;
      vfloat best = o[i][j];
      vint place{};
      take_larger(o[i][j + 1], 1, best, place);
      take_larger(o[i + 1][j], 2, best, place);
      take_larger(o[i + 1][j + 1], 3, best, place);
      const int64_t at = ((image * height + py) * width + px) * f.k + v;
      store(f.y + at, best);
      if (f.argmax) store(f.argmax + at, __builtin_convertvector(place, vector_of<uint16_t>));
    }
}

template <int M, int R>
void winograd_outputs(const WinogradConvolution& f, const float* sums, int64_t plane, int64_t image, int64_t top, int64_t left, int64_t k0, int64_t k1) {
  constexpr int A = Winograd<M, R>::A;
  for (int64_t v = k0; v < k1; v += kLanes)
    winograd_output<M, R>(f, image, top, left, v, [&](int j, vfloat (&column)[A]) {
#pragma GCC unroll 8
      for (int i = 0; i < A; ++i) column[i] = load(sums + (i * A + j) * plane + v - k0);
    });
}

enum WinogradSlot { kWinogradPoints, kWinogradSums, kWinogradParts };

constexpr int64_t kWinogradDepth = 128;  // long sums are exact enough in pieces of this

// c[MR rows, NV vectors] = a b, or c += a b (the product summed apart first). Element (i, t) of a is a[i * a_step + t], TURNED: a[i + t * a_step].
// From `ahead` on lies what is read next.
template <int MR, int NV, bool TURNED>
void winograd_tile(const float* a, int64_t a_step, int64_t depth, const float* b, int64_t b_step, float* c, int64_t c_step, bool add, const float* ahead) {
  vfloat sum[MR][NV];
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i)
#pragma GCC unroll 2
    for (int j = 0; j < NV; ++j) {
      if (TURNED) __builtin_prefetch(c + i * c_step + j * kLanes, 1);  // arrives while the sums are made
      sum[i][j] = vfloat{};
    }
  const int64_t across = TURNED ? 1 : a_step, along = TURNED ? a_step : 1;
  for (int64_t t = depth; t > 0; --t, a += along, b += b_step, ahead += 16) {
    __builtin_prefetch(ahead, 0, 2);
    vfloat v[NV];
#pragma GCC unroll 2
    for (int j = 0; j < NV; ++j) v[j] = load(b + j * kLanes);
#pragma GCC unroll 16
    for (int i = 0; i < MR; ++i) {
      const vfloat s = broadcast(a[i * across]);
#pragma GCC unroll 2
      for (int j = 0; j < NV; ++j) sum[i][j] = fma(s, v[j], sum[i][j]);
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i)
#pragma GCC unroll 2
    for (int j = 0; j < NV; ++j) {
      float* to = c + i * c_step + j * kLanes;
      store(to, add ? load(to) + sum[i][j] : sum[i][j]);
    }
}

template <int NV, bool TURNED, int MR = kTileRows>
STEEPEST_INLINE auto winograd_tile_of(int64_t rows) {
  if constexpr (MR == 1) {
    return winograd_tile<1, NV, TURNED>;
  } else {
    return rows == MR ? winograd_tile<MR, NV, TURNED> : winograd_tile_of<NV, TURNED, MR - 1>(rows);
  }
}

// c[m, columns] = a b or += a b for `columns` (a multiple of kLanes) of one panel. ahead_step: floats a tile of rows fetches ahead.
template <bool TURNED>
void winograd_multiply(const float* a, int64_t a_step, int64_t m, int64_t depth, const float* b, int64_t b_step, float* c, int64_t c_step, int64_t columns,
                       bool add, const float* ahead) {
  const int64_t tiles = tile_count(m);
  for (int64_t index = 0, begin = 0; index < tiles; ++index) {
    const int64_t end = tile_begin(m, index + 1);
    const auto run = columns == kTileColumns ? winograd_tile_of<kTileVectors, TURNED>(end - begin) : winograd_tile_of<1, TURNED>(end - begin);
    run(a + begin * (TURNED ? 1 : a_step), a_step, depth, b, b_step, c + begin * c_step, c_step, add, ahead);
    ahead += depth * 16;
    begin = end;
  }
}

// Measured on an AMD EPYC (Zen 5, L1 48 KB, L2 1 MB), 2026-11-24, 1 and 2 threads: what is written for a block of tiles should stay in L2, since
// each value goes to a line of its own; filters may stream from L3 if a block has four tiles of rows or more.
constexpr int64_t kWinogradSmall = int64_t{512} << 10;  // bytes of transformed filters that stay in L2 beside a block
constexpr int64_t kWinogradBlock = int64_t{576} << 10;  // bytes of points and sums of a block of tiles
constexpr int64_t kWinogradTiles = 56;                  // tiles in a block where the filters are larger than that

template <int M, int R>
void winograd_convolve(const WinogradConvolution& f, Team& team) {
  using W = Winograd<M, R>;
  const WinogradTiles& t = f.tiles;
  const int64_t high = ceil_div(t.p, M), wide = ceil_div(t.q, M), tiles = t.n * high * wide;
  if (tiles == 0) return;
  // Small filters: panel by panel, so that sums are few. Larger ones pass once for each block of tiles, all panels for a point.
  const int64_t panels = ceil_div(f.k, kWinogradPanel);
  const bool small = W::P * t.c * f.k * 4 <= kWinogradSmall;
  const int64_t group = small ? kWinogradPanel : panels * kWinogradPanel;
  const int64_t c_step = t.c + kWinogradChannels, k_step = group + kWinogradChannels;
  const int64_t fitting = kWinogradBlock / (W::P * 4 * (c_step + k_step)) / kTileRows * kTileRows;
  const int64_t room = least(tiles, small ? most(fitting, kTileRows) : kWinogradTiles);
  const int64_t blocks = most(ceil_div(tiles, room), least(team.threads(), tiles / kTileRows));
  const int64_t splits = least(panels, ceil_div(team.threads(), blocks));  // few tiles: channels are shared out too
  const int64_t largest = ceil_div(tiles, blocks);
  team.parallel(blocks * splits, 1, [&](int64_t begin, int64_t end, int thread) {
    float* points = static_cast<float*>(team.scratch(thread, kWinogradPoints, sizeof(float) * static_cast<size_t>(W::P * largest * c_step)));
    float* sums = static_cast<float*>(team.scratch(thread, kWinogradSums, sizeof(float) * static_cast<size_t>(W::P * largest * k_step)));
    const int64_t plane = largest * c_step, sum_plane = largest * k_step;
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t first = tiles * (unit / splits) / blocks, count = tiles * (unit / splits + 1) / blocks - first;
      const int64_t k0 = panels * (unit % splits) / splits * kWinogradPanel, k1 = least(f.k, panels * (unit % splits + 1) / splits * kWinogradPanel);
      for (int64_t i = 0; i < count; ++i) {
        const int64_t at = (first + i) % (high * wide);
        winograd_input<M, R>(t, f.x, (first + i) / (high * wide), at / wide * M, at % wide * M, 0, t.c, points + i * c_step, plane);
      }
      for (int64_t g0 = k0; g0 < k1; g0 += group) {
        const int64_t g1 = least(g0 + group, k1);
        for (int64_t point = 0; point < W::P; ++point)
          for (int64_t k = g0; k < g1; k += kTileColumns)
            for (int64_t c = 0; c < t.c; c += kWinogradDepth) {
              const int64_t depth = least(kWinogradDepth, t.c - c);
              const float* u = f.u + ((point * panels + k / kWinogradPanel) * t.c + c) * kWinogradPanel + k % kWinogradPanel;
              winograd_multiply<false>(points + point * plane + c, c_step, count, depth, u, kWinogradPanel, sums + point * sum_plane + k - g0, k_step,
                                       least(kTileColumns, g1 - k), c > 0, u + depth * kWinogradPanel);
            }
        for (int64_t i = 0; i < count; ++i) {
          const int64_t at = (first + i) % (high * wide);
          winograd_outputs<M, R>(f, sums + i * k_step, sum_plane, (first + i) / (high * wide), at / wide * M, at % wide * M, g0, g1);
        }
      }
    }
  });
}

// ---- the gradient of the filter ----

// A dy of one tile for kLanes channels from v on, by output column.
template <int M, int R>
STEEPEST_INLINE void winograd_gradient_columns(const WinogradTiles& f, const Unpooling& dy, int64_t k, int64_t image, int64_t top, int64_t left, int64_t v,
                                               vfloat (&columns)[M][Winograd<M, R>::A]) {
  const int64_t pooled_p = f.p / 2, pooled_q = f.q / 2;
  vfloat d[M][M];
  if (dy.places) {
#pragma GCC unroll 2
    for (int i = 0; i < M; i += 2)
#pragma GCC unroll 2
      for (int j = 0; j < M; j += 2) {
        const int64_t y = (top + i) / 2, x = (left + j) / 2, at = ((image * pooled_p + y) * pooled_q + x) * k + v;
        const bool there = y < pooled_p && x < pooled_q;
        const vfloat value = there ? load(dy.values + at) : vfloat{};
        const vint place = there ? __builtin_convertvector(load(dy.places + at), vint) : vint{};
#pragma GCC unroll 4
        for (int z = 0; z < 4; ++z) d[i + z / 2][j + z % 2] = place == z ? value : vfloat{};
      }
  } else {
    const float* from = dy.values + ((image * f.p + top) * f.q + left) * k + v;
#pragma GCC unroll 4
    for (int i = 0; i < M; ++i)
#pragma GCC unroll 4
      for (int j = 0; j < M; ++j) d[i][j] = top + i < f.p && left + j < f.q ? load(from + (i * f.q + j) * k) : vfloat{};
  }
#pragma GCC unroll 4
  for (int j = 0; j < M; ++j) {
    vfloat column[M];
#pragma GCC unroll 4
    for (int i = 0; i < M; ++i) column[i] = d[i][j];
    Winograd<M, R>::gradient(column, columns[j]);
  }
}

// Row i of A dy A'.
template <int M, int R>
STEEPEST_INLINE void winograd_gradient_row(const vfloat (&columns)[M][Winograd<M, R>::A], int i, vfloat (&a)[Winograd<M, R>::A]) {
  vfloat row[M];
#pragma GCC unroll 4
  for (int j = 0; j < M; ++j) row[j] = columns[j][i];
  Winograd<M, R>::gradient(row, a);
}

// points[P, room, step] of one tile: A dy A' for every channel of dy.
template <int M, int R>
void winograd_gradient(const WinogradTiles& f, const Unpooling& dy, int64_t k, int64_t image, int64_t top, int64_t left, float* points, int64_t plane) {
  constexpr int A = Winograd<M, R>::A;
  for (int64_t v = 0; v < k; v += kLanes) {
    vfloat columns[M][A];
    winograd_gradient_columns<M, R>(f, dy, k, image, top, left, v, columns);
#pragma GCC unroll 8
    for (int i = 0; i < A; ++i) {
      vfloat a[A];
      winograd_gradient_row<M, R>(columns, i, a);
#pragma GCC unroll 8
      for (int j = 0; j < A; ++j) store(points + (i * A + j) * plane + v, a[j]);
    }
  }
}

struct WinogradFilter {
  WinogradTiles tiles;
  const float* x;
  Unpooling dy;
  int64_t k;
  float* dw;
};

constexpr int64_t kWinogradOwnSums = int64_t{640} << 10;       // bytes of the points' sums that each share has for itself
constexpr int64_t kWinogradLargeBlock = int64_t{16} << 20;  // bytes of a block of tiles where one sum is shared: as much as stays in L3

// dw = G' (the sum of parts[shares, P, c, k]) G.
template <int M, int R>
void winograd_taps(const WinogradFilter& f, float* parts, int64_t shares, Team& team) {
  using W = Winograd<M, R>;
  const WinogradTiles& t = f.tiles;
  const int64_t size = t.c * f.k;
  if (shares > 1)
    team.parallel(W::P, 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t share = 1; share < shares; ++share)
        for (int64_t at = begin * size; at < end * size; at += kLanes) store(parts + at, load(parts + at) + load(parts + share * W::P * size + at));
    });
  team.parallel(t.c, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t c = begin; c < end; ++c)
      for (int64_t v = 0; v < f.k; v += kLanes) {
        vfloat by_row[W::A][R];
#pragma GCC unroll 8
        for (int i = 0; i < W::A; ++i) {
          vfloat points[W::A];
#pragma GCC unroll 8
          for (int j = 0; j < W::A; ++j) points[j] = load(parts + (i * W::A + j) * size + c * f.k + v);
          W::filter_gradient(points, by_row[i]);
        }
#pragma GCC unroll 5
        for (int j = 0; j < R; ++j) {
          vfloat column[W::A], taps[R];
#pragma GCC unroll 8
          for (int i = 0; i < W::A; ++i) column[i] = by_row[i][j];
          W::filter_gradient(column, taps);
#pragma GCC unroll 5
          for (int i = 0; i < R; ++i) store(f.dw + ((i * R + j) * t.c + c) * f.k + v, taps[i]);
        }
      }
  });
}

// Sums for the tiles go to shares, a share to a thread, where the points' sums fit a cache; else through memory, a point to a thread. Which of
// them, and how tiles are shared, depends on the shapes alone.
template <int M, int R>
void winograd_filter_gradient(const WinogradFilter& f, Team& team) {
  using W = Winograd<M, R>;
  const WinogradTiles& t = f.tiles;
  const int64_t high = ceil_div(t.p, M), wide = ceil_div(t.q, M), tiles = t.n * high * wide, size = t.c * f.k;
  const int64_t c_step = t.c + kWinogradChannels, k_step = f.k + kWinogradChannels, floats_a_tile = W::P * (c_step + k_step);
  const bool small = W::P * size * 4 <= kWinogradOwnSums;
  const int64_t shares = small ? most(1, least(8, tiles / 128)) : 1, share_tiles = ceil_div(most(1, tiles), shares);
  const int64_t room = most(8, (small ? kWinogradBlock : kWinogradLargeBlock) / 4 / floats_a_tile);
  const int64_t block = ceil_div(share_tiles, ceil_div(share_tiles, room));
  float* parts = static_cast<float*>(team.scratch(0, kWinogradParts, sizeof(float) * static_cast<size_t>(shares * W::P * size)));
  const int64_t plane = block * c_step, k_plane = block * k_step;

  const auto transform = [&](int64_t index, int64_t c0, int64_t c1, float* points, float* gradients) {
    const int64_t image = index / (high * wide), at = index % (high * wide), top = at / wide * M, left = at % wide * M;
    winograd_input<M, R>(t, {f.x, nullptr}, image, top, left, c0, c1, points, plane);
    winograd_gradient<M, R>(t, f.dy, f.k, image, top, left, gradients, k_plane);
  };
  const auto accumulate = [&](int64_t point, int64_t count, int64_t c0, int64_t c1, const float* points, const float* gradients, float* part, bool add) {
    for (int64_t i = 0; i < count; i += kWinogradDepth)
      for (int64_t k = 0; k < f.k; k += kTileColumns) {
        const float* from = gradients + point * k_plane + i * k_step + k;
        winograd_multiply<true>(points + point * plane + i * c_step, c_step, c1 - c0, least(kWinogradDepth, count - i), from, k_step,
                                part + point * size + c0 * f.k + k, f.k, least(kTileColumns, f.k - k), add || i > 0, from + kTileColumns);
      }
  };

  if (small) {
    const int64_t groups = t.c / kWinogradChannels, splits = least(groups, ceil_div(team.threads(), shares));  // few shares: channels are shared out too
    team.parallel(shares * splits, 1, [&](int64_t begin, int64_t end, int thread) {
      float* points = static_cast<float*>(team.scratch(thread, kWinogradPoints, sizeof(float) * static_cast<size_t>(W::P * plane)));
      float* gradients = static_cast<float*>(team.scratch(thread, kWinogradSums, sizeof(float) * static_cast<size_t>(W::P * k_plane)));
      for (int64_t unit = begin; unit < end; ++unit) {
        const int64_t share = unit / splits, first = tiles * share / shares, behind = tiles * (share + 1) / shares;
        const int64_t c0 = groups * (unit % splits) / splits * kWinogradChannels, c1 = groups * (unit % splits + 1) / splits * kWinogradChannels;
        for (int64_t index = first; index < behind; index += block) {
          const int64_t count = least(block, behind - index);
          for (int64_t i = 0; i < count; ++i) transform(index + i, c0, c1, points + i * c_step, gradients + i * k_step);
          for (int64_t point = 0; point < W::P; ++point)
            accumulate(point, count, c0, c1, points, gradients, parts + share * W::P * size, index > first);
        }
      }
    });
  } else {
    float* points = static_cast<float*>(team.scratch(0, kWinogradPoints, sizeof(float) * static_cast<size_t>(W::P * plane)));
    float* gradients = static_cast<float*>(team.scratch(0, kWinogradSums, sizeof(float) * static_cast<size_t>(W::P * k_plane)));
    for (int64_t index = 0; index < tiles; index += block) {
      const int64_t count = least(block, tiles - index);
      team.parallel(count, 4, [&](int64_t begin, int64_t end, int) {
        for (int64_t i = begin; i < end; ++i) transform(index + i, 0, t.c, points + i * c_step, gradients + i * k_step);
      });
      team.parallel(W::P, 1, [&](int64_t begin, int64_t end, int) {
        for (int64_t point = begin; point < end; ++point) accumulate(point, count, 0, t.c, points, gradients, parts, index > 0);
      });
    }
  }

  winograd_taps<M, R>(f, parts, shares, team);
}

// ---- few input channels: lanes are rows of points ----
//
// A strip is two rows of tiles, one below the other. The lines of the image they read are a few vectors of (pixel, channel): B' d is done on
// these; transposed, every (pixel, channel) is a vector of the rows of points of both tiles, for d B. Sums over so few channels are made where
// they are transformed, and those for the filter in L1.

constexpr int64_t kStripWidth = 8;   // tiles of a row, so that points stay in L1
constexpr int64_t kStripsSummed = 8;  // strips whose products are one sum: 128 tiles

template <int M, int R>
struct WinogradStrips {
  static constexpr int A = Winograd<M, R>::A, P = A * A;
  static constexpr int ROWS = (2 * A + kLanes - 1) / kLanes * kLanes;  // rows of points of both tiles, filled up to whole vectors
  const WinogradTiles& f;
  const int64_t high = ceil_div(f.p, 2 * M), wide = ceil_div(ceil_div(f.q, M), kStripWidth), total = f.n * high * wide;
  const int64_t longest = least(kStripWidth, ceil_div(f.q, M));
  const int64_t step = ceil_div((longest * M + R - 1) * f.c, kLanes) * kLanes;  // floats of a line

  struct Strip {
    int64_t image, top, left, tiles;
  };
  Strip strip(int64_t index) const {
    const int64_t at = index % (high * wide), left = at % wide * kStripWidth * M;
    return {index / (high * wide), at / wide * 2 * M, left, least(kStripWidth, ceil_div(f.q - left, M))};
  }

  int64_t point_floats() const { return longest * f.c * A * ROWS; }
  int64_t line_floats() const { return step * (A + M + ROWS); }

  // points[tile, channel, j, ROWS]: point (i, j) of the upper tile at i, of the lower at A + i.
  void transform(const float* x, const Strip& s, float* lines, float* points) const {
    const int64_t y0 = s.top - f.padding, x0 = s.left - f.padding, pixels = s.tiles * M + R - 1;
    const int64_t begin = most(0, least(pixels, -x0)) * f.c, end = most(begin, least(pixels, f.w - x0) * f.c);
    for (int64_t i = 0; i < A + M; ++i) {
      float* line = lines + i * step;
      const bool there = y0 + i >= 0 && y0 + i < f.h;
      if (!there || end - begin < step) __builtin_memset(line, 0, sizeof(float) * static_cast<size_t>(step));
      if (there && end > begin)
        __builtin_memcpy(line + begin, x + ((s.image * f.h + y0 + i) * f.w + x0) * f.c + begin, sizeof(float) * static_cast<size_t>(end - begin));
    }
    float* turned = lines + (A + M) * step;
    for (int64_t v = 0; v < pixels * f.c; v += kLanes) {
      vfloat rows[ROWS / kLanes][kLanes] = {};
#pragma GCC unroll 2
      for (int g = 0; g < 2; ++g) {
        vfloat d[A];
#pragma GCC unroll 8
        for (int i = 0; i < A; ++i) d[i] = load(lines + (g * M + i) * step + v);
        Winograd<M, R>::input(d);
#pragma GCC unroll 8
        for (int i = 0; i < A; ++i) rows[(g * A + i) / kLanes][(g * A + i) % kLanes] = d[i];
      }
#pragma GCC unroll 4
      for (int part = 0; part < ROWS / kLanes; ++part) {
        transpose(rows[part]);
#pragma GCC unroll 16
        for (int i = 0; i < kLanes; ++i) store(turned + (v + i) * ROWS + part * kLanes, rows[part][i]);
      }
    }
    for (int64_t tile = 0; tile < s.tiles; ++tile)
      for (int64_t c = 0; c < f.c; ++c)
#pragma GCC unroll 4
        for (int part = 0; part < ROWS / kLanes; ++part) {
          vfloat d[A];
#pragma GCC unroll 8
          for (int j = 0; j < A; ++j) d[j] = load(turned + ((tile * M + j) * f.c + c) * ROWS + part * kLanes);
          Winograd<M, R>::input(d);
#pragma GCC unroll 8
          for (int j = 0; j < A; ++j) store(points + ((tile * f.c + c) * A + j) * ROWS + part * kLanes, d[j]);
        }
  }
};

template <int M, int R>
void winograd_convolve_strips(const WinogradConvolution& f, Team& team) {
  using S = WinogradStrips<M, R>;
  constexpr int A = S::A;
  const S strips{f.tiles};
  const int64_t c = f.tiles.c, panels = ceil_div(f.k, kWinogradPanel), plane = panels * c * kWinogradPanel;
  team.parallel(strips.total, 4, [&](int64_t begin, int64_t end, int thread) {
    float* points = static_cast<float*>(team.scratch(thread, kWinogradPoints, sizeof(float) * static_cast<size_t>(strips.point_floats())));
    float* lines = static_cast<float*>(team.scratch(thread, kWinogradSums, sizeof(float) * static_cast<size_t>(strips.line_floats())));
    for (int64_t index = begin; index < end; ++index) {
      const auto strip = strips.strip(index);
      strips.transform(f.x.values, strip, lines, points);
      for (int64_t v = 0; v < f.k; v += kLanes)
        for (int64_t at = 0; at < 2 * strip.tiles; ++at) {
          const int64_t lower = at % 2, top = strip.top + lower * M;
          if (top >= f.tiles.p) continue;
          const float* a = points + at / 2 * c * A * S::ROWS + lower * A;
          const float* u = f.u + v / kWinogradPanel * c * kWinogradPanel + v % kWinogradPanel;
          winograd_output<M, R>(f, strip.image, top, strip.left + at / 2 * M, v, [&](int j, vfloat (&column)[A]) {
#pragma GCC unroll 8
            for (int i = 0; i < A; ++i) column[i] = vfloat{};
            for (int64_t t = 0; t < c; ++t)
#pragma GCC unroll 8
              for (int i = 0; i < A; ++i)
                column[i] = fma(broadcast(a[(t * A + j) * S::ROWS + i]), load(u + (i * A + j) * plane + t * kWinogradPanel), column[i]);
          });
        }
    }
  });
}

template <int M, int R>
void winograd_filter_gradient_strips(const WinogradFilter& f, Team& team) {
  using S = WinogradStrips<M, R>;
  constexpr int A = S::A, P = S::P;
  const S strips{f.tiles};
  const int64_t c = f.tiles.c, size = c * f.k, shares = most(1, least(8, strips.total / kStripsSummed));
  const size_t bytes = sizeof(float) * static_cast<size_t>(P * size);
  float* parts = static_cast<float*>(team.scratch(0, kWinogradParts, bytes * static_cast<size_t>(shares)));
  team.parallel(shares, 1, [&](int64_t begin, int64_t end, int thread) {
    float* points = static_cast<float*>(team.scratch(thread, kWinogradPoints, sizeof(float) * static_cast<size_t>(strips.point_floats())));
    float* sums = static_cast<float*>(team.scratch(thread, kWinogradSums, bytes + sizeof(float) * static_cast<size_t>(strips.line_floats())));
    float* lines = sums + P * size;
    for (int64_t share = begin; share < end; ++share) {
      float* part = parts + share * P * size;
      __builtin_memset(part, 0, bytes);
      const int64_t behind = strips.total * (share + 1) / shares;
      for (int64_t first = strips.total * share / shares; first < behind; first += kStripsSummed) {
        __builtin_memset(sums, 0, bytes);  // [k / kLanes, c, P, kLanes]
        for (int64_t index = first; index < least(behind, first + kStripsSummed); ++index) {
          const auto strip = strips.strip(index);
          strips.transform(f.x, strip, lines, points);
          for (int64_t v = 0; v < f.k; v += kLanes)
            for (int64_t tile = 0; tile < strip.tiles; ++tile) {
              vfloat upper[M][A], lower[M][A];
              winograd_gradient_columns<M, R>(f.tiles, f.dy, f.k, strip.image, strip.top, strip.left + tile * M, v, upper);
              winograd_gradient_columns<M, R>(f.tiles, f.dy, f.k, strip.image, strip.top + M, strip.left + tile * M, v, lower);
#pragma GCC unroll 8
              for (int i = 0; i < A; ++i) {
                vfloat a[A], b[A];
                winograd_gradient_row<M, R>(upper, i, a);
                winograd_gradient_row<M, R>(lower, i, b);
                for (int64_t t = 0; t < c; ++t) {
                  const float* at = points + (tile * c + t) * A * S::ROWS + i;
                  float* to = sums + ((v / kLanes * c + t) * P + i * A) * kLanes;
#pragma GCC unroll 8
                  for (int j = 0; j < A; ++j) {
                    const vfloat sum = fma(broadcast(at[j * S::ROWS]), a[j], load(to + j * kLanes));
                    store(to + j * kLanes, fma(broadcast(at[j * S::ROWS + A]), b[j], sum));
                  }
                }
              }
            }
        }
        for (int64_t v = 0; v < f.k; v += kLanes)
          for (int64_t t = 0; t < c; ++t)
            for (int64_t point = 0; point < P; ++point) {
              float* to = part + point * size + t * f.k + v;
              store(to, load(to) + load(sums + ((v / kLanes * c + t) * P + point) * kLanes));
            }
      }
    }
  });
  winograd_taps<M, R>(f, parts, shares, team);
}

template <int M, int R>
void winograd_run(const WinogradConvolution& f, Team& team) {
  (f.tiles.c < kWinogradChannels ? winograd_convolve_strips<M, R> : winograd_convolve<M, R>)(f, team);
}
template <int M, int R>
void winograd_run(const WinogradFilter& f, Team& team) {
  (f.tiles.c < kWinogradChannels ? winograd_filter_gradient_strips<M, R> : winograd_filter_gradient<M, R>)(f, team);
}

// A WinogradConvolution or a WinogradFilter.
template <class Task>
void winograd(const Task& f, int64_t tile, int64_t r, Team& team) {
  if (r == 5) return tile == 4 ? winograd_run<4, 5>(f, team) : winograd_run<2, 5>(f, team);
  return tile == 4 ? winograd_run<4, 3>(f, team) : winograd_run<2, 3>(f, team);
}

STEEPEST_KERNELS_END
