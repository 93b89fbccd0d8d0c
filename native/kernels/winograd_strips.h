// Convolutions by Winograd's minimal filtering and their filter gradients, for fewer input channels than a vector takes: lanes are rows of points.
//
// A strip is two rows of tiles, one below the other. The lines of the image they read are a few vectors of (pixel, channel): B' d is done on
// these; transposed, every (pixel, channel) is a vector of the rows of points of both tiles, for d B. Sums over so few channels are made where
// they are transformed, and those for the filter in L1.
#pragma once
#include "winograd_gradient.h"

STEEPEST_KERNELS_BEGIN

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
    float* points = floats(team, thread, kWinogradPoints, strips.point_floats());
    float* lines = floats(team, thread, kWinogradSums, strips.line_floats());
    for (int64_t index = begin; index < end; ++index) {
      const auto strip = strips.strip(index);
      strips.transform(f.x.values, strip, lines, points);
      for (int64_t v = 0; v < f.k; v += kLanes)
        for (int64_t at = 0; at < 2 * strip.tiles; ++at) {
          const int64_t lower = at % 2, top = strip.top + lower * M;
          if (top >= f.tiles.p) continue;
          const float* a = points + at / 2 * c * A * S::ROWS + lower * A;
          const float* u = f.u + v / kWinogradPanel * c * kWinogradPanel + v % kWinogradPanel;
          winograd_output<M, R>(f, {strip.image, top, strip.left + at / 2 * M}, v, [&](int j, vfloat (&column)[A]) {
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
  float* parts = floats(team, 0, kWinogradParts, P * size * shares);
  team.parallel(shares, 1, [&](int64_t begin, int64_t end, int thread) {
    float* points = floats(team, thread, kWinogradPoints, strips.point_floats());
    float* sums = floats(team, thread, kWinogradSums, P * size + strips.line_floats());
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
              winograd_gradient_columns<M, R>(f.tiles, f.dy, f.k, {strip.image, strip.top, strip.left + tile * M}, v, upper);
              winograd_gradient_columns<M, R>(f.tiles, f.dy, f.k, {strip.image, strip.top + M, strip.left + tile * M}, v, lower);
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
  team.parallel(c, 1, [&](int64_t begin, int64_t end, int) {
    winograd_taps<M, R>(f, f.dw, begin, end, 0, f.k, parts + begin * f.k, size, f.k, shares, P * size);
  });
}

STEEPEST_KERNELS_END
