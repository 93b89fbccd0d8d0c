// Convolutions (stride 1) of maps so small that most pairs of an output and a tap fall into the padding, without these pairs: with a filter
// 3x3 and padding 1, a map of 2x2 has 16 of 36 inside, one pixel 1 of 9.
//
// The rows of a product are the images at one position, not the pixels of one image; so images lie in strips [h*w*c, kTileRows], where the
// taps of one filter row inside are one run. The gradient of the filter multiplies, for each tap, channels of x by dy at the positions inside.
#pragma once
#include "ending.h"
#include "gemm_tile.h"
#include "window.h"

STEEPEST_KERNELS_BEGIN

enum SmallMapsSlot { kSmallPanel, kSmallStrips, kSmallBand, kSmallSums };  // below kUnpooled of conv2d.cc

constexpr int64_t kStripFloats = int64_t{1} << 20;  // images in strips at once: 4 MB
constexpr int64_t kSumPixels = 256;                 // pixels a filter gradient goes through at once: a panel of dy is 32 KB with AVX-512
constexpr int64_t kSumRounds = 4;                   // so many times, then it begins a new chain

struct SmallMaps {
  int64_t n, h, w, c, p, q, k, r, s, above, before;  // output (i, j) reads the pixels from (i - above, j - before) on

  struct Range {
    int64_t begin, end;
    int64_t size() const { return most(0, end - begin); }
  };
  // Of `count` steps at, at + 1, ..., those that fall into [offset, offset + size).
  static Range inside(int64_t at, int64_t count, int64_t offset, int64_t size) {
    return {most(0, offset - at), least(count, offset + size - at)};
  }
  Range filter_rows(int64_t i) const { return inside(i, r, above, h); }  // of output row i
  Range filter_columns(int64_t j) const { return inside(j, s, before, w); }
  Range output_rows(int64_t tap) const { return inside(tap, p, above, h); }  // of a filter row
  Range output_columns(int64_t tap) const { return inside(tap, q, before, w); }

  // Whether less than 60 % of the pairs are inside.
  bool worthwhile(int64_t stride) const {
    int64_t rows = 0, columns = 0;
    for (int64_t i = 0; i < r; ++i) rows += output_rows(i).size();
    for (int64_t j = 0; j < s; ++j) columns += output_columns(j).size();
    return stride == 1 && 10 * rows * columns < 6 * p * q * r * s;
  }
};

// y of a convolution of x; pack(j, columns, dst): the filter's panel of the output channels from j on. pool = 0: none.
template <class Pack>
void convolve_by_positions(const SmallMaps& f, const float* x, const Pack& pack, const float* bias, const Ending& ending, float* y,
                           int64_t pool, int64_t pool_stride, uint16_t* argmax, Team& team) {
  const int64_t size = f.h * f.w * f.c, pixels = f.p * f.q, panels = ceil_div(f.k, kTileColumns), stride = size * kTileRows + kLanes;
  const int64_t height = pool > 0 ? (f.p - pool) / pool_stride + 1 : f.p, across = pool > 0 ? (f.q - pool) / pool_stride + 1 : f.q;
  if (pixels == 0 || f.k == 0) return;
  const int64_t round = most(1, kStripFloats / stride) * kTileRows;
  for (int64_t image0 = 0; image0 < f.n; image0 += round) {
    const int64_t images = least(round, f.n - image0), count = tile_count(images);
    float* strips = floats(team, 0, kSmallStrips, count * stride);
    team.parallel(count, 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t strip = begin; strip < end; ++strip) {
        const int64_t image = tile_begin(images, strip);
        pack_strip(x + (image0 + image) * size, size, tile_begin(images, strip + 1) - image, size, strips + strip * stride);
      }
    });
    const int64_t splits = least(count, ceil_div(team.threads(), panels));  // few panels: images are shared out too
    team.parallel(panels * splits, 1, [&](int64_t begin, int64_t end, int thread) {
      float* packed = floats(team, thread, kSmallPanel, f.r * f.s * f.c * kTileColumns + kTileColumns);
      float* band = pool > 0 ? floats(team, thread, kSmallBand, kTileRows * pixels * kTileColumns) : nullptr;
      for (int64_t unit = begin; unit < end; ++unit) {
        const int64_t j = unit / splits * kTileColumns, part = unit % splits, columns = least(kTileColumns, f.k - j), width = panel_width(columns);
        pack(j, columns, packed);
        float* last = packed + f.r * f.s * f.c * width;  // the bias, filled up
        if (bias) pad_bias(bias + j, columns, last);
        for (int64_t strip = count * part / splits; strip < count * (part + 1) / splits; ++strip) {
          const int64_t first = tile_begin(images, strip), rows = tile_begin(images, strip + 1) - first, image = image0 + first;
          for (int64_t at = 0; at < pixels; ++at) {
            const auto lines = f.filter_rows(at / f.q), taps = f.filter_columns(at % f.q);
            const int64_t runs = taps.size() > 0 ? lines.size() : 0;
            float* to = band ? band + at * width : y + (image * pixels + at) * f.k + j;
            const int64_t to_step = pixels * (band ? width : f.k);
            for (int64_t run = 0; run < most(1, runs); ++run) {  // without taps: the bias alone
              const int64_t line = lines.begin + run, start = ((at / f.q + line - f.above) * f.w + at % f.q + taps.begin - f.before) * f.c * kTileRows;
              const bool ends = run + 1 >= runs;
              multiply<kAdjacent>(strips + strip * stride, nullptr, rows, {&start, least(1, runs), taps.size() * f.c, kTileRows},
                                  packed + (line * f.s + taps.begin) * f.c * width, width, to, to_step, band ? width : columns,
                                  {run > 0, ends && bias ? last : nullptr, ends && ending.relu && !ending.reads()});
            }
            if (ending.reads()) ending.apply(to, to_step, rows, columns, (image * pixels + at) * f.k + j, pixels * f.k);
          }
          for (int64_t i = 0; band && i < rows; ++i) {
            const int64_t out = (image + i) * height * across * f.k + j;
            pool_band<0>(band + i * pixels * width, f.q, width, columns, pool, pool_stride, height, across, f.k, y + out, argmax ? argmax + out : nullptr);
          }
        }
      }
    });
  }
}

