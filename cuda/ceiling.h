// What a device does at most, for benches: chains of multiply-adds that never leave the registers, and copies. Plain C++.
#pragma once
#include <cstdint>

#include "stream.h"

namespace steepest {
namespace cuda {

// `rounds` multiply-adds in each of kChainsOfBlock chains of a block; out has room for 256 numbers a block.
constexpr int kChainsOfBlock = 256 * 8;
void multiply_adds(float* out, int64_t blocks, int64_t rounds, Stream& stream);
void copies(const float* from, float* to, int64_t n, Stream& stream);

}  // namespace cuda
}  // namespace steepest
