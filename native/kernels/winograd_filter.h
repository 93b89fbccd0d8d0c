// Filters in Winograd's form: u = G g G' for each pair of channels (winograd.h), a panel of columns at a time.
#pragma once
#include "winograd.h"

STEEPEST_KERNELS_BEGIN

// taps[r, r, depth, columns]; or, turned, taps[r, r, columns, depth] to be turned by 180 degrees.
struct WinogradTaps {
  const float* taps;
  int64_t depth, columns;
  bool turned;
};

// Of kLanes columns at one depth. to: where the first point stands; plane: floats from point to point. STREAM: past the caches.
template <int M, int R, bool STREAM>
STEEPEST_INLINE void winograd_filter_points(const vfloat (&taps)[R * R], float* to, int64_t plane) {
  using W = Winograd<M, R>;
  vfloat rows[R][W::A];
#pragma GCC unroll 5
  for (int r = 0; r < R; ++r) {
    vfloat row[R];
#pragma GCC unroll 5
    for (int s = 0; s < R; ++s) row[s] = taps[r * R + s];
    W::filter(row, rows[r]);
  }
#pragma GCC unroll 8
  for (int x = 0; x < W::A; ++x) {
    vfloat column[R], points[W::A];
#pragma GCC unroll 5
    for (int r = 0; r < R; ++r) column[r] = rows[r][x];
    W::filter(column, points);
#pragma GCC unroll 8
    for (int y = 0; y < W::A; ++y) {
      if constexpr (STREAM) {
        stream(to + (y * W::A + x) * plane, points[y]);
      } else {
        store(to + (y * W::A + x) * plane, points[y]);
      }
    }
  }
}

// u[P, plane]: the depths [d0, d1) of the panel that begins at column j0, in rows of kWinogradPanel; zeros behind the last column. Taps come
// from memory in short pieces, so that those of later depths are asked for early.
template <int M, int R, bool STREAM>
void winograd_filter_panel(const WinogradTaps& f, int64_t d0, int64_t d1, int64_t j0, float* u, int64_t plane) {
  constexpr int T = R * R;
  constexpr int64_t ahead = 8;  // depths
  const int64_t size = f.depth * f.columns;
  for (int64_t d = d0; d < d1; d += f.turned ? kLanes : 1)
    for (int64_t j = j0; j < j0 + kWinogradPanel; j += kLanes) {
      const int64_t columns = most(0, least(kLanes, f.columns - j));
      float* to = u + (d - d0) * kWinogradPanel + j - j0;
      vfloat taps[T];
      if (!f.turned) {
        const float* from = f.taps + d * f.columns + j;
#pragma GCC unroll 25
        for (int t = 0; t < T; ++t) __builtin_prefetch(from + t * size + ahead * f.columns);
        if (columns == kLanes) {
#pragma GCC unroll 25
          for (int t = 0; t < T; ++t) taps[t] = load(from + t * size);
        } else {
          for (int t = 0; t < T; ++t) taps[t] = columns > 0 ? load_part(from + t * size, columns) : vfloat{};
        }
        winograd_filter_points<M, R, STREAM>(taps, to, plane);
        continue;
      }
      const int64_t depths = least(kLanes, d1 - d);
      vfloat square[T][kLanes];
      for (int t = 0; t < T; ++t) {
        const float* from = f.taps + (T - 1 - t) * size + j * f.depth + d;
        vfloat rows[kLanes];
#pragma GCC unroll 16
        for (int i = 0; i < kLanes; ++i, from += f.depth) {
          __builtin_prefetch(from + 16);
          rows[i] = i >= columns ? vfloat{} : depths == kLanes ? load(from) : load_part(from, depths);
        }
        transpose(rows);
#pragma GCC unroll 16
        for (int i = 0; i < kLanes; ++i) square[t][i] = rows[i];
      }
      for (int64_t i = 0; i < depths; ++i, to += kWinogradPanel) {
#pragma GCC unroll 25
        for (int t = 0; t < T; ++t) taps[t] = square[t][i];
        winograd_filter_points<M, R, STREAM>(taps, to, plane);
      }
    }
}

STEEPEST_KERNELS_END
