// Convolutions by Winograd's minimal filtering and their filter gradients, for channels in whole vectors: a block of tiles is transformed, then
// multiplied point by point.
#pragma once
#include "ending.h"
#include "gemm_tile.h"
#include "winograd_filter.h"

STEEPEST_KERNELS_BEGIN

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

// points[P, room, step] at one tile and kLanes channels: d B of d = B' x.
template <int M, int R>
STEEPEST_INLINE void winograd_points(vfloat (&d)[Winograd<M, R>::A][Winograd<M, R>::A], float* points, int64_t plane) {
  constexpr int A = Winograd<M, R>::A;
#pragma GCC unroll 8
  for (int i = 0; i < A; ++i) {
    Winograd<M, R>::input(d[i]);
#pragma GCC unroll 8
    for (int j = 0; j < A; ++j) store(points + (i * A + j) * plane, d[i][j]);
  }
}

// points[P, room, step] of one tile: B' d B for the channels [c0, c1), groups of kWinogradChannels `apart` from each other. INSIDE: no input
// lies outside the image.
template <int M, int R, bool INSIDE>
void winograd_input(const WinogradTiles& f, const float* x, int64_t image, int64_t y0, int64_t x0, int64_t c0, int64_t c1, float* points, int64_t plane,
                    int64_t apart) {
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
    winograd_points<M, R>(d, points + (v - c0) / kWinogradChannels * apart + v % kWinogradChannels, plane);
  }
}

