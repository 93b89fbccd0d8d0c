// Kernels with a fault each, and the same without it, run by the shim. Each should give y[i] = i. Prints a line for each:
// "<name>: <without the fault>; <with it>", where the outcome of some runs is "right", "wrong" (in one run at least) or the error.
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

#include "hopper/instructions.cuh"
#include "reduce.cuh"
#include "shim/fibers.h"

STEEPEST_KERNELS_BEGIN

constexpr int kThreads = 128;
constexpr int kBlocks = 4;
constexpr int kRuns = 20;

struct Params {
  const float* x;  // x[i] = i, 16-byte aligned
  float* y;
  bool fault;
};

struct Values {
  float at[kThreads];
};

__device__ inline int element() { return static_cast<int>(blockIdx.x * kThreads + threadIdx.x); }
__device__ inline int opposite() { return kThreads - 1 - static_cast<int>(threadIdx.x); }

// ---- barriers and shuffles ----

// Reads what the thread before (Step = -1) or behind (1) wrote.
template <int Step>
__global__ void barrier_before_reading(Params p) {
  STEEPEST_SHARED(Values, shared);
  shared.at[threadIdx.x] = static_cast<float>(element());
  if (!p.fault) __syncthreads();
  const int other = static_cast<int>(threadIdx.x) + Step;
  p.y[element()] = other < 0 || other == kThreads ? static_cast<float>(element()) : shared.at[other] - Step;
}

// Overwrites what another thread may not have read.
__global__ void barrier_before_writing(Params p) {
  STEEPEST_SHARED(Values, shared);
  float y = 0;
  for (int round = 0; round < 2; round++) {
    if (!p.fault) __syncthreads();
    shared.at[threadIdx.x] = static_cast<float>(round * element());
    __syncthreads();
    y += shared.at[opposite()];
  }
  p.y[blockIdx.x * kThreads + static_cast<unsigned>(opposite())] = y;
}

// A thread leaves before a barrier of its block.
__global__ void leaves_before_a_barrier(Params p) {
  if (p.fault && threadIdx.x == 5) return;
  __syncthreads();
  p.y[element()] = static_cast<float>(element());
}

// Half a warp comes to a shuffle.
__global__ void half_a_shuffle(Params p) {
  int from = element();
  if (!p.fault || threadIdx.x % 32 < 16) from = __shfl_xor_sync(kAll, __shfl_xor_sync(kAll, from, 3), 3);
  p.y[element()] = static_cast<float>(from);
}

// One warp waits at a barrier for another, of which a half waits at a shuffle.
__global__ void barrier_and_shuffle(Params p) {
  if (p.fault && threadIdx.x < 16) warp_sum(0);
  __syncthreads();
  p.y[element()] = static_cast<float>(element());
}

// ---- blocks ----

// Reads what the block before wrote.
__global__ void order_of_blocks(Params p) {
  const int i = element();
  p.y[i] = !p.fault || i < kThreads ? static_cast<float>(i) : p.y[i - kThreads] + kThreads;
}

// Finds in shared memory what the block before left there.
__global__ void left_in_shared_memory(Params p) {
  STEEPEST_SHARED(Values, shared);
  if (!p.fault || blockIdx.x == 0) shared.at[threadIdx.x] = static_cast<float>(threadIdx.x);
  p.y[element()] = shared.at[threadIdx.x] + static_cast<float>(blockIdx.x * kThreads);
}

// ---- copies ----

__global__ void copy_without_wait(Params p) {
  STEEPEST_SHARED(Values, shared);
  copy_async<4>(&shared.at[threadIdx.x], p.x + element(), true);
  copy_commit();
  if (!p.fault) copy_wait<0>();
  p.y[element()] = shared.at[threadIdx.x];
}

__global__ void copy_without_commit(Params p) {
  STEEPEST_SHARED(Values, shared);
  copy_async<4>(&shared.at[threadIdx.x], p.x + element(), true);
  if (!p.fault) copy_commit();
  copy_wait<0>();
  p.y[element()] = shared.at[threadIdx.x];
}

