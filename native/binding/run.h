// A run of a plan: its steps one by one, on the plan's device. This file is what all devices share: checks, arguments, events.
#pragma once
#include <algorithm>
#include <atomic>
#include <memory>

#include "../thread_pool.h"
#include "plan.h"

namespace steepest {

// What a run records of a kernel call, or of a step (call -1): its thread in the team (-n: all n > 1 of it), the step, the images it took, and
// when it began and ended, in nanoseconds of the steady clock. Doubles: JavaScript gets them as one Float64Array (PlanEvents in backend.ts).
struct Event {
  double call, thread, step, images, begin, end;
};

// What an engine's thread works with: a team of the cpu's threads, or a device's queue.
struct Worker {
  PoolTeam team;
  std::unique_ptr<cuda::Queue> queue;
};

// One run of a plan. See HostRun and DeviceRun for how.
class Run {
 public:
  struct Request {
    std::vector<std::shared_ptr<Storage>> regions;
    int64_t batch, rows, first;
    std::vector<double> slots;
    int threads;
    int64_t events = 0;  // to record at most
  };

  // On the plan's device. Throws std::out_of_range where a buffer would be too short or a number makes no sense.
  static std::unique_ptr<Run> make(std::shared_ptr<Plan> plan, Request request);
  virtual ~Run() = default;

  Plan& plan() const { return *plan_; }
  int64_t steps_done() const { return step_; }
  bool finished() const { return step_ == steps_; }

  // Runs the next step, or sees to it that it will run. Leaves it unfinished where `abandon` turns true.
  virtual void step(Worker& worker, const std::atomic<bool>& abandon) = 0;
  // Waits for what steps have left to do.
  virtual void settle(Worker&) {}

  // What was recorded, in the order of steps, calls and slices. Once, at the end.
  std::vector<Event> take_events();
  // Events of the steps done, recorded or not.
  int64_t event_count() const { return event_; }

 protected:
  // A part of the batch: images [first, first + images).
  struct Slice {
    int64_t first, images, batch;
  };
  // What a kernel's call takes.
  struct Arguments {
    void* buffers[kMaxBuffers];
    int64_t ints[kMaxInts];
    double reals[kMaxReals];
  };

  Run(std::shared_ptr<Plan> plan, Request request);
  // Throws where the call does not fit its buffers with these slots.
  void check(const PlanCall& call, const Slice& slice, const double* slots) const;
  // Sets slots_ and bases_ for the next step, and says that regions change.
  void begin_step();
  // The call's arguments in the step under way; checked where they vary.
  void arguments(const PlanCall& call, const Slice& slice, Arguments& to) const;
  // Images of the next step.
  int64_t next_images() const { return std::min(request_.batch, request_.rows - step_ * request_.batch); }
  // Whether the prologue must run in the step under way, by this form of its kernels (an instruction set, or -1 on a device): in a run's first step,
  // where its results are of other contents. They are out of date until prologue_done says that all its calls were made.
  bool prologue_due(int form);
  void prologue_done() { plan_->prologue_of = std::move(sources_); }
  // Makes room for the events of a run: those of a full step, and of the last, smaller one.
  void expect_events(int64_t full, int64_t last);
  void record(int64_t event, double call, int thread, int64_t images, double begin, double end);

  std::shared_ptr<Plan> plan_;
  Request request_;
  int64_t steps_, step_ = 0;
  const double* slots_ = nullptr;  // of the step under way
  std::vector<char*> bases_;       // of each buffer, in the step under way
  // Each event of the run has its place, so threads share nothing; there is room for the first ones only (Request::events).
  std::vector<Event> events_;
  int64_t event_ = 0;  // place of the next step's first

 private:
  std::vector<uint64_t> sources_;  // of the prologue that is due
  void check_regions() const;
};

double nanoseconds();  // of the steady clock

}  // namespace steepest
