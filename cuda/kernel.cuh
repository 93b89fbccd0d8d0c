// What every .cu file of a kernel begins with: the language of kernels, for nvcc and, in tests, for a host compiler (shim/shim.h).
//
// The language: __global__ functions with one parameter (a plain struct), threadIdx.x, blockIdx, gridDim, __syncthreads, shuffles of whole
// warps, shared memory by STEEPEST_SHARED, copies to it by copy_async, device lambdas. Blocks are one-dimensional. A thread that has left
// before a barrier of its block is an error, as is a shuffle that not all 32 threads of a warp reach.
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

// ---- tensor cores: c[16, 8] += a[16, K] b[K, 8] by a warp, exact products, sums in float32. With g = lane / 4 and t = lane % 4 a lane has
//   c    rows g and g + 8 (two numbers of each), columns 2 t, 2 t + 1
//   a    K = 8:  (g, t), (g + 8, t), (g, t + 4), (g + 8, t + 4)                                          b    (t, g), (t + 4, g)
//        K = 16: the same rows, pairs of steps: 2 t, 2 t + 1 in the place of t, 2 t + 8, 2 t + 9 in that of t + 4
// ("Matrix fragments for mma.m16n8k8" and "m16n8k16" of the PTX manual.)

// To the nearest number of 10 bits behind the point; ties go away from 0.
__device__ inline unsigned to_tf32(float value) {
#if defined(STEEPEST_SHIM)
  return shim::to_tf32(value);
#else
  unsigned bits;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(value));
  return bits;
#endif
}

// To the nearest numbers of 7 bits; ties go to even.
__device__ inline unsigned to_bf16(float first, float second) {
#if defined(STEEPEST_SHIM)
  return shim::to_bf16(first) | shim::to_bf16(second) << 16;
#else
  unsigned bits;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(second), "f"(first));
  return bits;
#endif
}

__device__ inline void multiply_tf32(float (&c)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
#if defined(STEEPEST_SHIM)
  shim::multiply_fragments<8>(c, a, b);
#else
  asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
               : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
}

__device__ inline void multiply_bf16(float (&c)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
#if defined(STEEPEST_SHIM)
  shim::multiply_fragments<16>(c, a, b);
#else
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
               : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
}

STEEPEST_KERNELS_END
