// The inner loop of every product of matrices here: a tile of rows times a panel of columns, its sums kept in registers.
//
//   c[i, j] = sum over t = 0 .. depth-1 of  a_i(t) * b[t, j]        (one chain of fused multiply-adds, t ascending)
//
// b is read in whole vectors, a one float at a time and spread over the lanes. So b wants to lie in panels, while a needs no layout at all:
// row i starts at a + row[i], and its steps are found by segments,
//   a_i(segment * length + u) = a[row[i] + start[segment] + u * step].
// That one form is
//   gemm                    one segment                               rows: those of op(a), wherever they lie
//   convolution             a segment is a filter row, step 1         rows: output pixels, read in the padded image (no im2col)
//   its filter gradient     a segment is an output row, step stride*C rows: filter taps and channels
// The chain starts from 0 or from what c holds: cutting the depth into blocks, the rows into tiles or the columns into panels changes no bit.
//
// Tile sizes: as many rows as there are registers. AMD EPYC (Zen 5, shared), gcc 12.2, 2026-11-24, AVX-512, whole products of 128 to 3136,
// interleaved: 8, 10, 12 and 14 rows of 32 are equal within the noise, since a value of a is spread by the load itself. (By an addition and a
// shuffle, as it once was by mistake, whole products took about a fifth longer.)
#pragma once
#include "simd.h"

STEEPEST_KERNELS_BEGIN

#if defined(__AVX512F__)
constexpr int kTileRows = 14;
#elif defined(__AVX2__)
constexpr int kTileRows = 6;
#else
constexpr int kTileRows = 4;
#endif
constexpr int kTileVectors = 2;
constexpr int kTileColumns = kTileVectors * kLanes;
constexpr int64_t kDepthBlock = 1024;  // steps of k a strip of a and a panel of b go through at once

// How a is read along the depth, and, where its rows lie evenly, from row to row.
struct Walk {
  const int64_t* start;
  int64_t segments, length, step, apart = 1;
};

// What becomes of the sums.
struct Finish {
  bool load;          // the chain starts from c, not from 0
  const float* bias;  // added to every row at the end; may be null. Readable for the whole width of the panel
  bool relu;          // then y > 0 ? y : 0, NaN kept
};

enum Rows { kAnywhere, kEven, kAdjacent };  // by a table; `apart` from each other; side by side

// MR x NV vectors, all of them present in c. b_step and c_step: floats from one row to the next.
template <int MR, int NV, Rows ROWS>
void tile(const float* a, const int64_t* row, const Walk& walk, const float* b, int64_t b_step, float* c, int64_t c_step, const Finish& finish) {
  vfloat sum[MR][NV];
  if (finish.load) {
#pragma GCC unroll 16
    for (int i = 0; i < MR; ++i)
#pragma GCC unroll 2
      for (int j = 0; j < NV; ++j) sum[i][j] = load(c + i * c_step + j * kLanes);
  } else {  // c arrives while the sums are made
#pragma GCC unroll 16
    for (int i = 0; i < MR; ++i)
#pragma GCC unroll 2
      for (int j = 0; j < NV; ++j) {
        if (j * kLanes % 16 == 0) __builtin_prefetch(c + i * c_step + j * kLanes, 1);
        sum[i][j] = vfloat{};
      }
  }
  int64_t at[MR];
  if (ROWS == kAnywhere)
    for (int i = 0; i < MR; ++i) at[i] = row[i];
  // Even rows: three pointers and two distances reach fifteen by addressing alone.
  int64_t one = 4 * walk.apart, three = 12 * walk.apart;
  const int64_t step = walk.step;
  for (int64_t segment = 0; segment < walk.segments; ++segment) {
    const float* p = a + walk.start[segment];
    const char *p0 = reinterpret_cast<const char*>(p), *p5 = p0 + 5 * one, *p10 = p5 + 5 * one;
    if (ROWS == kEven) asm("" : "+r"(p0), "+r"(p5), "+r"(p10), "+r"(one), "+r"(three));
    for (int64_t t = walk.length; t > 0; --t, b += b_step) {
      vfloat v[NV];
#pragma GCC unroll 2
      for (int j = 0; j < NV; ++j) v[j] = load(b + j * kLanes);
#pragma GCC unroll 16
      for (int i = 0; i < MR; ++i) {
        float value;
        if (ROWS == kAnywhere) value = p[at[i]];
        if (ROWS == kAdjacent) value = p[i];
        if (ROWS == kEven) value = *reinterpret_cast<const float*>((i < 5 ? p0 : i < 10 ? p5 : p10) + (i % 5 == 3 ? three : i % 5 * one));
        const vfloat s = broadcast(value);
#pragma GCC unroll 2
        for (int j = 0; j < NV; ++j) sum[i][j] = fma(s, v[j], sum[i][j]);
      }
      if (ROWS == kEven) {
        p0 += 4 * step, p5 += 4 * step, p10 += 4 * step;
      } else {
        p += step;
      }
    }
  }
  if (finish.bias) {
#pragma GCC unroll 2
    for (int j = 0; j < NV; ++j) {
      const vfloat bias = load(finish.bias + j * kLanes);
#pragma GCC unroll 16
      for (int i = 0; i < MR; ++i) sum[i][j] += bias;
    }
  }
  if (finish.relu) {
#pragma GCC unroll 16
    for (int i = 0; i < MR; ++i)
#pragma GCC unroll 2
      for (int j = 0; j < NV; ++j) sum[i][j] = relu(sum[i][j]);
  }
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i)
#pragma GCC unroll 2
    for (int j = 0; j < NV; ++j) store(c + i * c_step + j * kLanes, sum[i][j]);
}

