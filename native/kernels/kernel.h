// What every kernel is written against: the team of threads that works on a call, and the table of kernels.
//
// A kernel <op>_forward / _backward / _step is a plain function `void name(const name_args& a, Team& team)` (kernels.h, made from
// kernels.def). Its source is compiled once for each instruction set, inside the namespace STEEPEST_ISA (portable, avx2, avx512), so
// loops and vector_of<> (simd.h) take the widest registers there are. Such a file must not use std:: templates or other inline code
// shared with the rest of the program: the linker could keep the copy that needs AVX-512.
//
// Promises a kernel keeps:
//   - sizes were checked before (the binding or the plan); an index that comes out of data (a label, an argmax, a row number) was not;
//   - any size may be 0, but then those beside it are small (needs); a stride is never more than the longer side of the padded image;
//   - the result is bit-equal for any number of threads and any slicing of the batch: every output value is summed in an order
//     that depends on the shapes alone, and no path is chosen by the number of images.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels.h"

#ifdef STEEPEST_ISA
#define STEEPEST_KERNELS_BEGIN namespace steepest { namespace STEEPEST_ISA {
#define STEEPEST_KERNELS_END } }
#endif

namespace steepest {

// The threads that work on one kernel call. Implemented by native/thread_pool.cc.
class Team {
 public:
  // body(context, begin, end, thread): works on units [begin, end) as thread number `thread` (0 .. threads()-1).
  using Body = void (*)(void* context, int64_t begin, int64_t end, int thread);

  virtual int threads() const = 0;

  // Runs body over [0, units) in blocks of at most `grain` units (>= 1), handed to whichever thread is free; returns when all is done.
  // An exception thrown by body is thrown again here. Never call it from inside a body.
  virtual void run(int64_t units, int64_t grain, Body body, void* context) = 0;

  // `bytes` of memory of this thread's own, 64-byte aligned, contents undefined. Kept between calls: the same slot (0 .. kSlots-1) gives
  // the same memory again, so a body may use several slots at once. Throws std::bad_alloc.
  static constexpr int kSlots = 8;
  virtual void* scratch(int thread, int slot, size_t bytes) = 0;

  // The same for a callable: team.parallel(units, grain, [&](int64_t begin, int64_t end, int thread) { ... });
  template <class F>
  void parallel(int64_t units, int64_t grain, F&& f) {
    run(units, grain, [](void* context, int64_t begin, int64_t end, int thread) { (*static_cast<F*>(context))(begin, end, thread); }, &f);
  }

 protected:
  ~Team() = default;
};

// floor((size + 2 padding - filter) / stride) + 1 (lecture notes 1.3.2, equation 3), or -1 where no window fits.
inline constexpr int64_t output_size(int64_t size, int64_t filter, int64_t stride, int64_t padding) {
  return filter >= 1 && stride >= 1 && padding >= 0 && size + 2 * padding >= filter ? (size + 2 * padding - filter) / stride + 1 : -1;
}

enum class Role : uint8_t { kIn, kOut, kInout };
enum class Type : uint8_t { kReal, kI32, kU16, kU8 };
enum Isa : int { kPortable = 0, kAvx2 = 1, kAvx512 = 2, kIsaCount = 3 };

constexpr int kMaxBuffers = 9;
constexpr int kMaxInts = 16;
constexpr int kMaxReals = 8;

struct BufferSpec {
  const char* name;
  Role role;
  Type type;
  bool optional;
};

struct KernelEntry {
  const char* name;
  bool slice;
  BufferSpec buffers[kMaxBuffers];
  int buffer_count;
  const char* ints;  // names, separated by blanks
  int int_count;
  const char* reals;
  int real_count;
  // See needs.
  void (*need)(const int64_t* ints, int64_t* need);
  void (*call[kIsaCount])(void* const* buffers, const int64_t* ints, const double* reals, Team& team);
  void (*cuda)(void* const* buffers, const int64_t* ints, const double* reals, cuda::Stream& stream);  // null: a build without CUDA
};

extern const KernelEntry kKernels[kKernelCount];

// Elements each buffer must have for these whole numbers, or -1 where they make no sense, overflow, or are large for no purpose.
void needs(const KernelEntry& kernel, const int64_t* ints, int64_t* need);

inline constexpr size_t size_of(Type type) { return type == Type::kU8 ? 1 : type == Type::kU16 ? 2 : 4; }

}  // namespace steepest
