// What a CUDA kernel's host function is written against: the stream that its launches go to. Plain C++, for the binding too.
//
// A kernel <op>_forward / _backward / _step of kernels.def is `void name(const name_args& a, Stream& stream)` in the namespace cuda
// (cuda/<op>.cu): it works out a grid and launches. It may be called for three ends, and need not know which: to run now, to be recorded
// into a graph, or to give the launches of a recorded graph new arguments. So, for given ints and given absent buffers, it must make the
// same launches with the same grids, whatever the real numbers and the addresses are - but for their alignment, which stays the same too.
//
// Promises a kernel keeps, besides those of native/kernels/kernel.h:
//   - buffers are device memory, aligned to their elements (vectors need a look at the address) and do not overlap, but for the out buffers of
//     element-by-element kernels, which may stand where an in buffer does;
//   - the result depends on neither the device nor the grid: no float atomics, and a sum is split by the shapes alone;
//   - nothing is read on the host, nothing waits.
#pragma once
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace steepest {
namespace cuda {

// Blocks of a launch: x up to 2^31 - 1, y and z up to 65535. None of any is no launch.
struct Grid {
  int64_t x, y = 1, z = 1;
};

// How products are computed: kFull: float32; kTf32, kBf16: operands rounded to 10 (7) bits behind the point, sums in float32.
enum class Arithmetic : int { kFull = 0, kTf32 = 1, kBf16 = 2 };

// What the copy engine of a Hopper device is told of an array (hopper/). What the words mean is the driver's affair.
struct alignas(64) TensorMap {
  uint64_t words[16];
};

class Stream {
 public:
  // kernel(params) by blocks of so many threads (a multiple of 32, up to 1024), with so many bytes of shared memory (STEEPEST_SHARED).
  template <class P>
  void launch(void (*kernel)(P), Grid grid, int threads, const P& params, size_t shared = 0) {
    static_assert(std::is_trivially_copyable<P>::value && sizeof(P) <= 4096, "a kernel has one parameter, a plain struct");
    if (grid.x <= 0 || grid.y <= 0 || grid.z <= 0) return;
    add({reinterpret_cast<const void*>(kernel), &run<P>, grid, threads, shared, &params, sizeof(P), alignof(P)});
  }

  // `bytes` of device memory, 256-byte aligned, contents undefined; this call's until its last launch is done. Slots 0 .. kSlots-1.
  static constexpr int kSlots = 4;
  virtual void* scratch(int slot, size_t bytes) = 0;

  Arithmetic arithmetic = Arithmetic::kFull;

  // Products may use Hopper's own instructions (hopper/gemm.h): the device has compute capability 9.0 and STEEPEST_WGMMA is 1.
  bool hopper = false;
  // Where hopper is set: of `lines` lines of `bytes` bytes (a multiple of 128) in device memory, to be copied in boxes of `box` lines (up to 256)
  // x 128 bytes; in shared memory pieces of 16 bytes of a line change places (hopper/layout.h).
  virtual TensorMap tensor_map(const void* from, int64_t lines, int64_t bytes, int box);

 protected:
  struct Launch {
    const void* kernel;
    void (*run)(const void* kernel, const void* params);  // how a host runs one thread of it
    Grid grid;
    int threads;
    size_t shared;
    const void* params;
    size_t bytes, alignment;
  };
  virtual void add(const Launch& launch) = 0;
  virtual ~Stream() = default;

 private:
  template <class P>
  static void run(const void* kernel, const void* params) {
    reinterpret_cast<void (*)(P)>(const_cast<void*>(kernel))(*static_cast<const P*>(params));
  }
};

inline TensorMap Stream::tensor_map(const void*, int64_t, int64_t, int) { return {}; }

}  // namespace cuda
}  // namespace steepest
