// A slice of the depth of a product: how a block copies it into shared memory, how a warp adds it to its sums, in float32 and on tensor cores.
// product.cuh says what operands and tiles are.
#pragma once
#include "kernel.cuh"

STEEPEST_KERNELS_BEGIN

// Where a group of numbers stands; not valid: zeros (from is not read, but still is an address).
struct Place {
  const float* from;
  bool valid;
};

constexpr int kSlice = 16;  // of the depth

// WarpRows x WarpColumns: what a warp sums. Blocks: of an SM, for which the compiler limits registers.
template <int Rows, int Columns, int WarpRows, int WarpColumns, int Stages, int Blocks>
struct ProductTile {
  static constexpr int kRows = Rows, kColumns = Columns, kWarpRows = WarpRows, kWarpColumns = WarpColumns, kStages = Stages, kBlocks = Blocks;
  static constexpr int kThreads = Rows / WarpRows * (Columns / WarpColumns) * kWarp;
  // On tensor cores: a warp has up to 64 x 64, since it waits for shared memory rather than for sums, and one more slice is on its way.
  using Rounded = ProductTile<Rows, Columns, Rows * Columns == 128 * 128 ? 64 : WarpRows, Rows * Columns == 128 * 128 ? 64 : WarpColumns, Stages + 1, Blocks>;
  static constexpr int kDown = WarpRows / 32, kAcross = WarpColumns / 16;  // squares of 4 x 4 a thread has
  static_assert(WarpRows % 32 == 0 && WarpColumns % 32 == 0, "a tensor core's piece");
};
using Tile128x128 = ProductTile<128, 128, 64, 32, 3, 2>;
using Tile128x64 = ProductTile<128, 64, 64, 32, 3, 3>;
using Tile128x32 = ProductTile<128, 32, 32, 32, 4, 3>;
using Tile64x64 = ProductTile<64, 64, 32, 32, 4, 4>;

template <class Tile>
struct ProductShared {
  float a[Tile::kStages][Tile::kRows * kSlice];
  float b[Tile::kStages][Tile::kColumns * kSlice];
};

// ---- a slice of an operand in shared memory: float[Lines * kSlice]. Numbers that lie together in memory stay so; groups of four are
// shuffled so that the 8 groups that 8 neighbouring lanes write or read (4 lines x 4 steps a lane, below) are in different banks ----

// Along depth: where steps 4 group .. 4 group + 3 of a line stand. Lines 4 q + i are at i (Lines / 4) + q.
template <int Lines>
__host__ __device__ constexpr int slice_along(int line, int group) {
  return (((line % 4) * (Lines / 4) + line / 4) ^ (line & 1)) * kSlice + (group ^ (line / 8 & 3)) * 4;
}
// Across: where a line of a step stands.
template <int Lines>
__host__ __device__ constexpr int slice_across(int line, int step) {
  return step * Lines + (line ^ (step / 4 & 3) * 8);
}

__device__ inline float4 load4(const float* p) { return *reinterpret_cast<const float4*>(p); }

// What a thread copies of an operand.
template <class Operand, int Lines, int Threads>
struct SliceCopier {
  static constexpr bool kAlong = Operand::kAlongDepth;
  static constexpr int kVector = Operand::kVector;
  static constexpr int kGroups = (kAlong ? kSlice : Lines) / kVector;              // neighbours in memory
  static constexpr int kPasses = (kAlong ? Lines : kSlice) * kGroups / Threads;    // and the other way, Threads / kGroups at a time
  static_assert(kPasses * Threads == (kAlong ? Lines : kSlice) * kGroups && Threads % kGroups == 0, "all threads copy alike");

  typename Operand::Line lines[kAlong ? kPasses : 1];

  __device__ SliceCopier(const Operand& operand, int64_t first) {
    const int group = threadIdx.x % kGroups, other = threadIdx.x / kGroups;
    if constexpr (kAlong) {
      STEEPEST_UNROLL
      for (int pass = 0; pass < kPasses; pass++) lines[pass] = operand.line(first + other + pass * (Threads / kGroups));
    } else {
      lines[0] = operand.line(first + group * kVector);
    }
  }

  __device__ void copy(const Operand& operand, int64_t k, float* to) const {
    const int group = threadIdx.x % kGroups, other = threadIdx.x / kGroups;
    if constexpr (kAlong) {
      const typename Operand::Step step = operand.step(k + group * kVector);
      STEEPEST_UNROLL
      for (int pass = 0; pass < kPasses; pass++) {
        const Place place = operand.at(lines[pass], step);
        const int line = other + pass * (Threads / kGroups), at = slice_along<Lines>(line, group * kVector / 4) + group * kVector % 4;
        copy_async<kVector * 4>(to + at, place.from, place.valid);
      }
    } else {
      STEEPEST_UNROLL
      for (int pass = 0; pass < kPasses; pass++) {
        const int step = other + pass * (Threads / kGroups);
        const Place place = operand.at(lines[0], operand.step(k + step));
        copy_async<kVector * 4>(to + slice_across<Lines>(group * kVector, step), place.from, place.valid);
      }
    }
  }
};

