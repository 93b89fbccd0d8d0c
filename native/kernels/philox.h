// Philox 4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011): a counter of four words and
// a key of two become four random words in ten rounds of two products each. For the host and, under nvcc, the device.
//
// Number `index` of a stream: block = index / 4, counter = [low and high word of block, stream, step], key = [low and high word of seed],
// word index % 4, of which the upper 24 bits are the number: uniform on [0, 1) and the same bits everywhere (lib/random.ts).
#pragma once
#include <cstdint>

#ifdef __CUDACC__
#define STEEPEST_HD __host__ __device__
#else
#define STEEPEST_HD
#endif

namespace steepest {
#ifdef STEEPEST_ISA
namespace STEEPEST_ISA {
#endif

struct Philox {
  static constexpr uint32_t kMultiplier0 = 0xD2511F53u, kMultiplier1 = 0xCD9E8D57u;
  static constexpr uint32_t kWeyl0 = 0x9E3779B9u, kWeyl1 = 0xBB67AE85u;
  static constexpr int kRounds = 10;
};

struct PhiloxWords {
  uint32_t word[4];
};

STEEPEST_HD static inline PhiloxWords philox(uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3, uint32_t k0, uint32_t k1) {
  for (int round = 0; round < Philox::kRounds; ++round) {
    const uint64_t product0 = static_cast<uint64_t>(Philox::kMultiplier0) * c0;
    const uint64_t product1 = static_cast<uint64_t>(Philox::kMultiplier1) * c2;
    c0 = static_cast<uint32_t>(product1 >> 32) ^ c1 ^ k0;
    c1 = static_cast<uint32_t>(product1);
    c2 = static_cast<uint32_t>(product0 >> 32) ^ c3 ^ k1;
    c3 = static_cast<uint32_t>(product0);
    k0 += Philox::kWeyl0;
    k1 += Philox::kWeyl1;
  }
  return PhiloxWords{{c0, c1, c2, c3}};
}

// The four words of numbers 4 * block .. 4 * block + 3 of a stream.
STEEPEST_HD static inline PhiloxWords philox_block(int64_t seed, int64_t stream, int64_t step, int64_t block) {
  return philox(static_cast<uint32_t>(block), static_cast<uint32_t>(block >> 32), static_cast<uint32_t>(stream),
                static_cast<uint32_t>(step), static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32));
}

STEEPEST_HD static inline float uniform_of_word(uint32_t word) { return static_cast<float>(word >> 8) * 5.9604644775390625e-8f; }

// Number `index` of a stream, uniform on [0, 1).
STEEPEST_HD static inline float uniform(int64_t seed, int64_t stream, int64_t step, int64_t index) {
  return uniform_of_word(philox_block(seed, stream, step, index / 4).word[index % 4]);
}

#ifdef STEEPEST_ISA
}  // namespace STEEPEST_ISA
#endif
}  // namespace steepest
