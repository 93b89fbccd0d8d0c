// Operands as Hopper's products want them: numbers rounded, lines along depth, filled up with zeros to whole slices (layout.cuh).
//
//   to[lines, slices * slice_depth] = x[lines, depth] (along), or the transpose of x[depth, lines]
//
// Bound by memory: 4 bytes read and 2 (4) written for each number. A block of 256 threads has 64 lines of one slice; a thread writes 16 bytes twice,
// 8 lanes one line. Where x is to be transposed it passes through shared memory.
#pragma once
#include "layout.cuh"

STEEPEST_KERNELS_BEGIN

struct RoundedOperand {
  const float* x;
  uint4* to;
  int64_t lines, depth;
  int64_t slices;  // of a line
  bool along;
  bool wide;  // groups of four that lie together in x stand at 16 bytes
};

struct Rounding {
  RoundedOperand a, b;
  int64_t blocks;  // of a; b's are behind them
};

constexpr int kRoundedLines = 64;   // of a block
constexpr int kRoundingThreads = 256;

inline int64_t rounding_blocks(const RoundedOperand& o) { return ceil_div(o.lines, kRoundedLines) * o.slices; }

template <Arithmetic Kind>
struct RoundingShared {
  float x[slice_depth(Kind)][kRoundedLines];
};

// Where a line at depth k stands in the block's part of x: groups of four lines are shuffled, so that 4 lines of 8 pieces are in different banks.
template <Arithmetic Kind>
__host__ __device__ constexpr int rounding_place(int line, int k) {
  return line ^ k / piece_depth(Kind) % 8 * 4;
}

// Four numbers from `from` on; where not Whole, `valid` of them are there (any number, also below 0), and the others are 0.
template <bool Whole>
__device__ inline void read_four(const float* from, int64_t valid, float* v) {
  if constexpr (Whole) {
    const float4 four = *reinterpret_cast<const float4*>(from);
    v[0] = four.x, v[1] = four.y, v[2] = four.z, v[3] = four.w;
  } else {
    STEEPEST_UNROLL
    for (int j = 0; j < 4; j++) v[j] = j < valid ? from[j] : 0.0f;
  }
}

template <Arithmetic Kind>
__device__ inline uint4 rounded_piece(const float* v) {
  if constexpr (Kind == Arithmetic::kTf32) {
    return make_uint4(to_tf32(v[0]), to_tf32(v[1]), to_tf32(v[2]), to_tf32(v[3]));
  } else {
    return make_uint4(to_bf16(v[0], v[1]), to_bf16(v[2], v[3]), to_bf16(v[4], v[5]), to_bf16(v[6], v[7]));
  }
}

constexpr int kRoundingPasses = kRoundedLines * 8 / kRoundingThreads;  // pieces that a thread writes

// v = what this thread is to write: pieces of lines line0 + threadIdx.x / 8 and of those at every 32 lines on. Whole: all is there, at 16 bytes.
template <Arithmetic Kind, bool Whole>
__device__ inline void read_pieces(const RoundedOperand& o, int64_t line0, int64_t k0, RoundingShared<Kind>& shared,
                                   float (&v)[kRoundingPasses][piece_depth(Kind)]) {
  constexpr int kPiece = piece_depth(Kind), kFours = kRoundedLines / 4;
  const int first = threadIdx.x % 8 * kPiece, line = threadIdx.x / 8;
  if (o.along) {
    STEEPEST_UNROLL
    for (int pass = 0; pass < kRoundingPasses; pass++) {
      const int64_t i = line0 + line + pass * 32, k = k0 + first;
      STEEPEST_UNROLL
      for (int j = 0; j < kPiece; j += 4) read_four<Whole>(o.x + i * o.depth + k + j, i < o.lines ? o.depth - k - j : 0, &v[pass][j]);
    }
    return;
  }
  constexpr int kReads = slice_depth(Kind) * kFours / kRoundingThreads;
  float four[kReads][4];
  const int at = threadIdx.x % kFours * 4;
  STEEPEST_UNROLL
  for (int read = 0; read < kReads; read++) {
    const int64_t k = k0 + threadIdx.x / kFours + read * (kRoundingThreads / kFours);
    read_four<Whole>(o.x + k * o.lines + line0 + at, k < o.depth ? o.lines - line0 - at : 0, four[read]);
  }
  STEEPEST_UNROLL
  for (int read = 0; read < kReads; read++) {
    const int k = threadIdx.x / kFours + read * (kRoundingThreads / kFours);
    *reinterpret_cast<float4*>(&shared.x[k][rounding_place<Kind>(at, k)]) = make_float4(four[read][0], four[read][1], four[read][2], four[read][3]);
  }
  __syncthreads();
  STEEPEST_UNROLL
  for (int pass = 0; pass < kRoundingPasses; pass++) {
    STEEPEST_UNROLL
    for (int j = 0; j < kPiece; j++) v[pass][j] = shared.x[first + j][rounding_place<Kind>(line + pass * 32, first + j)];
  }
}

template <Arithmetic Kind>
__global__ void __launch_bounds__(kRoundingThreads) hopper_round(Rounding p) {
  STEEPEST_SHARED(RoundingShared<Kind>, shared);
  constexpr int kDepth = slice_depth(Kind);
  const bool first = static_cast<int64_t>(blockIdx.x) < p.blocks;
  const RoundedOperand o = first ? p.a : p.b;
  const int64_t block = blockIdx.x - (first ? 0 : p.blocks), slice = block % o.slices;
  const int64_t line0 = block / o.slices * kRoundedLines, k0 = slice * kDepth;
  float v[kRoundingPasses][piece_depth(Kind)];
  if (o.wide && line0 + kRoundedLines <= o.lines && k0 + kDepth <= o.depth) {
    read_pieces<Kind, true>(o, line0, k0, shared, v);
  } else {
    read_pieces<Kind, false>(o, line0, k0, shared, v);
  }
  STEEPEST_UNROLL
  for (int pass = 0; pass < kRoundingPasses; pass++) {
    const int64_t i = line0 + threadIdx.x / 8 + pass * 32;
    if (i < o.lines) o.to[(i * o.slices + slice) * 8 + threadIdx.x % 8] = rounded_piece<Kind>(v[pass]);
  }
}

STEEPEST_KERNELS_END
