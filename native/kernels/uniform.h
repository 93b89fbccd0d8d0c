// Philox by vectors: many uniform numbers of a stream at once, the same bits as philox.h.
//
// Each 64-bit lane carries one block through the rounds: the product of its lower half with a multiplier is one instruction. What stands
// in the upper half of a word is ignored by the products and cut off at the end.
#pragma once
#include "lanes.h"
#include "philox.h"

STEEPEST_KERNELS_BEGIN

constexpr int kBlocks = kLanes / 2;  // blocks a vector of 64-bit lanes holds
typedef uint64_t vwords __attribute__((vector_size(kBlocks * 8)));

// The product of the lower 32 bits of each lane with m.
STEEPEST_INLINE vwords wide_product(vwords a, uint32_t m) {
#if defined(__AVX512F__)
  return reinterpret_cast<vwords>(_mm512_maskz_mul_epu32(0xff, reinterpret_cast<__m512i>(a), _mm512_set1_epi64(m)));
#elif defined(__AVX2__)
  return reinterpret_cast<vwords>(_mm256_mul_epu32(reinterpret_cast<__m256i>(a), _mm256_set1_epi64x(m)));
#elif defined(__SSE2__)
  return reinterpret_cast<vwords>(_mm_mul_epu32(reinterpret_cast<__m128i>(a), _mm_set1_epi64x(m)));
#else
  return (a & 0xffffffffu) * static_cast<uint64_t>(m);
#endif
}

// The numbers 4 * block .. 4 * (block + kBlocks) - 1 of the stream: 2 * kLanes values.
STEEPEST_INLINE void uniform_blocks(int64_t seed, int64_t stream, int64_t step, int64_t block, float* u) {
  vwords c0{}, c1{}, c2{}, c3{}, low{}, high{};
  for (int l = 0; l < kBlocks; ++l) {
    c0[l] = l;
    low[l] = l % 2 ? kBlocks + l / 2 : l / 2;
    high[l] = low[l] + kBlocks / 2;
  }
  c0 += static_cast<uint64_t>(block);
  c1 = c0 >> 32;
  c2 += static_cast<uint64_t>(static_cast<uint32_t>(stream));
  c3 += static_cast<uint64_t>(static_cast<uint32_t>(step));
  uint32_t k0 = static_cast<uint32_t>(seed), k1 = static_cast<uint32_t>(seed >> 32);
  for (int round = 0; round < Philox::kRounds; ++round) {
    const vwords product0 = wide_product(c0, Philox::kMultiplier0), product1 = wide_product(c2, Philox::kMultiplier1);
    c0 = (product1 >> 32) ^ c1 ^ static_cast<uint64_t>(k0);
    c1 = product1;
    c2 = (product0 >> 32) ^ c3 ^ static_cast<uint64_t>(k1);
    c3 = product0;
    k0 += Philox::kWeyl0;
    k1 += Philox::kWeyl1;
  }
  const vwords mask = vwords{} + 0xffffffffu;
  const vwords words01 = (c0 & mask) | (c1 << 32), words23 = (c2 & mask) | (c3 << 32);
  const vint first = reinterpret_cast<vint>(__builtin_shuffle(words01, words23, low));
  const vint second = reinterpret_cast<vint>(__builtin_shuffle(words01, words23, high));
  const vfloat unit = broadcast(5.9604644775390625e-8f);  // 2^-24
  store(u, __builtin_convertvector((first >> 8) & 0xffffff, vfloat) * unit);
  store(u + kLanes, __builtin_convertvector((second >> 8) & 0xffffff, vfloat) * unit);
}

// A window that moves along a stream: numbers(index, count) are count numbers from index on, count <= kWindow. Asks in rising order
// draw each number about once.
class UniformWindow {
 public:
  static constexpr int kWindow = 512;

  STEEPEST_INLINE UniformWindow(int64_t seed, int64_t stream, int64_t step) : seed_(seed), stream_(stream), step_(step) {}

  STEEPEST_INLINE const float* numbers(int64_t index, int64_t count) {
    if (index < begin_ || index + count > end_) refill(index);
    return u_ + (index - begin_);
  }

 private:
  // Draws whole groups of blocks, from the one that holds index.
  STEEPEST_INLINE void refill(int64_t index) {
    const int64_t block = index / 4;
    for (int i = 0; i < kLength; i += 2 * kLanes) uniform_blocks(seed_, stream_, step_, block + i / 4, u_ + i);
    begin_ = 4 * block;
    end_ = begin_ + kLength;
  }

  static constexpr int kLength = kWindow + 2 * kLanes;  // the window and up to three numbers before it
  int64_t seed_, stream_, step_;
  int64_t begin_ = 0, end_ = 0;
  float u_[kLength];
};

STEEPEST_KERNELS_END