// The same of inputs that are still to be unpooled. ODD: the tile begins in the middle of a window of the pooling.
template <int M, int R, bool ODD>
void winograd_input_unpooled(const WinogradTiles& f, const Unpooling& x, int64_t image, int64_t y0, int64_t x0, int64_t c0, int64_t c1, float* points, int64_t plane) {
  constexpr int A = Winograd<M, R>::A, W = A / 2 + (ODD ? 1 : 0);  // windows that a tile touches along a side
  alignas(64) const float zeros[kLanes] = {};
  alignas(64) const uint16_t nowhere[kLanes] = {};
  const int64_t high = f.h / 2, wide = f.w / 2, top = (y0 - ODD) / 2, left = (x0 - ODD) / 2, corner = ((image * high + top) * wide + left) * f.c;
  for (int64_t v = c0; v < c1; v += kLanes) {
    vfloat d[A][A];
#pragma GCC unroll 8
    for (int column = 0; column < W; ++column) {
      vfloat value[W];
      vint place[W];
#pragma GCC unroll 8
      for (int row = 0; row < W; ++row) {
        const bool there = top + row >= 0 && top + row < high && left + column >= 0 && left + column < wide;
        const int64_t at = corner + (row * wide + column) * f.c + v;
        if (column >= W - M / 2) {  // what the tile beside will read first
          __builtin_prefetch(x.values + at + M / 2 * f.c);
          __builtin_prefetch(x.places + at + M / 2 * f.c);
        }
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
    winograd_points<M, R>(d, points + v - c0, plane);
  }
}

template <int M, int R>
void winograd_input(const WinogradTiles& f, const Unpooling& x, int64_t image, int64_t top, int64_t left, int64_t c0, int64_t c1, float* points, int64_t plane,
                    int64_t apart = kWinogradChannels) {
  constexpr int A = Winograd<M, R>::A;
  const int64_t y0 = top - f.padding, x0 = left - f.padding;
  if (x.places) {
    const auto run = f.padding % 2 == 0 ? winograd_input_unpooled<M, R, false> : winograd_input_unpooled<M, R, true>;
    return run(f, x, image, y0, x0, c0, c1, points, plane);
  }
  const bool inside = y0 >= 0 && x0 >= 0 && y0 + A <= f.h && x0 + A <= f.w;
  (inside ? winograd_input<M, R, true> : winograd_input<M, R, false>)(f, x.values, image, y0, x0, c0, c1, points, plane, apart);
}

// The convolution of `tiles` with transformed filters u[P, panel, c, 32], its factor, bias, ending and 2 x 2 max pooling.
struct WinogradConvolution {
  WinogradTiles tiles;
  Unpooling x;
  int64_t k;
  const float* u;  // or null: it is made from taps
  WinogradTaps taps;
  const float* factor;  // or null
  const float* bias;    // or null
  Ending ending;
  float* y;
  bool pool;
  uint16_t* argmax;  // or null
  Moments moments;   // of y
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
      if (!f.ending.reads()) {
        if (f.ending.relu) o[i][j] = relu(o[i][j]);
      } else if (top + i < p && left + j < q) {
        o[i][j] = f.ending.of(o[i][j], ((image * p + top + i) * q + left + j) * f.k + v, Whole());
      }
    }
  }
  if (!f.pool) {
#pragma GCC unroll 4
    for (int i = 0; i < M; ++i)
#pragma GCC unroll 4
      for (int j = 0; j < M; ++j)
        if (top + i < p && left + j < q) store(f.y + ((image * p + top + i) * q + left + j) * f.k + v, o[i][j]);
    if constexpr (M == kSquare)
      if (f.moments.to) f.moments.square(image, top, left, v, Whole(), [&](int i, int j) { return o[i][j]; });
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

enum WinogradSlot { kWinogradPoints, kWinogradSums, kWinogradParts, kWinogradGradients };

constexpr int64_t kWinogradDepth = 128;  // long sums are exact enough in pieces of this

// c[MR rows, NV vectors] = a b, or c += a b (the product summed apart first). Element (i, t) of a is a[i * a_step + t], TURNED: a[i + t * a_step].
// From `ahead` on lies what is read next. (The tile of gemm_tile.h does this as well, but takes 2 to 6 % longer for sums as short as these.)
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

// c[m, columns] = a b or += a b for `columns` (a multiple of kLanes) of one panel.
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
    float* points = floats(team, thread, kWinogradPoints, W::P * largest * c_step);
    float* sums = floats(team, thread, kWinogradSums, W::P * largest * k_step);
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
        __builtin_prefetch(dy.values + at + M / 2 * k);  // what the tile beside will read
        __builtin_prefetch(dy.places + at + M / 2 * k);
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
      for (int j = 0; j < M; ++j) __builtin_prefetch(from + ((i + M) * f.q + j) * k, 0, 2);
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

// points[P, room, step] of one tile: A dy A' for the channels [k0, k1) of dy, panels of kWinogradPanel `apart` from each other.
template <int M, int R>
void winograd_gradient(const WinogradTiles& f, const Unpooling& dy, int64_t k, int64_t image, int64_t top, int64_t left, int64_t k0, int64_t k1, float* points,
                       int64_t plane, int64_t apart) {
  constexpr int A = Winograd<M, R>::A;
  for (int64_t v = k0; v < k1; v += kLanes) {
    vfloat columns[M][A];
    winograd_gradient_columns<M, R>(f, dy, k, image, top, left, v, columns);
#pragma GCC unroll 8
    for (int i = 0; i < A; ++i) {
      vfloat a[A];
      winograd_gradient_row<M, R>(columns, i, a);
#pragma GCC unroll 8
      for (int j = 0; j < A; ++j) store(points + (v - k0) / kWinogradPanel * apart + v % kWinogradPanel + (i * A + j) * plane, a[j]);
    }
  }
}

constexpr int64_t kWinogradOutput = 64;  // channels of x and of dy whose sums at all points stay in L2

// sums[P, rows, columns], `plane` and kWinogradOutput floats apart, = or += the products of points[rows / 16, P, count, 16] and
// gradients[columns / 32, P, count, 32], whose points are c_plane and k_plane floats apart. While the first columns are made, the next point's
// inputs are fetched, then its gradients.
inline void winograd_accumulate(const float* points, int64_t c_plane, int64_t rows, const float* gradients, int64_t k_plane, int64_t columns, int64_t P,
                                int64_t count, float* sums, int64_t plane, bool add) {
  for (int64_t point = 0; point < P; ++point, sums += plane)
    for (int64_t k = 0; k < columns; k += kTileColumns)
      for (int64_t c = 0; c < rows; c += kWinogradChannels) {
        const int64_t group = c / kWinogradChannels, panels = columns / kWinogradPanel;
        const float* a = points + (group * P + point) * c_plane;
        const float* b = gradients + (k / kWinogradPanel * P + point) * k_plane + k % kWinogradPanel;
        const float* ahead = k == 0 || group >= panels ? a + c_plane : gradients + (group * P + point + 1) * k_plane;
        winograd_multiply<true>(a, kWinogradChannels, kWinogradChannels, count, b, kWinogradPanel, sums + c * kWinogradOutput + k, kWinogradOutput,
                                least(kTileColumns, columns - k), add, ahead);
      }
}

struct WinogradFilter {
  WinogradTiles tiles;
  const float* x;
  Unpooling dy;
  int64_t k;
  float* dw;
};

// dw[R, R, c, k] at [c0, c1) and [k0, k1) = G' (the sum of `shares` sums[P, c, k]) G. Planes of points, channels and shares are `plane`, `step` and
// `share` floats apart.
template <int M, int R>
void winograd_taps(const WinogradFilter& f, float* dw, int64_t c0, int64_t c1, int64_t k0, int64_t k1, const float* sums, int64_t plane, int64_t step,
                   int64_t shares, int64_t share) {
  using W = Winograd<M, R>;
  for (int64_t c = c0; c < c1; ++c, sums += step)
    for (int64_t v = k0; v < k1; v += kLanes) {
      vfloat by_row[W::A][R];
#pragma GCC unroll 8
      for (int i = 0; i < W::A; ++i) {
        vfloat points[W::A];
#pragma GCC unroll 8
        for (int j = 0; j < W::A; ++j) {
          const float* from = sums + (i * W::A + j) * plane + v - k0;
          points[j] = load(from);
          for (int64_t other = 1; other < shares; ++other) points[j] += load(from + other * share);
        }
        W::filter_gradient(points, by_row[i]);
      }
#pragma GCC unroll 5
      for (int j = 0; j < R; ++j) {
        vfloat column[W::A], taps[R];
#pragma GCC unroll 8
        for (int i = 0; i < W::A; ++i) column[i] = by_row[i][j];
        W::filter_gradient(column, taps);
#pragma GCC unroll 5
        for (int i = 0; i < R; ++i) store(dw + ((i * R + j) * f.tiles.c + c) * f.k + v, taps[i]);
      }
    }
}

// Measured on an AMD EPYC (Zen 5) whose two cores have an L3 each, 2026-11-24: what the other core has written comes at a third of the speed. So a
// thread transforms what it multiplies itself.
constexpr int64_t kWinogradShare = 256;                      // tiles of a share, or more
constexpr int64_t kWinogradPartBytes = int64_t{4} << 20;  // gradients of all shares

// Channels shared out in `rows` times `columns` cells. A cell transforms its channels of x and of dy, as do those beside it.
struct WinogradCells {
  int64_t groups, panels, rows = 1, columns = 1;

  WinogradCells(int64_t c, int64_t k, int64_t wanted) : groups(c / kWinogradChannels), panels(ceil_div(k, kWinogradPanel)) {
    for (int64_t r = 1, lowest = 0; r <= least(groups, wanted); ++r) {
      const int64_t s = least(panels, ceil_div(wanted, r)), high = ceil_div(groups, r), wide = 2 * ceil_div(panels, s);
      const int64_t cost = ceil_div(r * s, wanted) * (2 * high * wide + high + wide);  // 16 x 16 channels multiply as long as 32 + 32 transform
      if (lowest == 0 || cost < lowest) lowest = cost, rows = r, columns = s;
    }
  }
  int64_t c(int64_t row) const { return groups * row / rows * kWinogradChannels; }
  int64_t k(int64_t column) const { return panels * column / columns * kWinogradPanel; }
};

// Tiles go to shares, each with a gradient of its own, and where these are few, channels are shared out too. How tiles are shared and in what order
// they are summed depends on the shapes alone.
template <int M, int R>
void winograd_filter_gradient(const WinogradFilter& f, Team& team) {
  using W = Winograd<M, R>;
  const WinogradTiles& t = f.tiles;
  const int64_t high = ceil_div(t.p, M), wide = ceil_div(t.q, M), tiles = t.n * high * wide, size = R * R * t.c * f.k;
  const int64_t shares = most(1, least(least(8, tiles / kWinogradShare), kWinogradPartBytes / 4 / size)), share_tiles = ceil_div(most(1, tiles), shares);
  const int64_t block = ceil_div(share_tiles, ceil_div(share_tiles, kWinogradDepth)), room = block | 1;
  const int64_t c_plane = room * kWinogradChannels, k_plane = room * kWinogradPanel, plane = kWinogradOutput * kWinogradOutput + kWinogradChannels;
  const WinogradCells cells(t.c, f.k, ceil_div(team.threads(), shares));
  float* parts = shares > 1 ? floats(team, 0, kWinogradParts, shares * size) : f.dw;

  team.parallel(shares * cells.rows * cells.columns, 1, [&](int64_t begin, int64_t end, int thread) {
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t column = unit % cells.columns, row = unit / cells.columns % cells.rows, share = unit / cells.columns / cells.rows;
      const int64_t c0 = cells.c(row), c1 = cells.c(row + 1), k0 = cells.k(column), k1 = least(f.k, cells.k(column + 1));
      const int64_t begin_tile = tiles * share / shares, end_tile = tiles * (share + 1) / shares;
      const int64_t squares = ceil_div(c1 - c0, kWinogradOutput) * ceil_div(k1 - k0, kWinogradOutput);
      const bool once = end_tile - begin_tile <= block;
      float* points = floats(team, thread, kWinogradPoints, (c1 - c0) * W::P * room);                            // [c / 16, P, room, 16]
      float* gradients = floats(team, thread, kWinogradGradients, (k1 - k0 + kWinogradPanel) * W::P * room);  // [k / 32, P, room, 32]
      float* sums = floats(team, thread, kWinogradSums, (once ? 1 : squares) * W::P * plane);                  // [square, P, 64, 64]
      for (int64_t first = begin_tile; first < end_tile; first += block) {
        const int64_t count = least(block, end_tile - first);
        for (int64_t i = 0; i < count; ++i) {
          const int64_t image = (first + i) / (high * wide), at = (first + i) % (high * wide), top = at / wide * M, left = at % wide * M;
          for (int64_t y = top + M + R - 1 - t.padding, last = y + M; y < last; ++y)  // what the tiles below will read first, also of the next image
            for (int64_t x = left + R - 1 - t.padding, end_x = x + M; x < end_x; ++x)
              for (int64_t c = c0; c < c1; c += kWinogradChannels) __builtin_prefetch(f.x + ((image * t.h + y) * t.w + x) * t.c + c, 0, 2);
          winograd_input<M, R>(t, {f.x, nullptr}, image, top, left, c0, c1, points + i * kWinogradChannels, c_plane, W::P * c_plane);
          winograd_gradient<M, R>(t, f.dy, f.k, image, top, left, k0, k1, gradients + i * kWinogradPanel, k_plane, W::P * k_plane);
        }
        float* sum = sums;
        for (int64_t c = c0; c < c1; c += kWinogradOutput)
          for (int64_t k = k0; k < k1; k += kWinogradOutput) {
            const int64_t c2 = least(c1, c + kWinogradOutput), k2 = least(k1, k + kWinogradOutput);
            winograd_accumulate(points + (c - c0) * W::P * room, c_plane, c2 - c, gradients + (k - k0) * W::P * room, k_plane, k2 - k, W::P, count, sum, plane,
                                first > begin_tile);
            if (first + count == end_tile) winograd_taps<M, R>(f, parts + share * size, c, c2, k, k2, sum, plane, kWinogradOutput, 1, 0);
            if (!once) sum += W::P * plane;
          }
      }
    }
  });
  if (shares > 1)
    team.parallel(ceil_div(size, 4096), 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t at = begin * 4096; at < least(size, end * 4096); at += kLanes) {
        vfloat sum = load(parts + at);
        for (int64_t share = 1; share < shares; ++share) sum += load(parts + share * size + at);
        store(f.dw + at, sum);
      }
    });
}

STEEPEST_KERNELS_END
