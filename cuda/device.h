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

// Launches recorded one after the other, to be run as one.
class Graph {
 public:
  virtual ~Graph() = default;
  virtual size_t size() const = 0;  // launches
};

// Launches in order. Of one thread at a time. What it throws (Failure, OutOfMemory) leaves it usable, if the device is.
class Queue : public Stream {
 public:
  virtual ~Queue() = default;

  // What becomes of the launches that follow: they run (at first, and after the others) ...
  virtual void run_launches() = 0;
  // ... they are recorded behind those of `graph` ...
  virtual void record_launches(Graph& graph) = 0;
  // ... or they take the places of the graph's launches from number `first` on, which keep their kernel and their grid.
  virtual void replace_launches(Graph& graph, size_t first) = 0;

  // The graph keeps the scratch its launches use.
  virtual std::unique_ptr<Graph> new_graph() = 0;
  virtual void run(Graph& graph) = 0;

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
  Queue() = default;
};

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

}  // namespace cuda
}  // namespace steepest