// Waits for the copy before the last.
__global__ void copy_of_the_last_group(Params p) {
  STEEPEST_SHARED(Values, shared);
  copy_async<4>(&shared.at[threadIdx.x], nullptr, false);
  copy_commit();
  copy_async<4>(&shared.at[threadIdx.x], p.x + element(), true);
  copy_commit();
  if (p.fault) copy_wait<1>();
  else copy_wait<0>();
  p.y[element()] = shared.at[threadIdx.x];
}

// Waits for its own copies and reads another thread's.
__global__ void copy_without_barrier(Params p) {
  STEEPEST_SHARED(Values, shared);
  copy_async<4>(&shared.at[threadIdx.x], p.x + element(), true);
  copy_commit();
  copy_wait<0>();
  if (!p.fault) __syncthreads();
  p.y[blockIdx.x * kThreads + static_cast<unsigned>(opposite())] = shared.at[opposite()];
}

// ---- addresses ----

__global__ void copy_to_no_multiple(Params p) {
  STEEPEST_SHARED(Values, shared);
  copy_async<16>(&shared.at[p.fault ? 2 : 4], p.x, true);
  p.y[element()] = static_cast<float>(element());
}

__global__ void copy_from_no_multiple(Params p) {
  STEEPEST_SHARED(Values, shared);
  copy_async<8>(&shared.at[0], p.x + (p.fault ? 1 : 2), true);
  p.y[element()] = static_cast<float>(element());
}

// Reads or writes a vector at an address that is no multiple of its size.
__global__ void vector_read(Params p) {
  const float4 v = *reinterpret_cast<const float4*>(p.x + (p.fault ? 2 : 4));
  p.y[element()] = static_cast<float>(element()) + 0 * v.x;
}
__global__ void vector_written(Params p) {
  if (threadIdx.x < kThreads / 4) {
    const int i = static_cast<int>(blockIdx.x) * kThreads + 4 * static_cast<int>(threadIdx.x);
    const float f = static_cast<float>(i);
    *reinterpret_cast<float4*>(p.y + i + (p.fault ? 1 : 0)) = make_float4(f, f + 1, f + 2, f + 3);
  }
}

// ---- shared memory ----

__global__ void behind_shared_memory(Params p) {
  STEEPEST_SHARED(Values, shared);
  float* const at = shared.at;
  if (threadIdx.x == 0) at[p.fault ? kThreads : 0] = 1;
  p.y[element()] = static_cast<float>(element());
}

// Inside the shared memory, but not of the array.
__global__ void outside_an_array(Params p) {
  struct Parts {
    float first[kThreads / 2], second[kThreads / 2];
  };
  STEEPEST_SHARED(Parts, shared);
  if (threadIdx.x == 0) shared.first[p.fault ? kThreads / 2 + 3 : 3] = 1;
  p.y[element()] = static_cast<float>(element());
}

__global__ void more_shared_memory_than_launched(Params p) {
  struct Twice {
    Values of[2];
  };
  if (p.fault) {
    STEEPEST_SHARED(Twice, shared);
    shared.of[1].at[0] = 1;
  }
  p.y[element()] = static_cast<float>(element());
}

// ---- the copy engine and its memory barriers: a box of 4 lines of 32 numbers, whose groups of four change places ----

struct Boxes {
  unsigned char room[2048];
  uint64_t barrier;
};

enum class Wait { kRight, kNone, kOtherPhase, kMoreThreads, kFewerThreads, kNotMade, kNoMultiple };

