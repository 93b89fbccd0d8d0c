// Hopper's own instructions that products are made of, for nvcc (sm_90a) and, in tests, for a host compiler (shim/hopper.h). Names in quotes are
// sections of the PTX manual.
//
// A memory barrier (64 bits of shared memory) is completed, again and again, each time that as many threads as it was made for have arrived, and
// as many bytes been copied as they said. The first completion ends phase 0, the second phase 1, the third phase 0 ... ("mbarrier").
// The copy engine and wgmma work behind the backs of the threads, and see shared memory by the "async proxy": what threads wrote themselves would
// need a fence; here they only ever write barriers.
#pragma once
#include "kernel.cuh"
#include "layout.cuh"

#if defined(STEEPEST_SHIM)
#include "shim/hopper.h"
#define __grid_constant__
#endif

STEEPEST_KERNELS_BEGIN

// The address of shared memory as instructions have it.
__device__ inline unsigned shared_address(const void* shared) {
#if defined(STEEPEST_SHIM)
  return shim::shared_address(shared);
#else
  return static_cast<unsigned>(__cvta_generic_to_shared(shared));
#endif
}

// ---- memory barriers ----

__device__ inline void barrier_make(uint64_t& barrier, int arrivals) {
#if defined(STEEPEST_SHIM)
  shim::barrier_make(barrier, arrivals);
#else
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_address(&barrier)), "r"(arrivals) : "memory");
#endif
}

// After barrier_make, by the same thread, before __syncthreads: the copy engine sees them too.
__device__ inline void barriers_made() {
#if !defined(STEEPEST_SHIM)
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
#endif
}

__device__ inline void barrier_arrive(uint64_t& barrier) {
#if defined(STEEPEST_SHIM)
  shim::barrier_arrive(barrier, 0);
#else
  asm volatile("{ .reg .b64 state; mbarrier.arrive.shared::cta.b64 state, [%0]; }" ::"r"(shared_address(&barrier)) : "memory");
#endif
}

// Arrives, and says that `bytes` will be copied.
__device__ inline void barrier_arrive(uint64_t& barrier, int bytes) {
#if defined(STEEPEST_SHIM)
  shim::barrier_arrive(barrier, bytes);
#else
  asm volatile("{ .reg .b64 state; mbarrier.arrive.expect_tx.shared::cta.b64 state, [%0], %1; }" ::"r"(shared_address(&barrier)), "r"(bytes)
               : "memory");
#endif
}

// Waits for the end of the phase that is under way or was the last to end: phase 0 or 1. What was written or copied before is visible then.
__device__ inline void barrier_wait(uint64_t& barrier, unsigned phase) {
#if defined(STEEPEST_SHIM)
  shim::barrier_wait(barrier, phase);
#else
  unsigned done;
  do {
    asm volatile("{ .reg .pred done; mbarrier.try_wait.parity.shared::cta.b64 done, [%1], %2; selp.u32 %0, 1, 0, done; }"
                 : "=r"(done)
                 : "r"(shared_address(&barrier)), "r"(phase)
                 : "memory");
  } while (done == 0);
#endif
}

// ---- the copy engine ("cp.async.bulk.tensor") ----

// A box of the map, from 32-bit word `word` of line `line` on, to shared memory (a multiple of 1024); lines behind the last are zeros. All of
// its bytes count for the barrier. The map must stand in the kernel's parameters. For one thread.
__device__ inline void copy_box(void* shared, const TensorMap& map, int word, int line, uint64_t& barrier) {
#if defined(STEEPEST_SHIM)
  shim::copy_box(shared, map, word, line, barrier);
#else
  asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3}], [%4];"
               :
               : "r"(shared_address(shared)), "l"(&map), "r"(word), "r"(line), "r"(shared_address(&barrier))
               : "memory");
#endif
}

// ---- wgmma: by 128 threads, sums[64, 2 Count] += a[64, K] b[2 Count, K]', both by descriptors of their lines; layout.cuh says where sums are ----

// Before the first multiply of a group, where sums were touched since the last.
__device__ inline void multiply_begin() {
#if !defined(STEEPEST_SHIM)
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#endif
}

#if !defined(STEEPEST_SHIM)
// Operands 0 .. 63 and 64 .. 127 of an instruction, and eight sums.
#define STEEPEST_REGISTERS_64                                                                                                              \
  "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, " \
  "%29, %30, %31, %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, %48, %49, %50, %51, %52, %53, %54, %55, " \
  "%56, %57, %58, %59, %60, %61, %62, %63"
