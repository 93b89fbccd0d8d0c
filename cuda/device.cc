#include "device.h"

#include <algorithm>
#include <cstdlib>

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

void Graph::keep(const std::shared_ptr<Scratch>& block) {
  if (std::find(kept_.begin(), kept_.end(), block) == kept_.end()) kept_.push_back(block);
}

void* Queue::scratch(int slot, size_t bytes) {
  std::shared_ptr<Scratch>& block = scratch_[slot];
  if (!block || block->bytes < bytes) block = std::make_shared<Scratch>(device_, bytes);
  if (graph_ != nullptr) graph_->keep(block);
  return block->data;
}

size_t Queue::next_place() {
  if (next_ >= graph_->size()) throw Failure("a call makes more launches than when it was recorded");
  return next_++;
}

bool hopper_wanted() {
  const char* wanted = std::getenv("STEEPEST_WGMMA");
  return wanted != nullptr && std::string(wanted) == "1";
}

}  // namespace cuda
}  // namespace steepest
