// Filter gradients by Winograd's minimal filtering, for channels in whole vectors: x and dy of a block of tiles are transformed, multiplied point by
// point into sums that stay in L2, and these become taps at the end.
#pragma once
#include "winograd_tiles.h"

STEEPEST_KERNELS_BEGIN

// A dy of one tile for kLanes channels from v on, by output column.
template <int M, int R>
STEEPEST_INLINE void winograd_gradient_columns(const WinogradTiles& f, const Unpooling& dy, int64_t k, const WinogradTile& tile, int64_t v,
                                               vfloat (&columns)[M][Winograd<M, R>::A]) {
  const int64_t image = tile.image, top = tile.top, left = tile.left;
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
void winograd_gradient(const WinogradTiles& f, const Unpooling& dy, int64_t k, const WinogradTile& tile, int64_t k0, int64_t k1, float* points, int64_t plane,
                       int64_t apart) {
  constexpr int A = Winograd<M, R>::A;
  for (int64_t v = k0; v < k1; v += kLanes) {
    vfloat columns[M][A];
    winograd_gradient_columns<M, R>(f, dy, k, tile, v, columns);
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
  const int64_t tiles = t.count<M>(), size = R * R * t.c * f.k;
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
          const WinogradTile tile = t.tile<M>(first + i);
          for (int64_t y = tile.top + M + R - 1 - t.padding, last = y + M; y < last; ++y)  // what the tiles below will read first, also of the next image
            for (int64_t x = tile.left + R - 1 - t.padding, end_x = x + M; x < end_x; ++x)
              for (int64_t c = c0; c < c1; c += kWinogradChannels) __builtin_prefetch(f.x + ((tile.image * t.h + y) * t.w + x) * t.c + c, 0, 2);
          winograd_input<M, R>(t, {f.x, nullptr}, tile, c0, c1, points + i * kWinogradChannels, c_plane, W::P * c_plane);
          winograd_gradient<M, R>(t, f.dy, f.k, tile, k0, k1, gradients + i * kWinogradPanel, k_plane, W::P * k_plane);
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
