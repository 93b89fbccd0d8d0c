// A CUDA device as the binding sees it: its memory, and queues of launches. Plain C++: device.cc is what all have in common, runtime.cu is
// CUDA's, shim/device.cc a stand-in for tests that runs kernels on the host, absent.cc what a build without CUDA has.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

#include "stream.h"

namespace steepest {
namespace cuda {

struct DeviceInfo {
  std::string name;
  std::string capability;  // "9.0"
  uint64_t memory;         // bytes
  int multiprocessors;
};

struct Probe {
  bool built;                   // with CUDA
  std::string driver, runtime;  // "13.0"; empty where there is none
  std::vector<DeviceInfo> devices;
  std::string reason;  // why `devices` is empty
};

// Never throws for want of a driver or device, never ends the process. Starts the driver the first time (some 100 ms with a GPU).
Probe probe();

// There is no such device.
struct NoDevice : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// `what` says how much was asked for and how much is free.
class OutOfMemory : public std::bad_alloc {
 public:
  explicit OutOfMemory(std::string what) : what_(std::move(what)) {}
  const char* what() const noexcept override { return what_.c_str(); }

 private:
  std::string what_;
};

// A CUDA call failed.
struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Queue;

class Device {
 public:
  // Throws NoDevice with the reason. Kept until the process ends.
  static Device& at(int index);

  virtual ~Device() = default;
  // Zeroed, 256-byte aligned. Throws OutOfMemory.
  void* allocate(size_t bytes);
  void release(void* memory) noexcept;
  // Bytes that may be allocated in all (at first: what there is), and that are.
  void limit(uint64_t bytes) { limit_ = bytes; }
  uint64_t used() const { return used_; }
  // Done on return. Not ordered with what a queue still has to do.
  virtual void write(void* to, const void* from, size_t bytes) = 0;
  virtual void read(void* to, const void* from, size_t bytes) = 0;
  virtual std::unique_ptr<Queue> new_queue() = 0;

 protected:
  explicit Device(std::string name) : name_(std::move(name)) {}
  // The same without the count. Null where there is no room; `free_bytes` says how much there is.
  virtual void* grant(size_t bytes) = 0;
  virtual void take_back(void* memory) noexcept = 0;
  virtual uint64_t free_bytes() = 0;

 private:
  const std::string name_;
  std::mutex mutex_;
  std::unordered_map<void*, size_t> sizes_;
  std::atomic<uint64_t> limit_{UINT64_MAX}, used_{0};
};

// Device memory that goes with its last user: a graph keeps the scratch it was recorded with when its queue takes a larger one.
struct Scratch {
  Scratch(Device& of, size_t size) : device(of), bytes(size), data(of.allocate(size)) {}
  ~Scratch() { device.release(data); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  Device& device;
  const size_t bytes;
  void* const data;
};

// Launches recorded one after the other, to be run as one.
class Graph {
 public:
  virtual ~Graph() = default;
  virtual size_t size() const = 0;  // launches
  void keep(const std::shared_ptr<Scratch>& block);

 private:
  std::vector<std::shared_ptr<Scratch>> kept_;
};

// Launches in order. Of one thread at a time. What it throws (Failure, OutOfMemory) leaves it usable, if the device is.
class Queue : public Stream {
 public:
  virtual ~Queue() = default;

  // What becomes of the launches that follow: they run (at first, and after the others) ...
  void run_launches() { graph_ = nullptr; }
  // ... they are recorded behind those of `graph` ...
  void record_launches(Graph& graph) {
    graph_ = &graph;
    replacing_ = false;
  }
  // ... or they take the places of the graph's launches from number `first` on, which keep their kernel and their grid.
  void replace_launches(Graph& graph, size_t first) {
    graph_ = &graph;
    replacing_ = true;
    next_ = first;
  }

  // The graph keeps the scratch its launches use.
  virtual std::unique_ptr<Graph> new_graph() = 0;
  virtual void run(Graph& graph) = 0;

  void* scratch(int slot, size_t bytes) override;

  // Waits until no more than `most` of the marks set so far are still ahead. A mark is set behind all that was asked for before it.
  virtual void mark() = 0;
  virtual void wait(size_t most) = 0;
  // Waits for all; throws what went wrong on the device.
  virtual void finish() = 0;

  // Notes the time, behind all that was asked for before. take_stamps waits, and gives the times noted since it was last called, in
  // nanoseconds after the first of them.
  virtual void stamp() = 0;
  virtual std::vector<double> take_stamps() = 0;

 protected:
  explicit Queue(Device& device) : device_(device) {}
  // Where a launch that replaces one goes. Throws Failure behind the graph's last.
  size_t next_place();
  // The next who asks for the slot gets new memory.
  void forget_scratch(int slot) { scratch_[slot].reset(); }

  Device& device_;
  Graph* graph_ = nullptr;  // null: launches run
  bool replacing_ = false;

 private:
  size_t next_ = 0;
  std::shared_ptr<Scratch> scratch_[kSlots];
};

// Whether STEEPEST_WGMMA=1 asks for products by Hopper's own instructions (cuda/hopper).
bool hopper_wanted();

}  // namespace cuda
}  // namespace steepest
