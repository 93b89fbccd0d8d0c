// A plan as lib/backends/backend.ts describes it: decoded from numbers with every index and size checked, and run step by step.
#pragma once
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "../thread_pool.h"
#include "storage.h"

namespace steepest {

// fixed + per_image * images + per_batch * batch + per_first * first + slots[slot]. In double: exact up to 2^53, and cannot overflow.
struct PlanInt {
  double fixed, per_image, per_batch, per_first;
  int slot;  // -1: none
};

struct PlanReal {
  double value;
  int slot;  // -1: value
};

// As PlanBuffer in backend.ts; elements, but bytes for an offset in the arena (region -1).
struct PlanBuffer {
  Type type;
  int region;
  int64_t offset, fixed, per_image, per_row, per_step;
  bool open() const { return region >= 0 && fixed == 0 && per_image == 0; }  // all that follows in its region
};

struct PlanRegion {
  Type type;
  std::string name;
};

struct PlanCall {
  const KernelEntry* kernel;
  int segment;
  int buffers[kMaxBuffers];
  PlanInt ints[kMaxInts];
  PlanReal reals[kMaxReals];
  bool varying;  // a whole number depends on the step or the slice: its bounds are checked each time, else once a run
  std::string label;
};

// Neighbouring calls that run as one: a whole segment slice by slice (sliced), or one call on the whole batch.
struct PlanGroup {
  size_t begin, end;
  bool sliced;
  double fixed, per_image;  // elements that the calls touch, a measure of their work
};

struct Plan {
  static const napi_type_tag kTag;
  static constexpr const char* kName = "plan";

  // `program`: see plan.cc; `labels`: of the calls, then the names of the regions. Throws std::invalid_argument.
  Plan(const double* program, int64_t length, const std::vector<std::string>& labels);
  ~Plan();

  int64_t max_batch = 0;
  int slot_count = 0;
  std::vector<PlanRegion> regions;
  std::vector<PlanBuffer> buffers;
  std::vector<PlanCall> calls;
  std::vector<PlanGroup> groups;
  // The first calls so many (each a group of its own) run before a run's first step, where `prologue_of` is out of date.
  size_t prologue = 0;
  std::vector<size_t> standing, changing;  // regions that the prologue reads, that calls write
  std::unique_ptr<Bytes> arena;
  std::vector<uint64_t> prologue_of;  // the engine's: what the prologue read when it last ran to its end
  const void* active = nullptr;  // the engine's: the run that has the arena
};

// What a run records of a kernel call, or of a step (call -1): its thread in the team (-n: all n > 1 of it), the step, the images it took, and
// when it began and ended, in nanoseconds of the steady clock. Doubles: JavaScript gets them as one Float64Array (PlanEvents in backend.ts).
struct Event {
  double call, thread, step, images, begin, end;
};

// One run of a plan.
class Run {
 public:
  struct Request {
    std::vector<std::shared_ptr<Storage>> regions;
    int64_t batch, rows, first;
    std::vector<double> slots;
    int threads;
    int64_t events = 0;  // to record at most
  };

  // Throws std::out_of_range where a buffer would be too short or a number makes no sense.
  Run(std::shared_ptr<Plan> plan, Request request);

  Plan& plan() const { return *plan_; }
  int64_t step_count() const { return steps_; }
  int64_t steps_done() const { return step_; }
  bool finished() const { return step_ == steps_; }
  int threads() const { return request_.threads; }

  // Runs the next step with the team. Leaves it unfinished where `abandon` turns true.
  void step(PoolTeam& team, const std::atomic<bool>& abandon);

  // What was recorded, in the order of steps, calls and slices. Once, at the end.
  std::vector<Event> take_events();
  // Events of the steps done, recorded or not.
  int64_t event_count() const { return event_; }

 private:
  // A part of the batch: images [first, first + images).
  struct Slice {
    int64_t first, images, batch;
  };
  // How to run each group on a batch of `images`: blocks of so many images, 0: the whole batch with the whole team.
  struct Way {
    int64_t images = 0;
    std::vector<int64_t> blocks;
    int64_t events = 1;  // of a step: the step itself, and each call on each slice; without the prologue's
  };

  void check_regions() const;
  Way prepare(int64_t images) const;
  double elements(const PlanBuffer& buffer, int64_t images) const;
  std::vector<uint64_t> prologue_sources() const;
  void check(const PlanCall& call, const Slice& slice, const double* slots) const;
  void call(const PlanCall& call, const Slice& slice, Team& team) const;
  void call(size_t index, const Slice& slice, Team& team, int thread, int64_t event);
  void record(int64_t event, double call, int thread, int64_t images, double begin);

  std::shared_ptr<Plan> plan_;
  Request request_;
  int64_t steps_, step_ = 0;
  Isa isa_;
  Way full_, last_;
  const double* slots_ = nullptr;  // of the step under way
  std::vector<char*> bases_;       // of each buffer, in the step under way
  // Each event of the run has its place, so threads share nothing; there is room for the first ones only (Request::events).
  std::vector<Event> events_;
  int64_t event_ = 0;  // place of the next step's first
};

// Images of a block when a segment is cut for `threads` threads: four blocks a thread, so that a late thread costs a quarter of a share at
// most, but 8 images or more where there are enough. Steps of lenet and cnn4 (batch 128, one Zen 5 core) took the same time within 3 %
// for blocks of 16 to 128 images, and 2 to 8 % more for 4. All images where the work is not worth waking anyone, or there is one thread;
// 0 (each call on the whole batch with the whole team) where there are fewer images than threads.
int64_t images_per_block(int64_t images, int threads, double elements);

}  // namespace steepest