// ---- what is summed: each lane has squares of 4 x 4, one below the other at 32 rows, and side by side ----

struct ProductLane {
  int row, column;  // of its first square, in the warp's
  int next;         // columns to the second; those after it are 32 from the one before the last
};

// float32: lanes stand in 8 rows x 4 columns, so that lanes i and i ^ 1 have the same rows, and lanes i and i ^ 2 the same columns: reads of 16
// bytes by a quarter of a warp and by the next are made as one then, and an SM gets numbers from shared memory twice as fast as it needs them.
// Tensor cores: the four rows are rows g and g + 8 of two 16 x 8 pieces, and columns 2 t, 2 t + 1 of four pieces make two squares side by side:
// column j of the first is column 2 t of the j-th piece, and column j of the second its column 2 t + 1.
template <Arithmetic Kind>
__device__ inline ProductLane product_lane(int lane) {
  if (Kind == Arithmetic::kFull) return {lane / 2 % 8 * 4, (lane % 2 + lane / 16 * 2) * 4, 16};
  return {lane / 4 * 4, lane % 4 * 8, 4};
}

template <class Tile>
using Sums = float[Tile::kDown][Tile::kAcross][4][4];

// Four lines from `line` on (a multiple of 4) at steps 4 group .. 4 group + 3 of a slice along depth; and, across, at one step.
template <int Lines>
__device__ __forceinline__ void read_square(const float* slice, int line, int group, float (&v)[4][4]) {
  STEEPEST_UNROLL
  for (int i = 0; i < 4; i++) {
    const float4 steps = load4(slice + slice_along<Lines>(line + i, group));
    v[i][0] = steps.x, v[i][1] = steps.y, v[i][2] = steps.z, v[i][3] = steps.w;
  }
}
template <int Lines>
__device__ __forceinline__ void read_lines(const float* slice, int line, int step, float (&v)[4]) {
  const float4 lines = load4(slice + slice_across<Lines>(line, step));
  v[0] = lines.x, v[1] = lines.y, v[2] = lines.z, v[3] = lines.w;
}

__device__ __forceinline__ void add_scaled(float factor, const float (&v)[4], float (&sums)[4]) {
  STEEPEST_UNROLL
  for (int j = 0; j < 4; j++) sums[j] = fmaf(factor, v[j], sums[j]);
}

// sums += a slice, in float32. row, column: the thread's first line of a and of b; its next squares are 32 (16) lines on. An operand along depth is read
// four steps at a time. Registers are short: numbers of the four steps are held of one operand only, the other's are read as they are used, and
// reads are not moved from one group of steps to the one before.
template <class Tile, bool AlongA, bool AlongB>
__device__ __forceinline__ void add_slice(const float* a, const float* b, int row, int column, Sums<Tile>& sums) {
  constexpr int kDown = Tile::kDown, kAcross = Tile::kAcross, kRows = Tile::kRows, kColumns = Tile::kColumns;
  STEEPEST_UNROLL_BY(1)
  for (int group = 0; group < kSlice / 4; group++) {
    if constexpr (AlongA) {
      float u[kDown][4][4];
      STEEPEST_UNROLL
      for (int d = 0; d < kDown; d++) read_square<kRows>(a, row + d * 32, group, u[d]);
      if constexpr (AlongB) {
        STEEPEST_UNROLL
        for (int c = 0; c < kAcross; c++) {
          STEEPEST_UNROLL
          for (int j = 0; j < 4; j++) {
            const float4 v = load4(b + slice_along<kColumns>(column + c * 16 + j, group));
            STEEPEST_UNROLL
            for (int d = 0; d < kDown; d++) {
              STEEPEST_UNROLL
              for (int i = 0; i < 4; i++) {
                float& sum = sums[d][c][i][j];
                sum = fmaf(u[d][i][3], v.w, fmaf(u[d][i][2], v.z, fmaf(u[d][i][1], v.y, fmaf(u[d][i][0], v.x, sum))));
              }
            }
          }
        }
      } else {
        STEEPEST_UNROLL
        for (int k = 0; k < 4; k++) {
          STEEPEST_UNROLL
          for (int c = 0; c < kAcross; c++) {
            float v[4];
            read_lines<kColumns>(b, column + c * 16, group * 4 + k, v);
            STEEPEST_UNROLL
            for (int d = 0; d < kDown; d++) {
              STEEPEST_UNROLL
              for (int i = 0; i < 4; i++) add_scaled(u[d][i][k], v, sums[d][c][i]);
            }
          }
        }
      }
    } else if constexpr (AlongB) {
      float v[kAcross][4][4];
      STEEPEST_UNROLL
      for (int c = 0; c < kAcross; c++) read_square<kColumns>(b, column + c * 16, group, v[c]);
      STEEPEST_UNROLL
      for (int k = 0; k < 4; k++) {
        STEEPEST_UNROLL
        for (int d = 0; d < kDown; d++) {
          float u[4];
          read_lines<kRows>(a, row + d * 32, group * 4 + k, u);
          STEEPEST_UNROLL
          for (int c = 0; c < kAcross; c++) {
            STEEPEST_UNROLL
            for (int i = 0; i < 4; i++) {
              const float step[4] = {v[c][0][k], v[c][1][k], v[c][2][k], v[c][3][k]};
              add_scaled(u[i], step, sums[d][c][i]);
            }
          }
        }
      }
    } else {
      STEEPEST_UNROLL
      for (int k = 0; k < 4; k++) {
        float u[kDown][4];
        STEEPEST_UNROLL
        for (int d = 0; d < kDown; d++) read_lines<kRows>(a, row + d * 32, group * 4 + k, u[d]);
        STEEPEST_UNROLL
        for (int c = 0; c < kAcross; c++) {
          float v[4];
          read_lines<kColumns>(b, column + c * 16, group * 4 + k, v);
          STEEPEST_UNROLL
          for (int d = 0; d < kDown; d++) {
            STEEPEST_UNROLL
            for (int i = 0; i < 4; i++) add_scaled(u[d][i], v, sums[d][c][i]);
          }
        }
      }
    }
  }
}

