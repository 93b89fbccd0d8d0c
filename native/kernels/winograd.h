// Winograd's minimal filtering (Lavin and Gray, "Fast algorithms for convolutional neural networks", 2016): M x M outputs of a filter R x R
// from A x A inputs, A = M + R - 1, with A^2 products for the M^2 R^2 of the sum itself:
//
//   F(2x2,3x3) 16 for 36 (A = 4)      F(4x4,3x3) 36 for 144 (A = 6)      F(2x2,5x5) 36 for 100 (A = 6)
//
//   forward   y  = A' [ (G g G') . (B' d B) ] A        summed over channels: A^2 products of matrices [tiles, c] [c, k]
//   filter    dg = G' [ (A dy A') . (B' d B) ] G       summed over tiles:    A^2 products of matrices [c, tiles] [tiles, k]
//   input     the forward with the filter turned by 180 degrees
//
// The points of evaluation are 0, 1, -1, infinity (A = 4) and 0, 1, -1, 2, -2, infinity (A = 6).
#pragma once
#include "gemm_tile.h"

STEEPEST_KERNELS_BEGIN

constexpr int64_t kWinogradPanel = 32;     // columns of a panel of transformed filters, whatever the instruction set
constexpr int64_t kWinogradChannels = 16;  // channels must be a multiple of this, so that every vector is whole

// Whether there is a form for these sizes; else the caller sums directly.
inline bool winograd_fits(int64_t tile, int64_t r, int64_t s, int64_t stride, int64_t c, int64_t k) {
  const bool known = (r == 3 && (tile == 2 || tile == 4)) || (r == 5 && tile == 2);
  return known && r == s && stride == 1 && c > 0 && k > 0 && c % kWinogradChannels == 0 && k % kWinogradChannels == 0;
}

template <int M, int R>
struct Winograd {
  static constexpr int A = M + R - 1, P = A * A;
  static_assert(A == 4 || A == 6, "points are known for four and six");

  // B': inputs to points.
  STEEPEST_INLINE static void input(vfloat (&d)[A]) {
    if constexpr (A == 4) {
      const vfloat a = d[0] - d[2], b = d[1] + d[2], c = d[2] - d[1], e = d[1] - d[3];
      d[0] = a, d[1] = b, d[2] = c, d[3] = e;
    } else {
      const vfloat even = fma(broadcast(-4.0f), d[2], d[4]), odd = fma(broadcast(-4.0f), d[1], d[3]);
      const vfloat even2 = d[4] - d[2], odd2 = (d[3] - d[1]) * 2.0f;
      const vfloat first = fma(broadcast(4.0f), d[0], fma(broadcast(-5.0f), d[2], d[4]));
      const vfloat last = fma(broadcast(4.0f), d[1], fma(broadcast(-5.0f), d[3], d[5]));
      d[0] = first, d[1] = even + odd, d[2] = even - odd, d[3] = even2 + odd2, d[4] = even2 - odd2, d[5] = last;
    }
  }

  // A': points to outputs.
  STEEPEST_INLINE static void output(const vfloat (&a)[A], vfloat (&y)[M]) {
    if constexpr (A == 4) {
      y[0] = a[0] + (a[1] + a[2]);
      y[1] = (a[1] - a[2]) - a[3];
    } else {
      const vfloat sum1 = a[1] + a[2], difference1 = a[1] - a[2], sum2 = a[3] + a[4], difference2 = a[3] - a[4];
      y[0] = (a[0] + sum1) + sum2;
      y[1] = fma(broadcast(2.0f), difference2, difference1);
      if constexpr (M == 4) {
        y[2] = fma(broadcast(4.0f), sum2, sum1);
        y[3] = fma(broadcast(8.0f), difference2, difference1) + a[5];
      } else {
        y[1] += a[5];
      }
    }
  }

  // A: gradients of outputs to points.
  STEEPEST_INLINE static void gradient(const vfloat (&y)[M], vfloat (&a)[A]) {
    if constexpr (A == 4) {
      a[0] = y[0], a[1] = y[0] + y[1], a[2] = y[0] - y[1], a[3] = -y[1];
    } else {
      vfloat even = y[0], odd = y[1], even4 = y[0], odd4 = y[1] * 2.0f;
      if constexpr (M == 4) {
        even += y[2], odd += y[3];
        even4 = fma(broadcast(4.0f), y[2], even4), odd4 = fma(broadcast(8.0f), y[3], odd4);
      }
      a[0] = y[0], a[1] = even + odd, a[2] = even - odd, a[3] = even4 + odd4, a[4] = even4 - odd4, a[5] = y[M - 1];
    }
  }

