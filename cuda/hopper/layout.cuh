// Where numbers stand in a product by Hopper's own instructions, in whole numbers alone (test/cuda/hopper.cc).
//
// A slice of an operand in shared memory: 128 bytes of each line, along depth (64 numbers in bf16, 32 in tf32), one line after the other. 8 lines
// are a pattern of 1024 bytes, which begins at a multiple of 1024. In it, piece p (16 bytes) of line l stands in place p ^ l % 8, so that a piece
// of 8 lines can be read at once, from 8 different groups of banks. The copy engine writes it so, and wgmma reads it so, if both are told: "128B
// swizzle", K-major ("Swizzling modes" and "Shared memory matrix layout" of the PTX manual). Nobody else looks at it.
#pragma once
#include "kernel.cuh"

STEEPEST_KERNELS_BEGIN

constexpr int kSliceBytes = 128;     // of a line
constexpr int kPatternBytes = 1024;  // of 8 lines
constexpr int kStepBytes = 32;       // of a line, which one wgmma takes: 16 numbers in bf16, 8 in tf32

// Numbers of a line in a slice, and in 16 bytes.
__host__ __device__ constexpr int slice_depth(Arithmetic kind) { return kind == Arithmetic::kBf16 ? kSliceBytes / 2 : kSliceBytes / 4; }
__host__ __device__ constexpr int piece_depth(Arithmetic kind) { return slice_depth(kind) / 8; }

// How wgmma is told of lines in shared memory ("Matrix descriptor format"): the address of the first line (bits 0-13), the distance of patterns
// (32-45), both in units of 16 bytes; the distance along depth (16-29), which does not count here and is to be 1; the first line's place in its
// pattern (49-51): 0; the swizzle of 128 bytes (62-63): 1. Plus n (up to the end of memory): 16 n bytes on.
__host__ __device__ constexpr uint64_t line_descriptor(unsigned address) {
  return static_cast<uint64_t>(address >> 4 & 0x3fff) | uint64_t{1} << 16 | static_cast<uint64_t>(kPatternBytes >> 4) << 32 | uint64_t{1} << 62;
}
__host__ __device__ constexpr uint64_t descriptor_offset(int bytes) { return static_cast<uint64_t>(bytes >> 4); }

// Of 64 rows x N columns of sums, a thread of the 128 has N / 2: number i of them is at this row and column ("Register fragments": four
// warps have 16 rows each, and lanes lie in them as in the pieces of mma.sync, in kernel.cuh).
struct SumPlace {
  int row, column;
};
__host__ __device__ constexpr SumPlace sum_place(int thread, int i) {
  return {thread / 32 * 16 + thread % 32 / 4 + i / 2 % 2 * 8, i / 4 * 8 + thread % 4 * 2 + i % 2};
}

// Slices pass through Stages places in turn, rounds of them. A place has two memory barriers (instructions.cuh): `full` is completed once a slice
// is there, `empty` once all have read it. So the one who copies waits for phase round ^ 1 of `empty`, of the round before, which in the first
// round counts as ended; and who reads waits for phase `round` of `full`.
template <int Stages>
struct Ring {
  int stage = 0;
  unsigned round = 0;  // 0, 1, 0, 1 ...
  __host__ __device__ void next() {
    if (++stage == Stages) stage = 0, round ^= 1;
  }
};

STEEPEST_KERNELS_END
