// Memory that plans and storages own, on the host or on a CUDA device: zero at birth, counted.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "../../cuda/device.h"

namespace steepest {

constexpr int kHost = -1;  // as the number of a device
constexpr int kMaxDevices = 64;

// What memory is for, as it is counted. JavaScript gives storages the first three by these numbers.
enum class Use : int { kOther, kWeights, kData, kArena };
constexpr int kUses = 4;

class Memory {
 public:
  // 64-byte aligned. Throws std::bad_alloc, and what cuda::Device::at does. Pages of the host are touched when first used.
  Memory(size_t size, int device, Use use = Use::kOther);
  ~Memory();
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  char* data() const { return data_; }  // an address of its device
  size_t size() const { return size_; }
  int device() const { return device_; }
  // Done on return. The caller sees to the bounds.
  void write(size_t offset, const void* from, size_t bytes) const;
  void read(size_t offset, void* to, size_t bytes) const;

 private:
  const size_t size_;
  const int device_;
  const Use use_;
  void* base_ = nullptr;
  char* data_ = nullptr;
};

// What all environments of the process hold: bytes of each device's memory by their use, and objects anywhere.
struct Counts {
  std::atomic<int64_t> bytes[1 + kMaxDevices][kUses] = {};  // of device i at 1 + i: kHost comes first
  std::atomic<int64_t> storages{0}, plans{0};
};
Counts& counts();

}  // namespace steepest