  // G: taps to points.
  static constexpr float g(int point, int tap) {
    if (point == A - 1) return tap == R - 1 ? 1.0f : 0.0f;
    if (A == 4) return point == 0 ? (tap == 0 ? 1.0f : 0.0f) : point == 2 && tap == 1 ? -0.5f : 0.5f;
    if (point == 0) return tap == 0 ? 0.25f : 0.0f;
    const float sign = point % 2 == 0 && tap % 2 == 1 ? -1.0f : 1.0f;
    return point <= 2 ? sign * (-1.0f / 6.0f) : sign * static_cast<float>(1 << tap) / 24.0f;
  }
  STEEPEST_INLINE static void filter(const vfloat (&taps)[R], vfloat (&points)[A]) {
#pragma GCC unroll 6
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
#pragma GCC unroll 6
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

// points[P, room, step] of one tile: B' d B for every channel. UNPOOL: d is to be unpooled.
template <int M, int R, bool UNPOOL>
void winograd_input(const WinogradTiles& f, const Unpooling& x, int64_t image, int64_t top, int64_t left, float* points, int64_t plane) {
  constexpr int A = Winograd<M, R>::A, shift = UNPOOL ? 1 : 0;
  const int64_t high = f.h >> shift, wide = f.w >> shift, origin = image * high * wide * f.c;
  const int64_t y0 = top - f.padding, x0 = left - f.padding;
  const bool inside = y0 >= 0 && x0 >= 0 && y0 + A <= f.h && x0 + A <= f.w;
  alignas(64) const float zeros[kLanes] = {};
  alignas(64) const uint16_t nowhere[kLanes] = {};
  const float* at[A][A];
  const uint16_t* place[A][A];
  int64_t step[A][A];  // 0 where there is padding: the zeros again and again
  for (int i = 0; i < A; ++i)
    for (int j = 0; j < A; ++j) {
      const int64_t yy = y0 + i, xx = x0 + j;
      const bool there = (inside && !UNPOOL) || (yy >= 0 && yy >> shift < high && xx >= 0 && xx >> shift < wide);
      const int64_t element = origin + ((yy >> shift) * wide + (xx >> shift)) * f.c;
      at[i][j] = there ? x.values + element : zeros;
      if (UNPOOL) place[i][j] = there ? x.places + element : nowhere;
      step[i][j] = there ? 1 : 0;
    }
  for (int64_t v = 0; v < f.c; v += kLanes) {
    vfloat d[A][A];
#pragma GCC unroll 6
    for (int j = 0; j < A; ++j) {
      vfloat column[A];
#pragma GCC unroll 6
      for (int i = 0; i < A; ++i) {
        column[i] = load(at[i][j] + v * step[i][j]);
        if (UNPOOL) {
          const vint chosen = __builtin_convertvector(load(place[i][j] + v * step[i][j]), vint);
          column[i] = chosen == static_cast<int32_t>(((y0 + i) & 1) * 2 + ((x0 + j) & 1)) ? column[i] : vfloat{};
        }
      }
      Winograd<M, R>::input(column);
#pragma GCC unroll 6
      for (int i = 0; i < A; ++i) d[i][j] = column[i];
    }
#pragma GCC unroll 6
    for (int i = 0; i < A; ++i) {
      Winograd<M, R>::input(d[i]);
#pragma GCC unroll 6
      for (int j = 0; j < A; ++j) store(points + (i * A + j) * plane + v, d[i][j]);
    }
  }
}

// The convolution of `tiles` with transformed filters u[P, panel, c, 32], its bias, relu and 2 x 2 max pooling.
struct WinogradConvolution {
  WinogradTiles tiles;
  Unpooling x;
  int64_t k;
  const float* u;
  const float* bias;  // or null
  bool relu;
  float* y;
  bool pool;
  uint16_t* argmax;  // or null
};

template <int M, int R>
void winograd_outputs(const WinogradConvolution& f, const float* sums, int64_t plane, int64_t image, int64_t top, int64_t left, int64_t k0, int64_t k1) {
  using W = Winograd<M, R>;
  const int64_t p = f.tiles.p, q = f.tiles.q, height = f.pool ? p / 2 : p, width = f.pool ? q / 2 : q;
  for (int64_t v = k0; v < k1; v += kLanes) {
    vfloat rows[M][W::A];
#pragma GCC unroll 6
    for (int j = 0; j < W::A; ++j) {
      vfloat column[W::A], y[M];
#pragma GCC unroll 6
      for (int i = 0; i < W::A; ++i) column[i] = load(sums + (i * W::A + j) * plane + v - k0);
      W::output(column, y);
#pragma GCC unroll 4
      for (int i = 0; i < M; ++i) rows[i][j] = y[i];
    }
    vfloat o[M][M];
    const vfloat bias = f.bias ? load(f.bias + v) : vfloat{};
#pragma GCC unroll 4
    for (int i = 0; i < M; ++i) {
      W::output(rows[i], o[i]);
#pragma GCC unroll 4
      for (int j = 0; j < M; ++j) {
        o[i][j] += bias;
        if (f.relu) o[i][j] = relu(o[i][j]);
      }
    }
    if (!f.pool) {
#pragma GCC unroll 4
      for (int i = 0; i < M; ++i)
#pragma GCC unroll 4
        for (int j = 0; j < M; ++j)
          if (top + i < p && left + j < q) store(f.y + ((image * p + top + i) * q + left + j) * f.k + v, o[i][j]);
      continue;
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
}

enum WinogradSlot { kWinogradTable, kWinogradPoints, kWinogradSums, kWinogradParts, kWinogradMore };

// c = a b, or c += a b with the product summed apart first: long sums are exact enough in pieces of kWinogradDepth.
constexpr int64_t kWinogradDepth = 256;

inline void winograd_multiply(const float* a, const int64_t* row, int64_t m, const Walk& walk, const float* b, int64_t b_step, float* c, int64_t c_step,
                              int64_t columns, bool more, float* product) {
  if (!more) return multiply(a, row, m, walk, b, b_step, c, c_step, columns, {false, nullptr, false});
  multiply(a, row, m, walk, b, b_step, product, kTileColumns, columns, {false, nullptr, false});
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < columns; j += kLanes) store(c + i * c_step + j, load(c + i * c_step + j) + load(product + i * kTileColumns + j));
}

constexpr int64_t kWinogradSmall = int64_t{1} << 20;   // bytes of transformed filters that stay in a cache
constexpr int64_t kWinogradBlock = int64_t{576} << 10;  // bytes of points and sums of a block of tiles

template <int M, int R>
void winograd_convolve(const WinogradConvolution& f, Team& team) {
  using W = Winograd<M, R>;
  const WinogradTiles& t = f.tiles;
  const int64_t high = ceil_div(t.p, M), wide = ceil_div(t.q, M), tiles = t.n * high * wide;
  if (tiles == 0) return;
  // Filters that stay in L2 beside the points of a block of tiles: panel by panel, so that sums are few. Larger ones pass once for each block
  // of many tiles, all panels for a point.
  const int64_t panels = ceil_div(f.k, kWinogradPanel);
  const bool small = W::P * t.c * f.k * 4 <= kWinogradSmall;
  const int64_t group = small ? kWinogradPanel : panels * kWinogradPanel;
  const int64_t c_step = t.c + kWinogradChannels, k_step = group + kWinogradChannels;
  const int64_t fitting = (small ? kWinogradBlock : 2 * kWinogradBlock) / (W::P * 4 * (c_step + k_step)) / kTileRows * kTileRows;
  const int64_t room = least(tiles, most(fitting, small ? kTileRows : 4 * kTileRows));
  const int64_t blocks = most(ceil_div(tiles, room), least(team.threads(), tiles / kTileRows));
  const int64_t splits = least(panels, ceil_div(team.threads(), blocks));  // few tiles: channels are shared out too
  const int64_t largest = ceil_div(tiles, blocks);
  int64_t* row = static_cast<int64_t*>(team.scratch(0, kWinogradTable, sizeof(int64_t) * static_cast<size_t>(largest)));
  for (int64_t i = 0; i < largest; ++i) row[i] = i * c_step;
  team.parallel(blocks * splits, 1, [&](int64_t begin, int64_t end, int thread) {
    float* points = static_cast<float*>(team.scratch(thread, kWinogradPoints, sizeof(float) * static_cast<size_t>(W::P * largest * c_step)));
    float* sums = static_cast<float*>(team.scratch(thread, kWinogradSums, sizeof(float) * static_cast<size_t>(W::P * largest * k_step)));
    float* product = t.c <= kWinogradDepth ? nullptr : static_cast<float*>(team.scratch(thread, kWinogradMore, sizeof(float) * static_cast<size_t>(largest * kTileColumns)));
    const int64_t plane = largest * c_step, sum_plane = largest * k_step, start = 0;
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t first = tiles * (unit / splits) / blocks, count = tiles * (unit / splits + 1) / blocks - first;
      const int64_t k0 = panels * (unit % splits) / splits * kWinogradPanel, k1 = least(f.k, panels * (unit % splits + 1) / splits * kWinogradPanel);
      for (int64_t i = 0; i < count; ++i) {
        const int64_t at = (first + i) % (high * wide);
        const auto input = f.x.places ? winograd_input<M, R, true> : winograd_input<M, R, false>;
        input(t, f.x, (first + i) / (high * wide), at / wide * M, at % wide * M, points + i * c_step, plane);
      }
      for (int64_t g0 = k0; g0 < k1; g0 += group) {
        const int64_t g1 = least(g0 + group, k1);
        for (int64_t point = 0; point < W::P; ++point)
          for (int64_t k = g0; k < g1; k += kTileColumns)
            for (int64_t c = 0; c < t.c; c += kWinogradDepth)
              winograd_multiply(points + point * plane + c, row, count, {&start, 1, least(kWinogradDepth, t.c - c), 1},
                                f.u + ((point * panels + k / kWinogradPanel) * t.c + c) * kWinogradPanel + k % kWinogradPanel, kWinogradPanel,
                                sums + point * sum_plane + k - g0, k_step, least(kTileColumns, g1 - k), c > 0, product);
        for (int64_t i = 0; i < count; ++i) {
          const int64_t at = (first + i) % (high * wide);
          winograd_outputs<M, R>(f, sums + i * k_step, sum_plane, (first + i) / (high * wide), at / wide * M, at % wide * M, g0, g1);
        }
      }
    }
  });
}

inline void winograd_convolve(const WinogradConvolution& f, int64_t tile, int64_t r, Team& team) {
  if (r == 5) return winograd_convolve<2, 5>(f, team);
  return tile == 4 ? winograd_convolve<4, 3>(f, team) : winograd_convolve<2, 3>(f, team);
}

// ---- the gradient of the filter ----

// points[P, room, step] of one tile: A dy A' for every channel of dy.
template <int M, int R>
void winograd_gradient(const WinogradTiles& f, const Unpooling& dy, int64_t k, int64_t image, int64_t top, int64_t left, float* points, int64_t plane) {
  using W = Winograd<M, R>;
  const float* from = dy.values + ((image * f.p + top) * f.q + left) * k;
  const int64_t pooled_p = f.p / 2, pooled_q = f.q / 2;
  for (int64_t v = 0; v < k; v += kLanes) {
    vfloat d[M][M], columns[M][W::A];  // by output column
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
#pragma GCC unroll 4
      for (int i = 0; i < M; ++i)
#pragma GCC unroll 4
        for (int j = 0; j < M; ++j) d[i][j] = top + i < f.p && left + j < f.q ? load(from + (i * f.q + j) * k + v) : vfloat{};
    }
#pragma GCC unroll 4
    for (int j = 0; j < M; ++j) {
      vfloat column[M];
#pragma GCC unroll 4
      for (int i = 0; i < M; ++i) column[i] = d[i][j];
      W::gradient(column, columns[j]);
    }
#pragma GCC unroll 6
    for (int i = 0; i < W::A; ++i) {
      vfloat row[M], a[W::A];
#pragma GCC unroll 4
      for (int j = 0; j < M; ++j) row[j] = columns[j][i];
      W::gradient(row, a);
#pragma GCC unroll 6
      for (int j = 0; j < W::A; ++j) store(points + (i * W::A + j) * plane + v, a[j]);
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

// Sums for the tiles go to shares, a share to a thread, where the points' sums fit a cache; else through memory, a point to a thread. Which of
// them, and how tiles are shared, depends on the shapes alone.
template <int M, int R>
void winograd_filter_gradient(const WinogradFilter& f, Team& team) {
  using W = Winograd<M, R>;
  const WinogradTiles& t = f.tiles;
  const int64_t high = ceil_div(t.p, M), wide = ceil_div(t.q, M), tiles = t.n * high * wide, size = t.c * f.k;
  const int64_t c_step = t.c + kWinogradChannels, k_step = f.k + kWinogradChannels, floats_a_tile = W::P * (c_step + k_step);
  const bool small = W::P * size * 4 <= (int64_t{640} << 10);
  const int64_t shares = small ? most(1, least(16, tiles / 32)) : 1;
  const int64_t room = small ? most(8, kWinogradBlock / 4 / floats_a_tile) : most(1, (int64_t{8} << 20) / floats_a_tile);
  const int64_t block = least(room, ceil_div(most(1, tiles), shares));
  int64_t* row = static_cast<int64_t*>(team.scratch(0, kWinogradTable, sizeof(int64_t) * static_cast<size_t>(t.c)));
  for (int64_t i = 0; i < t.c; ++i) row[i] = i;
  float* parts = static_cast<float*>(team.scratch(0, kWinogradParts, sizeof(float) * static_cast<size_t>(shares * W::P * size)));
  const int64_t plane = block * c_step, k_plane = block * k_step, start = 0;

  const auto transform = [&](int64_t index, int64_t place, float* points, float* gradients) {
    const int64_t image = index / (high * wide), at = index % (high * wide);
    winograd_input<M, R, false>(t, {f.x, nullptr}, image, at / wide * M, at % wide * M, points + place * c_step, plane);
    winograd_gradient<M, R>(t, f.dy, f.k, image, at / wide * M, at % wide * M, gradients + place * k_step, k_plane);
  };
  const auto accumulate = [&](int64_t point, int64_t count, const float* points, const float* gradients, float* part, bool more, int thread) {
    float* product = static_cast<float*>(team.scratch(thread, kWinogradMore, sizeof(float) * static_cast<size_t>(t.c * kTileColumns)));
    for (int64_t i = 0; i < count; i += kWinogradDepth)
      for (int64_t k = 0; k < f.k; k += kTileColumns)
        winograd_multiply(points + point * plane + i * c_step, row, t.c, {&start, 1, least(kWinogradDepth, count - i), c_step},
                          gradients + point * k_plane + i * k_step + k, k_step, part + point * size + k, f.k, least(kTileColumns, f.k - k),
                          more || i > 0, product);
  };

  if (small) {
    team.parallel(shares, 1, [&](int64_t begin, int64_t end, int thread) {
      float* points = static_cast<float*>(team.scratch(thread, kWinogradPoints, sizeof(float) * static_cast<size_t>(W::P * plane)));
      float* gradients = static_cast<float*>(team.scratch(thread, kWinogradSums, sizeof(float) * static_cast<size_t>(W::P * k_plane)));
      for (int64_t share = begin; share < end; ++share) {
        const int64_t first = tiles * share / shares, behind = tiles * (share + 1) / shares;
        for (int64_t index = first; index < behind; index += block) {
          const int64_t count = least(block, behind - index);
          for (int64_t i = 0; i < count; ++i) transform(index + i, i, points, gradients);
          for (int64_t point = 0; point < W::P; ++point) accumulate(point, count, points, gradients, parts + share * W::P * size, index > first, thread);
        }
      }
    });
  } else {
    float* points = static_cast<float*>(team.scratch(0, kWinogradPoints, sizeof(float) * static_cast<size_t>(W::P * plane)));
    float* gradients = static_cast<float*>(team.scratch(0, kWinogradSums, sizeof(float) * static_cast<size_t>(W::P * k_plane)));
    for (int64_t index = 0; index < tiles; index += block) {
      const int64_t count = least(block, tiles - index);
      team.parallel(count, 4, [&](int64_t begin, int64_t end, int) {
        for (int64_t i = begin; i < end; ++i) transform(index + i, i, points, gradients);
      });
      team.parallel(W::P, 1, [&](int64_t begin, int64_t end, int thread) {
        for (int64_t point = begin; point < end; ++point) accumulate(point, count, points, gradients, parts, index > 0, thread);
      });
    }
  }

  team.parallel(t.c, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t c = begin; c < end; ++c)
      for (int64_t v = 0; v < f.k; v += kLanes) {
        vfloat by_row[W::A][R];
#pragma GCC unroll 6
        for (int i = 0; i < W::A; ++i) {
          vfloat points[W::A];
#pragma GCC unroll 6
          for (int j = 0; j < W::A; ++j) {
            const float* at = parts + (i * W::A + j) * size + c * f.k + v;
            points[j] = load(at);
            for (int64_t share = 1; share < shares; ++share) points[j] += load(at + share * W::P * size);
          }
          W::filter_gradient(points, by_row[i]);
        }
#pragma GCC unroll 5
        for (int j = 0; j < R; ++j) {
          vfloat column[W::A], taps[R];
#pragma GCC unroll 6
          for (int i = 0; i < W::A; ++i) column[i] = by_row[i][j];
          W::filter_gradient(column, taps);
#pragma GCC unroll 5
          for (int i = 0; i < R; ++i) store(f.dw + ((i * R + j) * t.c + c) * f.k + v, taps[i]);
        }
      }
  });
}

inline void winograd_filter_gradient(const WinogradFilter& f, int64_t tile, int64_t r, Team& team) {
  if (r == 5) return winograd_filter_gradient<2, 5>(f, team);
  return tile == 4 ? winograd_filter_gradient<4, 3>(f, team) : winograd_filter_gradient<2, 3>(f, team);
}

STEEPEST_KERNELS_END