#define STEEPEST_REGISTERS_128                                                                                                                \
  STEEPEST_REGISTERS_64                                                                                                                       \
  ", %64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, %80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, " \
  "%91, %92, %93, %94, %95, %96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111, %112, %113, %114, "    \
  "%115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127"
#define STEEPEST_SUMS_8(i) \
  "+f"(sums[i]), "+f"(sums[i + 1]), "+f"(sums[i + 2]), "+f"(sums[i + 3]), "+f"(sums[i + 4]), "+f"(sums[i + 5]), "+f"(sums[i + 6]), "+f"(sums[i + 7])
#define STEEPEST_SUMS_64(i)                                                                                                            \
  STEEPEST_SUMS_8(i), STEEPEST_SUMS_8(i + 8), STEEPEST_SUMS_8(i + 16), STEEPEST_SUMS_8(i + 24), STEEPEST_SUMS_8(i + 32), STEEPEST_SUMS_8(i + 40), \
      STEEPEST_SUMS_8(i + 48), STEEPEST_SUMS_8(i + 56)
#endif

template <Arithmetic Kind, int Count>
__device__ inline void multiply(float (&sums)[Count], uint64_t a, uint64_t b) {
  static_assert(Count == 64 || Count == 128, "128 or 256 columns");
#if defined(STEEPEST_SHIM)
  shim::multiply(sums, Count, Kind == Arithmetic::kTf32, a, b);
#else
  // The last operands: add to what is there; nothing is negated; no operand is transposed (which tf32 does not have).
  if constexpr (Kind == Arithmetic::kBf16 && Count == 128) {
    asm volatile("{ .reg .pred add; setp.eq.u32 add, 0, 0; wgmma.mma_async.sync.aligned.m64n256k16.f32.bf16.bf16 {" STEEPEST_REGISTERS_128
                 "}, %128, %129, add, 1, 1, 0, 0; }"
                 : STEEPEST_SUMS_64(0), STEEPEST_SUMS_64(64)
                 : "l"(a), "l"(b));
  } else if constexpr (Kind == Arithmetic::kBf16) {
    asm volatile("{ .reg .pred add; setp.eq.u32 add, 0, 0; wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {" STEEPEST_REGISTERS_64
                 "}, %64, %65, add, 1, 1, 0, 0; }"
                 : STEEPEST_SUMS_64(0)
                 : "l"(a), "l"(b));
  } else if constexpr (Count == 128) {
    asm volatile("{ .reg .pred add; setp.eq.u32 add, 0, 0; wgmma.mma_async.sync.aligned.m64n256k8.f32.tf32.tf32 {" STEEPEST_REGISTERS_128
                 "}, %128, %129, add, 1, 1; }"
                 : STEEPEST_SUMS_64(0), STEEPEST_SUMS_64(64)
                 : "l"(a), "l"(b));
  } else {
    asm volatile("{ .reg .pred add; setp.eq.u32 add, 0, 0; wgmma.mma_async.sync.aligned.m64n128k8.f32.tf32.tf32 {" STEEPEST_REGISTERS_64
                 "}, %64, %65, add, 1, 1; }"
                 : STEEPEST_SUMS_64(0)
                 : "l"(a), "l"(b));
  }
#endif
}

// What was begun since the last commit is a group.
__device__ inline void multiply_commit() {
#if defined(STEEPEST_SHIM)
  shim::multiply_commit();
#else
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
#endif
}

// Waits for this warp's products, but for its latest `Groups` groups. Sums may be read when none is left.
template <int Groups, int Count>
__device__ inline void multiply_wait(float (&sums)[Count]) {
#if defined(STEEPEST_SHIM)
  shim::multiply_wait(Groups);
  static_cast<void>(sums);
#else
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(Groups) : "memory");
  // No reading of sums is moved to before this.
  if constexpr (Groups == 0) {
    STEEPEST_UNROLL
    for (int i = 0; i < Count; i++) asm volatile("" : "+f"(sums[i])::"memory");
  }
#endif
}

// ---- registers: a block has 65536; those that some warps give up, others can have ("setmaxnreg"). For all of four warps at once ----

template <int Registers>
__device__ inline void registers_give() {
#if !defined(STEEPEST_SHIM)
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(Registers));
#endif
}
template <int Registers>
__device__ inline void registers_take() {
#if !defined(STEEPEST_SHIM)
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(Registers));
#endif
}

STEEPEST_KERNELS_END
