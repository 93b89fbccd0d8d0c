// What every .cu file of a kernel begins with: the language of kernels, for nvcc and, in tests, for a host compiler (shim/shim.h).
//
// The language: __global__ functions with one parameter (a plain struct), threadIdx.x, blockIdx, gridDim, __syncthreads, shuffles of whole
// warps (warp_sum and the like below), shared memory by STEEPEST_SHARED, copies to it by copy_async, device lambdas. Blocks are
// one-dimensional. A thread that has left before a barrier of its block is an error, as is a shuffle that not all 32 threads of a warp reach.
#pragma once
#include <cfloat>
#include <cmath>
#include <cstdint>

#include "kernels.h"
#include "stream.h"

#if defined(STEEPEST_SHIM)
#include "shim/shim.h"
#else
#include <cuda_runtime.h>
#endif

#define STEEPEST_KERNELS_BEGIN namespace steepest { namespace cuda {
#define STEEPEST_KERNELS_END } }

// Before a loop of a known number of turns: unrolled, so that arrays it indexes are registers.
// _BY: so many turns at a time.
#if defined(STEEPEST_SHIM)
#define STEEPEST_UNROLL
#define STEEPEST_UNROLL_BY(turns)
#else
#define STEEPEST_PRAGMA(text) _Pragma(#text)
#define STEEPEST_UNROLL STEEPEST_PRAGMA(unroll)
#define STEEPEST_UNROLL_BY(turns) STEEPEST_PRAGMA(unroll turns)
#endif

// The block's shared memory, sizeof(Type) bytes of it, as `Type& name` (undefined at first): Type is a plain struct of arrays.
#if defined(STEEPEST_SHIM)
#define STEEPEST_SHARED(Type, name) Type& name = *static_cast<Type*>(shim::shared_memory(sizeof(Type)))
#else
#define STEEPEST_SHARED(Type, name)                       \
  extern __shared__ __align__(128) unsigned char steepest_shared[]; \
  Type& name = *reinterpret_cast<Type*>(steepest_shared)
#endif

STEEPEST_KERNELS_BEGIN

constexpr int kWarp = 32;
constexpr unsigned kAll = 0xffffffffu;  // the lanes of a warp

__host__ __device__ constexpr int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
__host__ __device__ constexpr int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }
__host__ __device__ constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Whether all pointers (null counts) allow vectors of `bytes`.
template <class... T>
bool aligned(size_t bytes, const T*... pointers) {
  return ((reinterpret_cast<uintptr_t>(pointers) % bytes == 0) && ...);
}

// ---- of a warp, in one fixed order; every lane gets the result ----

__device__ inline float warp_sum(float value) {
  for (int step = kWarp / 2; step > 0; step /= 2) value += __shfl_xor_sync(kAll, value, step);
  return value;
}
__device__ inline float warp_most(float value) {
  for (int step = kWarp / 2; step > 0; step /= 2) value = fmaxf(value, __shfl_xor_sync(kAll, value, step));
  return value;
}

// ---- copies from device to shared memory behind the back of the threads ----

// `Bytes` (4, 8 or 16, as both addresses are aligned) from source, or zeros where !valid (source is not read then). Not there before
// copy_commit, copy_wait and a barrier.
template <int Bytes>
__device__ inline void copy_async(void* shared, const void* source, bool valid) {
  static_assert(Bytes == 4 || Bytes == 8 || Bytes == 16, "4, 8 or 16");
#if defined(STEEPEST_SHIM)
  shim::copy_async(shared, source, Bytes, valid);
#else
  const unsigned to = static_cast<unsigned>(__cvta_generic_to_shared(shared));
  if constexpr (Bytes == 16)
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(source), "r"(valid ? 16 : 0) : "memory");
  else
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(to), "l"(source), "n"(Bytes), "r"(valid ? Bytes : 0) : "memory");
#endif
}

// The copies since the last commit are a group.
__device__ inline void copy_commit() {
#if defined(STEEPEST_SHIM)
  shim::copy_commit();
#else
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

// Waits for this thread's copies, but for its latest `Groups` groups.
template <int Groups>
__device__ inline void copy_wait() {
#if defined(STEEPEST_SHIM)
  shim::copy_wait(Groups);
#else
  asm volatile("cp.async.wait_group %0;" ::"n"(Groups) : "memory");
#endif
}

STEEPEST_KERNELS_END
