// Sums over all n elements of an array, in double precision, in an order that depends on n alone: up to 512 blocks sum a part each, one block
// the sums of these.
#pragma once
#include "elementwise.cuh"

STEEPEST_KERNELS_BEGIN

// Of a warp, in one fixed order; every lane gets the result.
__device__ inline double warp_sum(double value) {
  for (int step = kWarp / 2; step > 0; step /= 2) value += __shfl_xor_sync(kAll, value, step);
  return value;
}

constexpr int kReduceThreads = 256;
constexpr int kReduceBlocks = 512;
constexpr int kReduceDepth = 4;  // vectors of four that a thread loads at once

struct ReduceShared {
  double sums[kReduceThreads / kWarp];
};

// Of a block of kReduceThreads, in one fixed order; every thread gets the result.
__device__ inline double block_sum(double value) {
  STEEPEST_SHARED(ReduceShared, shared);
  value = warp_sum(value);
  if (threadIdx.x % kWarp == 0) shared.sums[threadIdx.x / kWarp] = value;
  __syncthreads();
  double sum = 0;
  for (int w = 0; w < kReduceThreads / kWarp; w++) sum += shared.sums[w];
  return sum;
}

// What is added of an element.
struct ReduceValue {
  __device__ double operator()(double v) const { return v; }
};
struct ReduceSquare {
  __device__ double operator()(double v) const { return v * v; }
};
struct ReduceSize {
  __device__ double operator()(double v) const { return fabs(v); }
};

// What becomes of the sum of all.
struct ReduceTo {
  float* y;
  double count;  // the sum is divided by it
  bool clip;     // y is the factor that makes sqrt(sum) no more than limit
  double limit;

  __device__ void set(double sum) const {
    const double length = sqrt(sum);
    y[0] = static_cast<float>(clip ? (length <= limit ? 1.0 : limit / length) : sum / count);
  }
};

struct Reduce {
  const float* x;
  int64_t n;
  bool vectors;  // x is aligned to 16 bytes
  double* parts;  // one a block, or null: there is one block
  ReduceTo to;
};

template <class Term>
__global__ void __launch_bounds__(kReduceThreads) reduce_parts(Reduce p) {
  const int64_t width = static_cast<int64_t>(gridDim.x) * (4 * kReduceThreads);
  double sums[4] = {};
  for (int64_t i = (static_cast<int64_t>(blockIdx.x) * kReduceThreads + threadIdx.x) * 4; i < p.n; i += kReduceDepth * width) {
    Four v[kReduceDepth] = {};
    STEEPEST_UNROLL
    for (int d = 0; d < kReduceDepth; d++) {
      const int64_t at = i + d * width;
      if (p.vectors && at + 4 <= p.n) v[d] = *reinterpret_cast<const Four*>(p.x + at);
      else
        for (int l = 0; l < 4; l++)
          if (at + l < p.n) v[d].at[l] = p.x[at + l];
    }
    STEEPEST_UNROLL
    for (int d = 0; d < kReduceDepth; d++)
      STEEPEST_UNROLL
      for (int l = 0; l < 4; l++) sums[l] += Term()(v[d].at[l]);
  }
  const double sum = block_sum((sums[0] + sums[1]) + (sums[2] + sums[3]));
  if (threadIdx.x != 0) return;
  if (p.parts) p.parts[blockIdx.x] = sum;
  else p.to.set(sum);
}

struct ReduceAll {
  const double* parts;
  int count;
  ReduceTo to;
};

static __global__ void __launch_bounds__(kReduceThreads) reduce_all(ReduceAll p) {
  double sum = 0;
  STEEPEST_UNROLL_BY(4)
  for (int i = threadIdx.x; i < p.count; i += kReduceThreads) sum += p.parts[i];
  sum = block_sum(sum);
  if (threadIdx.x == 0) p.to.set(sum);
}

// The sum of Term over x[n], to where `to` says.
template <class Term>
void reduce(Stream& stream, const float* x, int64_t n, const ReduceTo& to) {
  const int64_t blocks = most(1, least(kReduceBlocks, ceil_div(n, kReduceDepth * 4 * kReduceThreads)));
  double* const parts = blocks == 1 ? nullptr : static_cast<double*>(stream.scratch(0, static_cast<size_t>(blocks) * sizeof(double)));
  stream.launch(&reduce_parts<Term>, {blocks}, kReduceThreads, Reduce{x, n, aligned(16, x), parts, to}, sizeof(ReduceShared));
  if (parts) stream.launch(&reduce_all, {1}, kReduceThreads, ReduceAll{parts, static_cast<int>(blocks), to}, sizeof(ReduceShared));
}

STEEPEST_KERNELS_END
