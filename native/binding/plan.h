// A plan as lib/backends/backend.ts describes it: decoded from numbers with every index and size checked.
#pragma once
#include <memory>
#include <string>
#include <vector>

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
  bool moving;   // any argument of the call on a whole batch depends on the step
  std::string label;
};

// Neighbouring calls that run as one: a whole segment slice by slice (sliced), or one call on the whole batch.
struct PlanGroup {
  size_t begin, end;
  bool sliced;
  double fixed, per_image;  // elements that the calls touch, a measure of their work
};

struct DeviceGraphs;  // device_run.h

struct Plan {
  static const napi_type_tag kTag;
  static constexpr const char* kName = "plan";

  // `program`: see plan.cc; `labels`: of the calls, then the names of the regions. Throws std::invalid_argument.
  Plan(const double* program, int64_t length, const std::vector<std::string>& labels, int device, cuda::Arithmetic arithmetic);
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
  const int device;
  const cuda::Arithmetic arithmetic;
  std::unique_ptr<Memory> arena;
  // The engine's: what the prologue read when it last ran to its end, the run that has the arena, and what runs on the device keep.
  std::vector<uint64_t> prologue_of;
  const void* active = nullptr;
  std::unique_ptr<DeviceGraphs> graphs;
};

// For a program's error messages: the call's label and kernel.
std::string where(const PlanCall& call);

}  // namespace steepest
