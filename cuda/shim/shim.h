// The language of kernels (kernel.cuh) for a host compiler, so that tests run the kernels themselves where there is no GPU.
//
// The threads of a block are fibers. They run one at a time, in an order drawn anew after each barrier, so that a missing barrier shows as a
// wrong result sooner or later; a shuffle waits for all lanes of the warp. Blocks run one after the other, in an order drawn too. Shared
// memory is filled with NaN before each block. copy_async copies as late as it may. What would hang on a device is an error here, and so is an
// access that is not aligned, an index outside an array, or a write just behind the shared memory. test/cuda/shim.cc has a kernel for each.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __align__(n) alignas(n)

struct dim3 {
  unsigned x = 1, y = 1, z = 1;
};
struct alignas(8) float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(16) int4 {
  int x, y, z, w;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline int4 make_int4(int x, int y, int z, int w) { return {x, y, z, w}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }

namespace steepest {
namespace shim {

// Of the fiber that runs.
extern dim3 thread_index, block_index, block_size, grid_size;

void* shared_memory(size_t bytes);
void barrier();
// Every lane of the warp gives up to 64 bytes; returns what all gave, one after the other, 64 bytes each: until the warp's next exchange.
constexpr int kExchange = 64;
const char* exchange(const void* mine, int bytes);
void copy_async(void* shared, const void* source, int bytes, bool valid);
void copy_commit();
void copy_wait(int groups);
inline int lane() { return static_cast<int>(thread_index.x % 32); }

template <class T>
T from_lane(T value, int source) {
  static_assert(sizeof(T) <= kExchange, "too large");
  T result;
  std::memcpy(&result, exchange(&value, sizeof(T)) + source * kExchange, sizeof(T));
  return result;
}

}  // namespace shim
}  // namespace steepest

#define threadIdx steepest::shim::thread_index
#define blockIdx steepest::shim::block_index
#define blockDim steepest::shim::block_size
#define gridDim steepest::shim::grid_size

inline void __syncthreads() { steepest::shim::barrier(); }
inline void __syncwarp(unsigned = 0xffffffffu) { steepest::shim::exchange(nullptr, 0); }
template <class T>
T __shfl_sync(unsigned, T value, int source) {
  return steepest::shim::from_lane(value, source % 32);
}
template <class T>
T __shfl_xor_sync(unsigned, T value, int mask) {
  return steepest::shim::from_lane(value, steepest::shim::lane() ^ mask);
}
inline unsigned __float_as_uint(float value) {
  unsigned bits;
  std::memcpy(&bits, &value, 4);
  return bits;
}
inline float __uint_as_float(unsigned bits) {
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}
inline int min(int a, int b) { return a < b ? a : b; }
inline int max(int a, int b) { return a > b ? a : b; }

// ---- tensor cores (kernel.cuh says how fragments lie) ----
namespace steepest {
namespace shim {

inline unsigned to_tf32(float value) {
  const unsigned bits = __float_as_uint(value);
  return std::isfinite(value) ? (bits + 0x1000u) & ~0x1fffu : std::isnan(value) ? 0x7fc00000u : bits;
}
inline unsigned to_bf16(float value) {
  const unsigned bits = __float_as_uint(value);
  return (std::isnan(value) ? 0x7fff0000u : bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
}

// The sum of a row and a column is rounded once.
template <int K>
void multiply_fragments(float (&c)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  const unsigned mine[6] = {a[0], a[1], a[2], a[3], b[0], b[1]};
  const char* all = exchange(mine, sizeof mine);
  const auto word = [all](int lane, int index) {
    unsigned bits;
    std::memcpy(&bits, all + lane * kExchange + index * 4, 4);
    return bits;
  };
  const auto value = [word](int lane, int index, int half) { return __uint_as_float(K == 8 ? word(lane, index) : word(lane, index) >> (half * 16) << 16); };
  const int g = lane() / 4, t = lane() % 4;
  for (int i = 0; i < 4; i++) {
    const int column = 2 * t + i % 2;
    double sum = c[i];
    for (int step = 0; step < 8; step++)  // each two numbers where K is 16
      for (int half = 0; half < K / 8; half++)
        sum += static_cast<double>(value(g * 4 + step % 4, i / 2 + step / 4 * 2, half)) * static_cast<double>(value(column * 4 + step % 4, 4 + step / 4, half));
    c[i] = static_cast<float>(sum);
  }
}

}  // namespace shim
}  // namespace steepest
