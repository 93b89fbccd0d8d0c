// winograd_filter: u = G g G' for each pair of channels (winograd.h), in panels of 32 columns: u[point, panel, depth, 32], zeros behind the last.
// turned = 0: depth is c, columns are k of filter[r, r, c, k]. turned = 1: the filter turned by 180 degrees, depth is k, columns are c.
#include "winograd.h"

STEEPEST_KERNELS_BEGIN

namespace {

// Bytes of u that are worth keeping in a cache. With 512 x 512 channels and 36 points (38 MB) stores past the caches take 2.9 instead of 3.7 ms,
// with 256 x 256 0.29 instead of 0.39 (AMD EPYC Zen 5, 2 threads, 2026-11-24).
constexpr int64_t kCached = int64_t{4} << 20;

template <int M, int R>
void transform_filter(const winograd_filter_forward_args& a, Team& team) {
  using W = Winograd<M, R>;
  const int64_t panels = ceil_div(a.columns, kWinogradPanel), plane = panels * a.depth * kWinogradPanel;
  const int64_t groups = panels * kWinogradPanel / kLanes, c = a.turned ? a.columns : a.depth, k = a.turned ? a.depth : a.columns;
  const bool past_caches = aligned(a.u) && W::P * plane * 4 > kCached;
  // A unit is kLanes depths (turned: a square of kLanes x kLanes is transposed) times all columns.
  team.parallel(ceil_div(a.depth, kLanes), 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t d0 = begin * kLanes; d0 < least(a.depth, end * kLanes); d0 += kLanes)
      for (int64_t group = 0; group < groups; ++group) {
        const int64_t j0 = group * kLanes, depths = least(kLanes, a.depth - d0), columns = most(0, least(kLanes, a.columns - j0));
        float* to = a.u + (j0 / kWinogradPanel * a.depth + d0) * kWinogradPanel + j0 % kWinogradPanel;
        vfloat square[W::P][kLanes];
        for (int64_t i = 0; i < (a.turned ? columns : depths); ++i) {
          vfloat rows[R][W::A];
          for (int r = 0; r < R; ++r) {
            vfloat taps[R];
            for (int s = 0; s < R; ++s) {
              const int64_t tap = a.turned ? R * R - 1 - (r * R + s) : r * R + s;
              const float* from = a.filter + (a.turned ? (tap * c + j0 + i) * k + d0 : (tap * c + d0 + i) * k + j0);
              const int64_t count = a.turned ? depths : columns;
              taps[s] = count == kLanes ? load(from) : count > 0 ? load_part(from, count) : vfloat{};
            }
            W::filter(taps, rows[r]);
          }
          for (int x = 0; x < W::A; ++x) {
            vfloat taps[R], points[W::A];
            for (int r = 0; r < R; ++r) taps[r] = rows[r][x];
            W::filter(taps, points);
            for (int y = 0; y < W::A; ++y) square[y * W::A + x][i] = points[y];
          }
        }
        for (int p = 0; p < W::P; ++p) {
          if (a.turned) {
            for (int64_t i = columns; i < kLanes; ++i) square[p][i] = vfloat{};
            transpose(square[p]);
          }
          for (int64_t i = 0; i < depths; ++i) {
            if (past_caches) {
              stream(to + p * plane + i * kWinogradPanel, square[p][i]);
            } else {
              store(to + p * plane + i * kWinogradPanel, square[p][i]);
            }
          }
        }
      }
  });
}

}  // namespace

void winograd_filter_forward(const winograd_filter_forward_args& a, Team& team) {
  if (a.r == 3 && a.tile == 2) return transform_filter<2, 3>(a, team);
  if (a.r == 3 && a.tile == 4) return transform_filter<4, 3>(a, team);
  if (a.r == 5 && a.tile == 2) return transform_filter<2, 5>(a, team);
  if (a.r == 5 && a.tile == 4) return transform_filter<4, 5>(a, team);
}

STEEPEST_KERNELS_END
