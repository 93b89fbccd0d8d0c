// Convolutions by Winograd's minimal filtering, for channels in whole vectors: a block of tiles is transformed, then multiplied point by point.
#pragma once
#include "ending.h"
#include "gemm_tile.h"
#include "winograd_filter.h"

STEEPEST_KERNELS_BEGIN

// A tile of outputs: its image, and the first of its rows and columns.
struct WinogradTile {
  int64_t image, top, left;
};

// Images cut in tiles of M x M outputs p x q; the inputs of a tile begin `padding` above and before it.
struct WinogradTiles {
  int64_t n, h, w, c, p, q, padding;

  template <int M>
  int64_t count() const {
    return n * ceil_div(p, M) * ceil_div(q, M);
  }
  // The tile of this number: image by image, row by row.
  template <int M>
  WinogradTile tile(int64_t index) const {
    const int64_t wide = ceil_div(q, M), each = ceil_div(p, M) * wide, at = index % each;
    return {index / each, at / wide * M, at % wide * M};
  }
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
void winograd_input(const WinogradTiles& f, const Unpooling& x, const WinogradTile& tile, int64_t c0, int64_t c1, float* points, int64_t plane,
                    int64_t apart = kWinogradChannels) {
  constexpr int A = Winograd<M, R>::A;
  const int64_t image = tile.image, y0 = tile.top - f.padding, x0 = tile.left - f.padding;
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
STEEPEST_INLINE void winograd_output(const WinogradConvolution& f, const WinogradTile& tile, int64_t v, const Sums& sums) {
  using W = Winograd<M, R>;
  const int64_t image = tile.image, top = tile.top, left = tile.left;
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
        const int64_t at = ((image * p + top + i) * q + left + j) * f.k + v;
        f.ending.prefetch(at + M * f.k);  // what the tile beside will read
        o[i][j] = f.ending.of(o[i][j], at, Whole());
      }
    }
  }
  if (!f.pool) {
#pragma GCC unroll 4
    for (int i = 0; i < M; ++i)
#pragma GCC unroll 4
      for (int j = 0; j < M; ++j)
        if (top + i < p && left + j < q) {
          float* const to = f.y + ((image * p + top + i) * q + left + j) * f.k + v;
          __builtin_prefetch(to + M * f.k, 1);  // the tile beside
          store(to, o[i][j]);
        }
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
void winograd_outputs(const WinogradConvolution& f, const float* sums, int64_t plane, const WinogradTile& tile, int64_t k0, int64_t k1) {
  constexpr int A = Winograd<M, R>::A;
  for (int64_t v = k0; v < k1; v += kLanes)
    winograd_output<M, R>(f, tile, v, [&](int j, vfloat (&column)[A]) {
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

// Floats from a row of so many to the next, and from a plane to the next: equal places of the rows of a tile, and of all points, do not meet in
// one set of a cache.
inline int64_t winograd_row(int64_t floats) { return floats % 512 == 0 ? floats + kWinogradChannels : floats; }
inline int64_t winograd_plane(int64_t floats) { return floats / 16 % 2 == 0 ? floats + 16 : floats; }

template <int M, int R>
void winograd_convolve(const WinogradConvolution& f, Team& team) {
  using W = Winograd<M, R>;
  const WinogradTiles& t = f.tiles;
  const int64_t tiles = t.count<M>();
  if (tiles == 0) return;
  // Small filters: panel by panel, so that sums are few. Larger ones pass once for each block of tiles, all panels for a point.
  const int64_t panels = ceil_div(f.k, kWinogradPanel);
  const bool small = W::P * t.c * f.k * 4 <= kWinogradSmall;
  const int64_t group = small ? kWinogradPanel : panels * kWinogradPanel;
  const int64_t c_step = winograd_row(t.c), k_step = winograd_row(group);
  const int64_t fitting = kWinogradBlock / (W::P * 4 * (c_step + k_step)) / kTileRows * kTileRows;
  const int64_t room = least(tiles, small ? most(fitting, kTileRows) : kWinogradTiles);
  const int64_t blocks = most(ceil_div(tiles, room), least(team.threads(), tiles / kTileRows));
  const int64_t splits = least(panels, ceil_div(team.threads(), blocks));  // few tiles: channels are shared out too
  const int64_t largest = ceil_div(tiles, blocks);
  team.parallel(blocks * splits, 1, [&](int64_t begin, int64_t end, int thread) {
    const int64_t plane = winograd_plane(largest * c_step), sum_plane = winograd_plane(largest * k_step);
    float* points = floats(team, thread, kWinogradPoints, W::P * plane);
    float* sums = floats(team, thread, kWinogradSums, W::P * sum_plane);
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t first = tiles * (unit / splits) / blocks, count = tiles * (unit / splits + 1) / blocks - first;
      const int64_t k0 = panels * (unit % splits) / splits * kWinogradPanel, k1 = least(f.k, panels * (unit % splits + 1) / splits * kWinogradPanel);
      for (int64_t i = 0; i < count; ++i) winograd_input<M, R>(t, f.x, t.tile<M>(first + i), 0, t.c, points + i * c_step, plane);
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
        for (int64_t i = 0; i < count; ++i) winograd_outputs<M, R>(f, sums + i * k_step, sum_plane, t.tile<M>(first + i), g0, g1);
      }
    }
  });
}

STEEPEST_KERNELS_END
