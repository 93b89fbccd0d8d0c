// winograd_filter: u = G g G' for each pair of channels (winograd.h), in panels of 32 columns: u[point, panel, depth, 32], zeros behind the last.
// turned = 0: depth is c, columns are k of filter[r, r, c, k]. turned = 1: the filter turned by 180 degrees, depth is k, columns are c.
#include "winograd_filter.h"

STEEPEST_KERNELS_BEGIN

namespace {

// Bytes of u that are worth keeping in a cache. With 512 x 512 channels and 36 points (38 MB) stores past the caches take 1.4 instead of 3.4 ms,
// with 256 x 256 0.22 instead of 0.69 (AMD EPYC Zen 5, 2 threads, 2026-11-24).
constexpr int64_t kCached = int64_t{4} << 20;

template <int M, int R>
void transform_filter(const winograd_filter_forward_args& a, Team& team) {
  const WinogradTaps f{a.filter, a.depth, a.columns, a.turned != 0};
  const int64_t panels = ceil_div(a.columns, kWinogradPanel), plane = panels * a.depth * kWinogradPanel;
  const bool past_caches = aligned(a.u) && Winograd<M, R>::P * plane * 4 > kCached;
  const auto run = past_caches ? winograd_filter_panel<M, R, true> : winograd_filter_panel<M, R, false>;
  team.parallel(ceil_div(a.depth, kLanes), 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t d = begin * kLanes; d < least(a.depth, end * kLanes); d += kLanes)
      for (int64_t panel = 0; panel < panels; ++panel)
        run(f, d, least(a.depth, d + kLanes), panel * kWinogradPanel, a.u + (panel * a.depth + d) * kWinogradPanel, plane);
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