// ---- the same on tensor cores. The four steps of a lane are 4 t .. 4 t + 3 of the slice, in the place of t and t + 4 of two pieces of 8 (of 2 t,
// 2 t + 1, 2 t + 8, 2 t + 9 of a piece of 16): any order will do as long as a and b have the same ----

// Four lines x four steps, rounded.
template <Arithmetic Kind, int Lines, bool Along>
struct RoundedSquare {
  unsigned v[4][Kind == Arithmetic::kTf32 ? 4 : 2];

  __device__ __forceinline__ RoundedSquare(const float* slice, int line, int group) {
    float x[4][4];
    if constexpr (Along) {
      read_square<Lines>(slice, line, group, x);
    } else {
      float y[4][4];
      STEEPEST_UNROLL
      for (int k = 0; k < 4; k++) {
        read_lines<Lines>(slice, line, group * 4 + k, y[k]);
        STEEPEST_UNROLL
        for (int i = 0; i < 4; i++) x[i][k] = y[k][i];
      }
    }
    STEEPEST_UNROLL
    for (int i = 0; i < 4; i++) {
      if constexpr (Kind == Arithmetic::kTf32) {
        STEEPEST_UNROLL
        for (int k = 0; k < 4; k++) v[i][k] = to_tf32(x[i][k]);
      } else {
        v[i][0] = to_bf16(x[i][0], x[i][1]), v[i][1] = to_bf16(x[i][2], x[i][3]);
      }
    }
  }
};

// row, column: the warp's first lines.
template <Arithmetic Kind, class Tile, bool AlongA, bool AlongB>
__device__ __forceinline__ void add_slice_rounded(const float* a, const float* b, int row, int column, Sums<Tile>& sums) {
  const int g = threadIdx.x % kWarp / 4 * 4, t = threadIdx.x % 4;
  STEEPEST_UNROLL
  for (int c = 0; c < Tile::kAcross; c += 2) {
    const RoundedSquare<Kind, Tile::kColumns, AlongB> w(b, column + c * 16 + g, t);
    STEEPEST_UNROLL
    for (int d = 0; d < Tile::kDown; d++) {
      const RoundedSquare<Kind, Tile::kRows, AlongA> u(a, row + d * 32 + g, t);
      STEEPEST_UNROLL
      for (int k = 0; k < (Kind == Arithmetic::kTf32 ? 4 : 2); k += 2) {
        STEEPEST_UNROLL
        for (int i = 0; i < 4; i += 2) {
          STEEPEST_UNROLL
          for (int j = 0; j < 4; j++) {
            const unsigned x[4] = {u.v[i][k], u.v[i + 1][k], u.v[i][k + 1], u.v[i + 1][k + 1]}, y[2] = {w.v[j][k], w.v[j][k + 1]};
            float piece[4] = {sums[d][c][i][j], sums[d][c + 1][i][j], sums[d][c][i + 1][j], sums[d][c + 1][i + 1][j]};
            if constexpr (Kind == Arithmetic::kTf32) {
              multiply_tf32(piece, x, y);
            } else {
              multiply_bf16(piece, x, y);
            }
            sums[d][c][i][j] = piece[0], sums[d][c + 1][i][j] = piece[1], sums[d][c][i + 1][j] = piece[2], sums[d][c + 1][i + 1][j] = piece[3];
          }
        }
      }
    }
  }
}

STEEPEST_KERNELS_END
