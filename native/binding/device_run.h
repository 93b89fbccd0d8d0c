// Runs steps on a CUDA device. The first step of a batch size is recorded as a graph; each later one replays it, after the calls that
// depend on the step (a gather, a loss, an update) have given their launches new arguments. The host runs ahead of the device.
#pragma once
#include "run.h"

namespace steepest {

// What a plan keeps of its runs: the graph of a step with so many images on these regions.
struct DeviceGraph {
  int64_t images;
  std::vector<const char*> regions;  // their addresses
  std::unique_ptr<cuda::Graph> graph;
  std::vector<size_t> firsts;  // of each call from the prologue on: its first launch
};

struct DeviceGraphs {
  std::vector<DeviceGraph> kept;  // the latest used last
};

class DeviceRun final : public Run {
 public:
  DeviceRun(std::shared_ptr<Plan> plan, Request request);
  void step(Worker& worker, const std::atomic<bool>& abandon) override;
  void settle(Worker& worker) override;

 private:
  void prepare(int64_t images) const;
  void launch(size_t call, int64_t images, cuda::Queue& queue) const;
  bool replay(int64_t images, cuda::Queue& queue, const std::atomic<bool>& abandon);
  void trace(size_t first, int64_t images, cuda::Queue& queue);

  std::vector<const char*> regions_;
};

}  // namespace steepest
