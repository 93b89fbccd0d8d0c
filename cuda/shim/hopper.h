// Hopper's own instructions (hopper/instructions.cuh) for a host compiler: what the PTX manual says of them, one number at a time. A copy or product
// is done at once or as late as it may be, by the draw of a coin, so that a missing wait shows as a wrong result sooner or later; what would hang
// on a device is an error. Shared memory has addresses as there, from 128 on.
#pragma once
#include <functional>
#include <stdexcept>
#include <string>

#include "../stream.h"
#include "shim.h"

namespace steepest {
namespace shim {

// ---- by fibers.cc ----

unsigned shared_address(const void* shared);
// `bytes` there; an error where they are not in the block's shared memory.
char* shared_at(unsigned address, int bytes);
[[noreturn]] void fail(const std::string& why);
// The fiber goes on when passed(what) is true, which only other fibers and pending work can make so.
void wait_until(bool (*passed)(const void* what, unsigned number), const void* what, unsigned number);
// Done at once or when no fiber can go on without.
void some_time(std::function<void()> work);
// Done at once or when the fiber waits for it, in order.
void later(std::function<void()> work);
void multiply_commit();
void multiply_wait(int groups);

// ---- memory barriers: arrivals of a phase, and those still to come; bytes still to come; the phases that have ended ----

struct BarrierBits {
  uint64_t arrivals : 12, coming : 12, ended : 8;
  int64_t bytes : 32;
};
static_assert(sizeof(BarrierBits) == 8, "a memory barrier has 64 bits");

inline BarrierBits barrier_bits(const void* barrier) {
  BarrierBits bits;
  std::memcpy(&bits, barrier, sizeof bits);
  if (bits.bytes < 0) fail("a memory barrier is used before it is made");  // what is in shared memory at first
  return bits;
}

inline void barrier_set(uint64_t& barrier, BarrierBits bits) {
  if (bits.coming == 0 && bits.bytes == 0) bits.coming = bits.arrivals, bits.ended++;
  std::memcpy(&barrier, &bits, sizeof bits);
}

inline void barrier_make(uint64_t& barrier, int arrivals) {
  BarrierBits bits = {};
  bits.arrivals = bits.coming = static_cast<uint64_t>(arrivals);
  barrier_set(barrier, bits);
}

inline void barrier_arrive(uint64_t& barrier, int bytes) {
  BarrierBits bits = barrier_bits(&barrier);
  if (bits.coming == 0) fail("more threads arrive at a memory barrier than it was made for");
  bits.coming--;
  bits.bytes += bytes;
  barrier_set(barrier, bits);
}

inline void barrier_wait(uint64_t& barrier, unsigned phase) {
  barrier_bits(&barrier);
  wait_until([](const void* b, unsigned number) { return barrier_bits(b).ended % 2 != number; }, &barrier, phase);
}

// ---- the copy engine; words of the map: address, lines, bytes of a line, lines of a box ----

inline cuda::TensorMap tensor_map(const void* from, int64_t lines, int64_t bytes, int box) {
  if (reinterpret_cast<uintptr_t>(from) % 16 != 0 || bytes % 128 != 0 || lines <= 0 || box <= 0 || box > 256)
    throw std::runtime_error("no such tensor map");
  return {{reinterpret_cast<uintptr_t>(from), static_cast<uint64_t>(lines), static_cast<uint64_t>(bytes), static_cast<uint64_t>(box)}};
}

inline void copy_box(void* shared, const cuda::TensorMap& map, int word, int line, uint64_t& barrier) {
  const unsigned to = shared_address(shared);
  if (to % 1024 != 0) fail("a box is copied to a place that is no multiple of 1024");
  const auto* from = reinterpret_cast<const char*>(map.words[0]);
  const auto lines = static_cast<int64_t>(map.words[1]), bytes = static_cast<int64_t>(map.words[2]);
  const int box = static_cast<int>(map.words[3]);
  some_time([=, &barrier] {
    for (int i = 0; i < box; i++)
      for (int piece = 0; piece < 8; piece++) {
        char* place = shared_at(to + static_cast<unsigned>(i * 128 + (piece ^ i % 8) * 16), 16);
        const int64_t at = int64_t{word} * 4 + piece * 16;
        if (line + i < lines && at < bytes) std::memcpy(place, from + (line + i) * bytes + at, 16);
        else std::memset(place, 0, 16);
      }
    BarrierBits bits = barrier_bits(&barrier);
    bits.bytes -= box * 128;
    barrier_set(barrier, bits);
  });
}

// ---- wgmma ----

// 32 bytes of line `line` by a descriptor: numbers of a step. The swizzle is one of the address: bits 4-6 ^= bits 7-9.
template <bool Tf32>
void read_step(uint64_t descriptor, int line, float* numbers) {
  const unsigned start = static_cast<unsigned>(descriptor & 0x3fff) << 4, patterns = static_cast<unsigned>(descriptor >> 32 & 0x3fff) << 4;
  for (unsigned piece = 0; piece < 2; piece++) {
    const unsigned address = start + static_cast<unsigned>(line / 8) * patterns + static_cast<unsigned>(line % 8) * 128 + piece * 16;
    const char* from = shared_at(address ^ (address >> 7 & 7) << 4, 16);
    if (Tf32) {
      unsigned words[4];
      std::memcpy(words, from, 16);
      for (int i = 0; i < 4; i++) *numbers++ = __uint_as_float(words[i] & ~0x1fffu);
    } else {
      unsigned short halves[8];
      std::memcpy(halves, from, 16);
      for (int i = 0; i < 8; i++) *numbers++ = __uint_as_float(static_cast<unsigned>(halves[i]) << 16);
    }
  }
}

// A thread's share. Its sums by the layout that CUTLASS gives for them: number (i0, i1, i2) of thread (t0, t1, t2) is element
// 128 t0 + t1 + 16 t2 + 64 i0 + 8 i1 + 512 i2 of the 64 x N, column by column. Each is rounded once.
template <bool Tf32>
void multiply_now(float* sums, int count, int thread, uint64_t a, uint64_t b) {
  constexpr int kSteps = Tf32 ? 8 : 16;
  const int first = 128 * (thread % 4) + thread / 4 % 8 + 16 * (thread / 32);
  const auto place = [first](int i) { return first + 64 * (i % 2) + 8 * (i / 2 % 2) + 512 * (i / 4); };
  float x[2][kSteps], y[kSteps];
  for (int i1 = 0; i1 < 2; i1++) read_step<Tf32>(a, place(2 * i1) % 64, x[i1]);
  for (int i2 = 0; i2 < count / 4; i2++)
    for (int i0 = 0; i0 < 2; i0++) {
      read_step<Tf32>(b, place(4 * i2 + i0) / 64, y);
      for (int i1 = 0; i1 < 2; i1++) {
        float& to = sums[4 * i2 + 2 * i1 + i0];
        double sum = to;
        for (int k = 0; k < kSteps; k++) sum += static_cast<double>(x[i1][k]) * static_cast<double>(y[k]);
        to = static_cast<float>(sum);
      }
    }
}

inline void multiply(float* sums, int count, bool tf32, uint64_t a, uint64_t b) {
  for (const uint64_t descriptor : {a, b})
    if (descriptor >> 62 != 1 || (descriptor >> 49 & 7) != 0) fail("a descriptor of another swizzle than 128 bytes from a multiple of 1024 on");
  const int thread = static_cast<int>(thread_index.x % 128);
  later([=] { tf32 ? multiply_now<true>(sums, count, thread, a, b) : multiply_now<false>(sums, count, thread, a, b); });
}

}  // namespace shim
}  // namespace steepest