using Tile = void (*)(const float*, const int64_t*, const Walk&, const float*, int64_t, float*, int64_t, const Finish&);

// The tile of `rows` (1 .. kTileRows) rows and NV vectors.
template <int NV, Rows ROWS, int MR = kTileRows>
STEEPEST_INLINE Tile tile_of(int64_t rows) {
  if constexpr (MR == 1) {
    return tile<1, NV, ROWS>;
  } else {
    return rows == MR ? tile<MR, NV, ROWS> : tile_of<NV, ROWS, MR - 1>(rows);
  }
}

// ---- panels of b: kTileColumns columns (the last one kLanes if that is enough), row after row, filled up with zeros ----

STEEPEST_INLINE int64_t panel_width(int64_t columns) { return columns <= kLanes ? kLanes : kTileColumns; }

// dst[depth, width] = b[depth, columns], rows of b b_step apart.
inline void pack_panel(const float* b, int64_t b_step, int64_t depth, int64_t columns, float* dst) {
  const int64_t width = panel_width(columns);
  for (int64_t t = 0; t < depth; ++t, b += b_step, dst += width)
    for (int64_t j = 0; j < width; j += kLanes) {
      const int64_t left = columns - j;
      store(dst + j, left >= kLanes ? load(b + j) : left > 0 ? load_part(b + j, left) : vfloat{});
    }
}

// dst[depth, width] = the transpose of b[columns, depth], rows of b b_step apart.
inline void pack_panel_transposed(const float* b, int64_t b_step, int64_t depth, int64_t columns, float* dst) {
  const int64_t width = panel_width(columns);
  for (int64_t j = 0; j < width; j += kLanes) {
    const int64_t rows = columns - j;
    for (int64_t t = 0; t < depth; t += kLanes) {
      const int64_t left = depth - t;
      vfloat block[kLanes];
#pragma GCC unroll 16
      for (int i = 0; i < kLanes; ++i) {
        const float* from = b + (j + i) * b_step + t;
        block[i] = i >= rows ? vfloat{} : left >= kLanes ? load(from) : load_part(from, left);
      }
      transpose(block);
      if (left >= kLanes) {
#pragma GCC unroll 16
        for (int i = 0; i < kLanes; ++i) store(dst + (t + i) * width + j, block[i]);
      } else {
        for (int64_t i = 0; i < left; ++i) store(dst + (t + i) * width + j, block[i]);
      }
    }
  }
}

// ---- strips of a: kTileRows rows (at most kLanes), step after step, so that a tile reads one stream. They may write kLanes - kTileRows
//      floats too many, which the next step or strip overwrites: dst needs kLanes floats more. ----