template <Wait Faulty>
__global__ void box(Params p) {
  STEEPEST_SHARED(Boxes, shared);
  const Wait wait = p.fault ? Faulty : Wait::kRight;
  unsigned char* const lines = shared.room + (1024 - shared_address(shared.room) % 1024) % 1024 + (wait == Wait::kNoMultiple ? 512 : 0);
  if (threadIdx.x == 0) {
    if (wait != Wait::kNotMade) barrier_make(shared.barrier, wait == Wait::kMoreThreads ? 2 : 1);
    barriers_made();
    barrier_arrive(shared.barrier, sizeof(Values));
    if (wait == Wait::kFewerThreads) barrier_arrive(shared.barrier), barrier_arrive(shared.barrier);
    copy_box(lines, shim::tensor_map(p.x, kBlocks * 4, 128, 4), 0, static_cast<int>(blockIdx.x) * 4, shared.barrier);
  }
  __syncthreads();
  if (wait != Wait::kNone) barrier_wait(shared.barrier, wait == Wait::kOtherPhase ? 1 : 0);
  const int line = threadIdx.x / 32, number = threadIdx.x % 32;
  p.y[element()] = reinterpret_cast<const float*>(lines)[line * 32 + (number / 4 ^ line) * 4 + number % 4];
}

// ---- launches ----

__global__ void plain(Params p) { p.y[element()] = static_cast<float>(element()); }

struct Launch {
  Grid grid{kBlocks};
  int threads = kThreads;
  size_t shared = sizeof(Values);
};

struct HostStream final : Stream {
  void* scratch(int, size_t) override { return nullptr; }
  void add(const Stream::Launch& l) override { shim::run_grid(l.grid, l.threads, l.shared, l.run, l.kernel, l.params); }
};

// What kRuns launches come to.
std::string outcome(void (*kernel)(Params), bool fault, const Launch& launch) {
  constexpr int n = kBlocks * kThreads;
  alignas(16) static float x[n], y[n + 1];
  for (int i = 0; i < n; i++) x[i] = static_cast<float>(i);
  HostStream stream;
  bool right = true;
  try {
    for (int run = 0; run < kRuns; run++) {
      for (float& value : y) value = -1;
      stream.launch(kernel, launch.grid, launch.threads, Params{x, y, fault}, launch.shared);
      for (int i = 0; i < n; i++) right = right && y[i] == static_cast<float>(i);
    }
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return right ? "right" : "wrong";
}

void print(const char* name, void (*kernel)(Params), const Launch& faulty = {}, const Launch& right = {}) {
  const std::string without = outcome(kernel, false, right), with = outcome(kernel, true, faulty);
  std::printf("%s: %s; %s\n", name, without.c_str(), with.c_str());
}

STEEPEST_KERNELS_END

int main() {
  using namespace steepest::cuda;
#define PRINT(kernel) print(#kernel, &kernel)
  print("barrier_before_reading", &barrier_before_reading<-1>);
  print("barrier_before_reading_behind", &barrier_before_reading<1>);
  PRINT(barrier_before_writing);
  PRINT(leaves_before_a_barrier);
  PRINT(half_a_shuffle);
  PRINT(barrier_and_shuffle);
  PRINT(order_of_blocks);
  PRINT(left_in_shared_memory);
  PRINT(copy_without_wait);
  PRINT(copy_without_commit);
  PRINT(copy_of_the_last_group);
  PRINT(copy_without_barrier);
  PRINT(copy_to_no_multiple);
  PRINT(copy_from_no_multiple);
  PRINT(vector_read);
  PRINT(vector_written);
  PRINT(behind_shared_memory);
  PRINT(outside_an_array);
  PRINT(more_shared_memory_than_launched);
  const Launch boxes{{kBlocks}, kThreads, sizeof(Boxes)};
  print("box_without_wait", &box<Wait::kNone>, boxes, boxes);
  print("box_by_the_other_phase", &box<Wait::kOtherPhase>, boxes, boxes);
  print("box_for_more_threads", &box<Wait::kMoreThreads>, boxes, boxes);
  print("box_for_fewer_threads", &box<Wait::kFewerThreads>, boxes, boxes);
  print("box_by_no_barrier", &box<Wait::kNotMade>, boxes, boxes);
  print("box_to_no_multiple", &box<Wait::kNoMultiple>, boxes, boxes);
  print("threads", &plain, {{kBlocks}, 48, 0});
  print("more_threads", &plain, {{kBlocks}, 2048, 0});
  print("much_shared_memory", &plain, {{kBlocks}, kThreads, 300000});
  print("grid", &plain, {{1, 70000}, kThreads, 0});
}
