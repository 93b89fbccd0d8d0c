// gemm by Hopper's own instructions: numbers rounded to bf16 or tf32, copied by the copy engine, multiplied by wgmma. Off unless STEEPEST_WGMMA
// is 1: it has not run on a GPU yet. Here is when it is taken; how it works is in gemm.cu.
#pragma once
#include "kernel.cuh"

STEEPEST_KERNELS_BEGIN

constexpr int64_t kHopperRows = 128;     // of a tile; it has 256 or 128 columns
constexpr int64_t kHopperBlocks = 132;   // SMs of an H100 or H200; each has its share of the tiles
constexpr int64_t kHopperDepth = 128;    // least; below that, a product takes as long as its operands and sums take to read and write

// The columns of the tile to take, or 0: its tiles would fill less than half of the device, or there is too little to sum for rounding the operands
// first, which writes them once more. A tile of 128 columns has half the sums of one of 256 in 5/8 of the time, by estimate: for each
// multiply-add more bytes pass through shared memory. By the sizes alone.
inline int hopper_tile(int64_t m, int64_t n, int64_t k) {
  constexpr int64_t kMost = int64_t{1} << 30;  // coordinates and numbers of tiles are 32-bit
  if (k < kHopperDepth || m > kMost || n > kMost || k > kMost) return 0;
  const int64_t row_tiles = ceil_div(m, kHopperRows), narrow = row_tiles * ceil_div(n, 128), wide = row_tiles * ceil_div(n, 256);
  if (2 * narrow < kHopperBlocks || narrow > kMost) return 0;
  return 8 * ceil_div(wide, kHopperBlocks) <= 5 * ceil_div(narrow, kHopperBlocks) ? 256 : 128;
}

inline int hopper_columns(const gemm_args& a, const Stream& stream) {
  return stream.hopper && stream.arithmetic != Arithmetic::kFull ? hopper_tile(a.m, a.n, a.k) : 0;
}

// With tiles of so many columns.
void hopper_gemm(const gemm_args& a, int columns, Stream& stream);

STEEPEST_KERNELS_END
