#include "memory.h"

#include <cstdlib>
#include <cstring>
#include <new>

namespace steepest {

Counts& counts() {
  static auto* all = new Counts;
  return *all;
}

Memory::Memory(size_t size, int device, Use use) : size_(size), device_(device), use_(use) {
  if (size > SIZE_MAX / 2) throw std::bad_alloc();
  if (device != kHost) {
    base_ = cuda::Device::at(device).allocate(size);
    data_ = static_cast<char*>(base_);
  } else {
    base_ = std::calloc(size + 64, 1);
    if (base_ == nullptr) throw std::bad_alloc();
    data_ = static_cast<char*>(base_) + (64 - reinterpret_cast<uintptr_t>(base_) % 64) % 64;
  }
  counts().bytes[1 + device][static_cast<int>(use)] += static_cast<int64_t>(size);
}

Memory::~Memory() {
  if (device_ == kHost) std::free(base_);
  else cuda::Device::at(device_).release(base_);
  counts().bytes[1 + device_][static_cast<int>(use_)] -= static_cast<int64_t>(size_);
}

void Memory::write(size_t offset, const void* from, size_t bytes) const {
  if (bytes == 0) return;
  if (device_ == kHost) std::memcpy(data_ + offset, from, bytes);
  else cuda::Device::at(device_).write(data_ + offset, from, bytes);
}

void Memory::read(size_t offset, void* to, size_t bytes) const {
  if (bytes == 0) return;
  if (device_ == kHost) std::memcpy(to, data_ + offset, bytes);
  else cuda::Device::at(device_).read(to, data_ + offset, bytes);
}

}  // namespace steepest
