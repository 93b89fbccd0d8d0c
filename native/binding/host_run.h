// Runs steps on the cpu: segments slice by slice on the team's threads, other calls on the whole batch with the whole team.
#pragma once
#include "run.h"

namespace steepest {

class HostRun final : public Run {
 public:
  HostRun(std::shared_ptr<Plan> plan, Request request);
  void step(Worker& worker, const std::atomic<bool>& abandon) override;

 private:
  // How to run each group on a batch of `images`: blocks of so many images, 0: the whole batch with the whole team.
  struct Way {
    int64_t images = 0;
    std::vector<int64_t> blocks;
    int64_t events = 1;  // of a step: the step itself, and each call on each slice; without the prologue's
  };

  Way prepare(int64_t images) const;
  void call(size_t index, const Slice& slice, Team& team, int thread, int64_t event);

  Isa isa_;
  Way full_, last_;
};

// Images of a block when a segment is cut for `threads` threads: four blocks a thread, so that a late thread costs a quarter of a share at
// most, but 8 images or more where there are enough. Steps of lenet and cnn4 (batch 128, one Zen 5 core) took the same time within 3 %
// for blocks of 16 to 128 images, and 2 to 8 % more for 4. All images where the work is not worth waking anyone, or there is one thread;
// 0 (each call on the whole batch with the whole team) where there are fewer images than threads.
int64_t images_per_block(int64_t images, int threads, double elements);

}  // namespace steepest