// dst[depth, kTileRows] = the transpose of a[rows, depth], rows of a a_step apart.
inline void pack_strip(const float* a, int64_t a_step, int64_t rows, int64_t depth, float* dst) {
  for (int64_t t = 0; t < depth; t += kLanes) {
    const int64_t left = depth - t;
    vfloat block[kLanes];
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; ++i) {
      const float* from = a + i * a_step + t;
      block[i] = i >= kTileRows || i >= rows ? vfloat{} : left >= kLanes ? load(from) : load_part(from, left);
    }
    transpose(block);
    if (left >= kLanes) {
#pragma GCC unroll 16
      for (int i = 0; i < kLanes; ++i) store(dst + (t + i) * kTileRows, block[i]);
    } else {
      for (int64_t i = 0; i < left; ++i) store(dst + (t + i) * kTileRows, block[i]);
    }
  }
}

// dst[depth, kTileRows] = a[depth, rows], steps of a a_step apart. readable: floats that may be read from each step's first one on.
inline void pack_strip_transposed(const float* a, int64_t a_step, int64_t rows, int64_t readable, int64_t depth, float* dst) {
  for (int64_t t = 0; t < depth; ++t, a += a_step, dst += kTileRows) store(dst, readable >= kLanes ? load(a) : load_part(a, rows));
}

// dst[0 .. count rounded up to panels) = bias and zeros.
inline void pad_bias(const float* bias, int64_t count, float* dst) {
  for (int64_t i = 0; i < count; ++i) dst[i] = bias[i];
  for (int64_t i = count; i < ceil_div(count, kTileColumns) * kTileColumns; ++i) dst[i] = 0.0f;
}

// ---- all rows against one panel ----

// The tiles that m rows are cut into are of nearly equal size: tile `index` of tile_count(m) begins here.
STEEPEST_INLINE int64_t tile_count(int64_t m) { return ceil_div(m, kTileRows); }
STEEPEST_INLINE int64_t tile_begin(int64_t m, int64_t index) { return m * index / tile_count(m); }

// c[m, columns] (rows c_step apart) from m rows of a and one panel of b. row: where each row begins, if they are kAnywhere.
template <Rows ROWS>
void multiply(const float* a, const int64_t* row, int64_t m, const Walk& walk, const float* b, int64_t b_step, float* c, int64_t c_step,
              int64_t columns, const Finish& finish) {
  const int64_t width = panel_width(columns);
  int64_t begin = 0;
  for (int64_t index = 0; index < tile_count(m); ++index) {
    const int64_t end = tile_begin(m, index + 1), rows = end - begin;
    const Tile run = width == kTileColumns ? tile_of<kTileVectors, ROWS>(rows) : tile_of<1, ROWS>(rows);
    const float* from = ROWS == kAnywhere ? a : a + begin * walk.apart;
    const int64_t* table = ROWS == kAnywhere ? row + begin : nullptr;
    float* to = c + begin * c_step;
    if (columns == width) {
      run(from, table, walk, b, b_step, to, c_step, finish);
    } else {  // not every column exists: by way of a full tile
      alignas(64) float full[kTileRows * kTileColumns];
      const auto edge = [&](auto move) {
        for (int64_t i = 0; i < rows; ++i)
          for (int64_t j = 0; j < columns; j += kLanes) move(to + i * c_step + j, full + i * width + j, columns - j);
      };
      if (finish.load) edge([](float* c, float* f, int64_t left) { store(f, left >= kLanes ? load(c) : load_part(c, left)); });
      run(from, table, walk, b, b_step, full, width, finish);
      edge([](float* c, float* f, int64_t left) { left >= kLanes ? store(c, load(f)) : store_part(c, load(f), left); });
    }
    begin = end;
  }
}

inline void multiply(const float* a, const int64_t* row, int64_t m, const Walk& walk, const float* b, int64_t b_step, float* c, int64_t c_step,
                     int64_t columns, const Finish& finish) {
  multiply<kAnywhere>(a, row, m, walk, b, b_step, c, c_step, columns, finish);
}

STEEPEST_KERNELS_END