// dw[r, s, c, k] of a convolution. The sum over a long batch is one of chains of kSumRounds * kSumPixels pixels.
inline void filter_gradient_by_positions(const SmallMaps& f, const float* x, const float* dy, float* dw, Team& team) {
  const int64_t pixels = f.p * f.q, positions = f.h * f.w, size = f.r * f.s * f.c * f.k;
  const int64_t panels = ceil_div(f.k, kTileColumns), count = tile_count(f.c), round = most(1, kSumPixels / most(1, pixels));
  const int64_t stride = positions * round * kTileRows + kLanes, panel_stride = pixels * round * kTileColumns;
  float* strips = floats(team, 0, kSmallStrips, count * stride);
  float* packed = floats(team, 0, kSmallPanel, most(1, panels * panel_stride));
  float* part = f.n > kSumRounds * round ? floats(team, 0, kSmallSums, size) : nullptr;
  for (int64_t image0 = 0; image0 < f.n; image0 += round) {
    const int64_t images = least(round, f.n - image0), chain = image0 / round / kSumRounds;
    const bool load = image0 / round % kSumRounds > 0;
    team.parallel(count + panels, 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t unit = begin; unit < end; ++unit) {
        if (unit < count) {
          const int64_t i = tile_begin(f.c, unit), rows = tile_begin(f.c, unit + 1) - i;
          for (int64_t at = 0; at < positions; ++at)
            pack_strip_transposed(x + (image0 * positions + at) * f.c + i, positions * f.c, rows, f.c - i, images,
                                  strips + unit * stride + at * images * kTileRows);
        } else {
          const int64_t j = (unit - count) * kTileColumns, columns = least(kTileColumns, f.k - j);
          for (int64_t at = 0; at < pixels; ++at)
            pack_panel(dy + (image0 * pixels + at) * f.k + j, pixels * f.k, images, columns,
                       packed + (unit - count) * panel_stride + at * images * panel_width(columns));
        }
      }
    });
    float* sums = chain > 0 ? part : dw;
    team.parallel(panels * count, 4, [&](int64_t begin, int64_t end, int) {
      for (int64_t unit = begin; unit < end; ++unit) {
        const int64_t panel = unit / count, strip = unit % count, i = tile_begin(f.c, strip), rows = tile_begin(f.c, strip + 1) - i;
        const int64_t j = panel * kTileColumns, columns = least(kTileColumns, f.k - j), width = panel_width(columns);
        for (int64_t tap = 0; tap < f.r * f.s; ++tap) {
          const auto lines = f.output_rows(tap / f.s), across = f.output_columns(tap % f.s);
          const int64_t runs = across.size() > 0 ? lines.size() : 0;
          for (int64_t run = 0; run < most(1, runs); ++run) {  // without outputs: zeros
            const int64_t line = lines.begin + run;
            const int64_t start = ((line + tap / f.s - f.above) * f.w + across.begin + tap % f.s - f.before) * images * kTileRows;
            multiply<kAdjacent>(strips + strip * stride, nullptr, rows, {&start, least(1, runs), across.size() * images, kTileRows},
                                packed + panel * panel_stride + (line * f.q + across.begin) * images * width, width,
                                sums + (tap * f.c + i) * f.k + j, f.k, columns, {load || run > 0, nullptr, false});
          }
        }
      }
    });
    if (chain > 0 && (image0 + round >= f.n || image0 / round % kSumRounds + 1 == kSumRounds))
      team.parallel(size, 4096, [&](int64_t begin, int64_t end, int) {
        for (int64_t i = begin; i < end; ++i) dw[i] += part[i];
      });
  }
}

STEEPEST_KERNELS_END
