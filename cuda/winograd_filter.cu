// winograd_filter: u = G g G' for each pair of channels (native/kernels/winograd.h), in panels of 32 columns: u[point, panel, depth, 32], zeros
// behind the last. turned = 0: depth is c, columns are k of filter[r, r, c, k]. turned = 1: the filter turned by 180 degrees, depth is k, columns
// are c. The convolutions of cuda/ do without it.
#include "kernel.cuh"

STEEPEST_KERNELS_BEGIN

// What a point takes of a tap: powers of 0, 1, -1, 2, -2, 1/2, -1/2 (as many as there are) in turn, and the last tap at the last point, infinity.
// F(2x2, 3x3), of four points, has weights of its own.
template <int Points, int Taps>
__host__ __device__ constexpr float winograd_weight(int point, int tap) {
  if (point == Points - 1) return tap == Taps - 1 ? 1.0f : 0.0f;
  if (point == 0) return tap == 0 ? (Points == 6 ? 0.25f : 1.0f) : 0.0f;
  const float sign = point % 2 == 0 && tap % 2 == 1 ? -1.0f : 1.0f, power = static_cast<float>(1 << tap);
  if (Points == 4) return sign * 0.5f;
  if (Points == 6) return point <= 2 ? sign * (-1.0f / 6.0f) : sign * power / 24.0f;
  return point <= 2 ? sign * (-2.0f / 9.0f) : point <= 4 ? sign * power / 90.0f : sign * (32.0f / 45.0f) / power;
}

template <int Points, int Taps>
__device__ inline void winograd_points(const float (&taps)[Taps], float (&points)[Points]) {
  STEEPEST_UNROLL
  for (int i = 0; i < Points; i++) {
    points[i] = 0;
    STEEPEST_UNROLL
    for (int j = 0; j < Taps; j++)
      if (winograd_weight<Points, Taps>(i, j) != 0) points[i] = fmaf(winograd_weight<Points, Taps>(i, j), taps[j], points[i]);
  }
}

struct WinogradFilter {
  const float* filter;
  float* u;
  int64_t depth, columns, plane;  // plane: numbers of a point
  bool turned;
};

constexpr int kWinogradThreads = 128;

// A thread has a pair of channels, a warp 32 columns.
template <int Points, int Taps>
__global__ void __launch_bounds__(kWinogradThreads) winograd_filters(WinogradFilter p) {
  const int64_t place = static_cast<int64_t>(blockIdx.x) * kWinogradThreads + threadIdx.x;  // in a plane
  if (place >= p.plane) return;
  const int64_t d = place / 32 % p.depth, column = place / 32 / p.depth * 32 + place % 32, size = p.depth * p.columns;
  const float* from = p.filter + (p.turned ? column * p.depth + d : d * p.columns + column);
  float rows[Taps][Points];
  STEEPEST_UNROLL
  for (int r = 0; r < Taps; r++) {
    float taps[Taps];
    STEEPEST_UNROLL
    for (int s = 0; s < Taps; s++) {
      const int tap = r * Taps + s;
      taps[s] = column < p.columns ? from[(p.turned ? Taps * Taps - 1 - tap : tap) * size] : 0.0f;
    }
    winograd_points<Points, Taps>(taps, rows[r]);
  }
  STEEPEST_UNROLL
  for (int x = 0; x < Points; x++) {
    float taps[Taps], points[Points];
    STEEPEST_UNROLL
    for (int r = 0; r < Taps; r++) taps[r] = rows[r][x];
    winograd_points<Points, Taps>(taps, points);
    STEEPEST_UNROLL
    for (int y = 0; y < Points; y++) p.u[(y * Points + x) * p.plane + place] = points[y];
  }
}

template <int Tile, int Taps>
void winograd_transform(const winograd_filter_forward_args& a, Stream& stream) {
  const int64_t plane = ceil_div(a.columns, 32) * a.depth * 32;
  stream.launch(&winograd_filters<Tile + Taps - 1, Taps>, {ceil_div(plane, kWinogradThreads)}, kWinogradThreads,
                WinogradFilter{a.filter, a.u, a.depth, a.columns, plane, a.turned != 0});
}

void winograd_filter_forward(const winograd_filter_forward_args& a, Stream& stream) {
  if (a.r == 3 && a.tile == 2) return winograd_transform<2, 3>(a, stream);
  if (a.r == 3 && a.tile == 4) return winograd_transform<4, 3>(a, stream);
  if (a.r == 5 && a.tile == 2) return winograd_transform<2, 5>(a, stream);
  if (a.r == 5 && a.tile == 4) return winograd_transform<4, 5>(a, stream);
}

STEEPEST_KERNELS_END
