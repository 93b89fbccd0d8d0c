#include "device.h"

namespace steepest {
namespace cuda {

void* Device::allocate(size_t bytes) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const uint64_t limit = limit_;
  const bool capped = bytes > limit || used_ > limit - bytes;
  void* memory = capped ? nullptr : grant(bytes);
  if (memory == nullptr) {
    const uint64_t free = capped ? limit - (used_ < limit ? used_.load() : limit) : free_bytes();
    throw OutOfMemory(std::to_string(bytes) + " bytes were asked for, but " + name_ + " has " + std::to_string(free) + " free" +
                      (capped ? " below its limit of " + std::to_string(limit) : ""));
  }
  used_ += bytes;
  sizes_[memory] = bytes;
  return memory;
}

void Device::release(void* memory) noexcept {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto it = sizes_.find(memory);
  if (it == sizes_.end()) return;
  used_ -= it->second;
  sizes_.erase(it);
  take_back(memory);
}

}  // namespace cuda
}  // namespace steepest
