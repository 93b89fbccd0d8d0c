// device.h on the host: two devices that run kernels by fibers, each with a memory that STEEPEST_SHIM_MEMORY (bytes) may limit. A queue runs
// each launch at once, a graph keeps copies of its launches.
#include "../device.h"

#include <chrono>
#include <cstdlib>
#include <cstring>

#include "fibers.h"
#include "hopper.h"

namespace steepest {
namespace cuda {
namespace {

constexpr int kDevices = 2;

uint64_t device_memory() {
  const char* given = std::getenv("STEEPEST_SHIM_MEMORY");
  return given == nullptr ? uint64_t{16} << 30 : std::strtoull(given, nullptr, 10);
}

struct Kept {
  const void* kernel;
  void (*run)(const void*, const void*);
  Grid grid;
  int threads;
  size_t shared;
  std::unique_ptr<char, decltype(&std::free)> params;
};

struct ShimGraph final : Graph {
  size_t size() const override { return launches.size(); }
  std::vector<Kept> launches;
};

class ShimQueue final : public Queue {
 public:
  explicit ShimQueue(Device& device) : Queue(device) { hopper = hopper_wanted(); }

  std::unique_ptr<Graph> new_graph() override { return std::make_unique<ShimGraph>(); }

  void run(Graph& graph) override {
    for (const Kept& k : static_cast<ShimGraph&>(graph).launches) shim::run_grid(k.grid, k.threads, k.shared, k.run, k.kernel, k.params.get());
  }

  // New, and filled with NaN, but for launches that are replaced: what a call leaves there is not there for the next.
  void* scratch(int slot, size_t bytes) override {
    constexpr size_t kBehind = 256;
    const bool again = graph_ != nullptr && replacing_;
    if (!again) forget_scratch(slot);
    void* memory = Queue::scratch(slot, bytes + kBehind);
    if (!again) std::memset(memory, 0xff, bytes + kBehind);
    return memory;
  }

  TensorMap tensor_map(const void* from, int64_t lines, int64_t bytes, int box) override { return shim::tensor_map(from, lines, bytes, box); }

  void mark() override {}
  void wait(size_t) override {}
  void finish() override {}
  void stamp() override { stamps_.push_back(std::chrono::steady_clock::now()); }
  std::vector<double> take_stamps() override {
    std::vector<double> times;
    for (const auto& stamp : stamps_) times.push_back(std::chrono::duration<double, std::nano>(stamp - stamps_.front()).count());
    stamps_.clear();
    return times;
  }

 private:
  void add(const Launch& launch) override {
    if (graph_ == nullptr) return shim::run_grid(launch.grid, launch.threads, launch.shared, launch.run, launch.kernel, launch.params);
    const size_t room = (launch.bytes + launch.alignment - 1) / launch.alignment * launch.alignment;
    Kept kept{launch.kernel, launch.run, launch.grid, launch.threads, launch.shared, {static_cast<char*>(std::aligned_alloc(launch.alignment < 8 ? 8 : launch.alignment, room < 8 ? 8 : room)), &std::free}};
    std::memcpy(kept.params.get(), launch.params, launch.bytes);
    std::vector<Kept>& launches = static_cast<ShimGraph&>(*graph_).launches;
    if (!replacing_) {
      launches.push_back(std::move(kept));
      return;
    }
    Kept& place = launches[next_place()];
    if (place.kernel != kept.kernel || place.grid.x != kept.grid.x || place.grid.y != kept.grid.y || place.grid.z != kept.grid.z || place.shared != kept.shared)
      throw Failure("a call makes other launches than when it was recorded");
    place = std::move(kept);
  }

  std::vector<std::chrono::steady_clock::time_point> stamps_;
};

class ShimDevice final : public Device {
 public:
  explicit ShimDevice(int index) : Device("cuda:" + std::to_string(index)) { limit(device_memory()); }
  void write(void* to, const void* from, size_t bytes) override {
    if (bytes > 0) std::memcpy(to, from, bytes);
  }
  void read(void* to, const void* from, size_t bytes) override { write(to, from, bytes); }
  std::unique_ptr<Queue> new_queue() override { return std::make_unique<ShimQueue>(*this); }

 private:
  void* grant(size_t bytes) override {
    void* memory = std::aligned_alloc(256, (bytes + 511) / 256 * 256);
    if (memory != nullptr) std::memset(memory, 0, bytes);
    return memory;
  }
  void take_back(void* memory) noexcept override { std::free(memory); }
  uint64_t free_bytes() override { return 0; }
};

}  // namespace

Probe probe() {
  Probe probe{true, "shim", "shim", {}, ""};
  for (int i = 0; i < kDevices; i++) probe.devices.push_back({"shim", "9.0", device_memory(), 1});
  return probe;
}

Device& Device::at(int index) {
  static ShimDevice* const devices[kDevices] = {new ShimDevice(0), new ShimDevice(1)};
  if (index < 0 || index >= kDevices) throw NoDevice("there is no cuda:" + std::to_string(index) + " among " + std::to_string(kDevices) + " devices");
  return *devices[index];
}

}  // namespace cuda
}  // namespace steepest
