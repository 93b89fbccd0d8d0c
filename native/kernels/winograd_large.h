// Convolutions by Winograd's minimal filtering whose filter would be large once transformed, for few tiles: a part of it that stays in L2 is
// transformed just before it is multiplied, again for each block of tiles. The sums are those of winograd_convolve, bit by bit.
//
// Measured with F(4x4,3x3), 64 images of 4x4, filters read from memory, AMD EPYC (Zen 5), 2 threads, 2026-11-24 (ms; apart: transform + convolution):
//   512 -> 512  4.2, apart 1.3 + 3.7     256 -> 512  2.1, apart 0.6 + 1.8     256 -> 256  1.1, apart 0.2 + 0.9
#pragma once
#include "winograd_tiles.h"

STEEPEST_KERNELS_BEGIN

constexpr int64_t kWinogradRows = 64;  // tiles in a block: their sums for a panel, 295 KB with 36 points, stay in L2 beside 590 KB of the filter
constexpr int64_t kWinogradLargeBlock = int64_t{16} << 20;  // bytes of the points of all tiles of a pass

// The points of all tiles are shared by the team. A share of the work is a panel of columns for a block of tiles.
template <int M, int R>
void winograd_convolve_large(const WinogradConvolution& f, Team& team) {
  using W = Winograd<M, R>;
  const WinogradTiles& t = f.tiles;
  const int64_t tiles = t.count<M>();
  if (tiles == 0) return;
  const int64_t panels = ceil_div(f.k, kWinogradPanel), pieces = ceil_div(t.c, kWinogradDepth), depth = least(t.c, kWinogradDepth);
  const int64_t passes = ceil_div(tiles * W::P * t.c * 4, kWinogradLargeBlock), largest = ceil_div(tiles, passes), rows = least(largest, kWinogradRows);
  const int64_t plane = winograd_plane(largest * depth), u_plane = winograd_plane(depth * kWinogradPanel), sum_plane = winograd_plane(rows * kWinogradPanel);
  float* points = floats(team, 0, kWinogradPoints, pieces * W::P * plane);  // [piece, P, tile, depth]
  for (int64_t pass = 0; pass < passes; ++pass) {
    const int64_t first = tiles * pass / passes, count = tiles * (pass + 1) / passes - first, blocks = ceil_div(count, rows);
    team.parallel(count * pieces, 4, [&](int64_t begin, int64_t end, int) {
      for (int64_t unit = begin; unit < end; ++unit) {
        const int64_t i = unit / pieces, piece = unit % pieces, c = piece * kWinogradDepth;
        winograd_input<M, R>(t, f.x, t.tile<M>(first + i), c, least(t.c, c + depth), points + piece * W::P * plane + i * depth, plane);
      }
    });
    team.parallel(panels * blocks, 1, [&](int64_t begin, int64_t end, int thread) {
      float* u = floats(team, thread, kWinogradParts, W::P * u_plane);
      float* sums = floats(team, thread, kWinogradSums, W::P * sum_plane);
      for (int64_t unit = begin; unit < end; ++unit) {
        const int64_t k0 = unit / blocks * kWinogradPanel, k1 = least(f.k, k0 + kWinogradPanel);
        const int64_t i0 = count * (unit % blocks) / blocks, i1 = count * (unit % blocks + 1) / blocks;
        for (int64_t piece = 0; piece < pieces; ++piece) {
          const int64_t c0 = piece * kWinogradDepth, c1 = least(t.c, c0 + depth);
          winograd_filter_panel<M, R, false>(f.taps, c0, c1, k0, u, u_plane);
          for (int64_t point = 0; point < W::P; ++point) {
            const float* a = points + (piece * W::P + point) * plane + i0 * depth;
            for (int64_t k = 0; k < k1 - k0; k += kTileColumns)
              winograd_multiply<false>(a, depth, i1 - i0, c1 - c0, u + point * u_plane + k, kWinogradPanel, sums + point * sum_plane + k, kWinogradPanel,
                                       least(kTileColumns, k1 - k0 - k), piece > 0, a + plane);
          }
        }
        for (int64_t i = i0; i < i1; ++i)
          winograd_outputs<M, R>(f, sums + (i - i0) * kWinogradPanel, sum_plane, t.tile<M>(first + i), k0, k1);
      }
    });
  }
}

STEEPEST_KERNELS_END
