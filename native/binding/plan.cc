// The program, numbers in this order (written by lib/backends/native.ts):
//   kVersion, maxBatch, arena bytes, slots, regions, buffers, calls, calls of the prologue
//   a region:  dtype
//   a buffer:  dtype, region, offset, fixed, perImage, perRow, perStep
//   a call:    kernel, segment, then for each of the kernel's buffers its index, for each of its ints fixed, perImage, perBatch, perFirst,
//              slot, for each of its reals value, slot
#include "plan.h"

#include <algorithm>
#include <stdexcept>

#include "device_run.h"

namespace steepest {

const napi_type_tag Plan::kTag = {0x1d94b6f0837a4c5e, 0xb2573e8a90cd61f4};

namespace {

constexpr double kVersion = 2;
constexpr double kMost = 1e6;  // regions, buffers, calls, slots

// Reads numbers one by one and refuses those out of range.
class Reader {
 public:
  Reader(const double* data, int64_t length) : next_(data), end_(data + length) {}

  double number() {
    if (next_ == end_) throw std::invalid_argument("the plan ends too early");
    return *next_++;
  }
  int64_t whole(double min, double max) {
    const double value = number();
    if (!is_whole(value, min, max)) throw std::invalid_argument("the plan holds a number out of range");
    return static_cast<int64_t>(value);
  }
  int index(double min, double count) { return static_cast<int>(whole(min, count - 1)); }
  bool at_end() const { return next_ == end_; }

 private:
  const double* next_;
  const double* end_;
};

PlanBuffer read_buffer(Reader& in, const Plan& plan, double arena_bytes) {
  PlanBuffer b;
  b.type = static_cast<Type>(in.whole(0, 3));
  b.region = in.index(-1, static_cast<double>(plan.regions.size()));
  for (int64_t* field : {&b.offset, &b.fixed, &b.per_image, &b.per_row, &b.per_step}) *field = in.whole(0, kLargestWhole);
  if (b.fixed > 0 && b.per_image > 0) throw std::invalid_argument("a buffer of the plan has elements both fixed and per image");
  if (b.open() && (b.per_row > 0 || b.per_step > 0)) throw std::invalid_argument("a buffer as long as its region moves");
  if (b.region >= 0) {
    if (plan.regions[static_cast<size_t>(b.region)].type != b.type) throw std::invalid_argument("a buffer and its region differ in type");
    return b;
  }
  const double size = static_cast<double>(size_of(b.type));
  const double elements = static_cast<double>(b.fixed) + static_cast<double>(b.per_image) * static_cast<double>(plan.max_batch);
  if (b.per_row > 0 || b.per_step > 0) throw std::invalid_argument("a buffer in the arena moves");
  if (b.offset % static_cast<int64_t>(size) != 0) throw std::invalid_argument("a buffer in the arena is not aligned");
  if (static_cast<double>(b.offset) + elements * size > arena_bytes) throw std::invalid_argument("a buffer ends outside the arena");
  return b;
}

PlanCall read_call(Reader& in, const Plan& plan) {
  PlanCall c{};
  c.kernel = &kKernels[in.index(0, kKernelCount)];
  c.segment = in.index(-1, kMost);
  for (int i = 0; i < c.kernel->buffer_count; i++) {
    const BufferSpec& spec = c.kernel->buffers[i];
    c.buffers[i] = in.index(-1, static_cast<double>(plan.buffers.size()));
    if (c.buffers[i] < 0) {
      if (!spec.optional) throw std::invalid_argument(std::string(c.kernel->name) + ": buffer " + spec.name + " is missing");
    } else if (plan.buffers[static_cast<size_t>(c.buffers[i])].type != spec.type) {
      throw std::invalid_argument(std::string(c.kernel->name) + ": buffer " + spec.name + " has another type");
    }
  }
  for (int i = 0; i < c.kernel->int_count; i++) {
    PlanInt& v = c.ints[i];
    for (double* field : {&v.fixed, &v.per_image, &v.per_batch, &v.per_first})
      *field = static_cast<double>(in.whole(-kLargestWhole, kLargestWhole));
    v.slot = in.index(-1, plan.slot_count);
    c.varying |= v.slot >= 0 || v.per_first != 0;
  }
  for (int i = 0; i < c.kernel->real_count; i++) {
    c.reals[i].value = in.number();
    c.reals[i].slot = in.index(-1, plan.slot_count);
  }
  return c;
}

std::vector<PlanGroup> group(const Plan& plan) {
  std::vector<PlanGroup> groups;
  for (size_t i = 0; i < plan.calls.size(); i++) {
    const PlanCall& c = plan.calls[i];
    const bool joins = c.segment >= 0 && i > 0 && plan.calls[i - 1].segment == c.segment;
    if (!joins) groups.push_back({i, i, c.segment >= 0, 0, 0});
    PlanGroup& g = groups.back();
    g.end = i + 1;
    for (int b = 0; b < c.kernel->buffer_count; b++) {
      if (c.buffers[b] < 0) continue;
      g.fixed += static_cast<double>(plan.buffers[static_cast<size_t>(c.buffers[b])].fixed);
      g.per_image += static_cast<double>(plan.buffers[static_cast<size_t>(c.buffers[b])].per_image);
    }
  }
  return groups;
}

// Whether the call is the same for every step and batch: then it may stand in the prologue.
bool stands(const PlanCall& c, const Plan& plan) {
  if (c.segment >= 0 || c.varying || c.moving) return false;
  for (int i = 0; i < c.kernel->int_count; i++)
    if (c.ints[i].per_image != 0 || c.ints[i].per_batch != 0) return false;
  for (int i = 0; i < c.kernel->buffer_count; i++) {
    if (c.buffers[i] < 0) continue;
    const PlanBuffer& b = plan.buffers[static_cast<size_t>(c.buffers[i])];
    if (b.per_image > 0 || (b.region >= 0 && c.kernel->buffers[i].role != Role::kIn)) return false;
  }
  return true;
}

// The regions that the calls [begin, end) read, or write.
std::vector<size_t> regions_of(const Plan& plan, size_t begin, size_t end, bool written) {
  std::vector<size_t> regions;
  for (size_t i = begin; i < end; i++) {
    const PlanCall& c = plan.calls[i];
    for (int b = 0; b < c.kernel->buffer_count; b++) {
      if (c.buffers[b] < 0 || (c.kernel->buffers[b].role != Role::kIn) != written) continue;
      const int region = plan.buffers[static_cast<size_t>(c.buffers[b])].region;
      if (region >= 0 && std::count(regions.begin(), regions.end(), static_cast<size_t>(region)) == 0) regions.push_back(static_cast<size_t>(region));
    }
  }
  return regions;
}

// Whether an argument of the call on a whole batch depends on the step.
bool moves(const PlanCall& c, const Plan& plan) {
  for (int i = 0; i < c.kernel->int_count; i++)
    if (c.ints[i].slot >= 0) return true;
  for (int i = 0; i < c.kernel->real_count; i++)
    if (c.reals[i].slot >= 0) return true;
  for (int i = 0; i < c.kernel->buffer_count; i++) {
    if (c.buffers[i] < 0) continue;
    const PlanBuffer& b = plan.buffers[static_cast<size_t>(c.buffers[i])];
    if (b.per_row > 0 || b.per_step > 0) return true;
  }
  return false;
}

}  // namespace

std::string where(const PlanCall& c) { return c.label.empty() ? c.kernel->name : c.label + " (" + c.kernel->name + ")"; }

Plan::Plan(const double* program, int64_t length, const std::vector<std::string>& labels, int on, cuda::Arithmetic products)
    : device(on), arithmetic(products) {
  Reader in(program, length);
  if (in.number() != kVersion) throw std::invalid_argument("the plan has another version");
  max_batch = in.whole(1, 2147483647);
  const int64_t arena_bytes = in.whole(0, kLargestWhole);
  slot_count = in.index(0, kMost);
  const int64_t region_count = in.whole(0, kMost), buffer_count = in.whole(0, kMost), call_count = in.whole(0, kMost);
  prologue = static_cast<size_t>(in.whole(0, static_cast<double>(call_count)));
  for (int64_t i = 0; i < region_count; i++) regions.push_back({static_cast<Type>(in.whole(0, 3)), ""});
  for (int64_t i = 0; i < buffer_count; i++) buffers.push_back(read_buffer(in, *this, static_cast<double>(arena_bytes)));
  for (int64_t i = 0; i < call_count; i++) calls.push_back(read_call(in, *this));
  if (!in.at_end()) throw std::invalid_argument("the plan goes on after its end");
  if (labels.size() != calls.size() + regions.size()) throw std::invalid_argument("the plan's labels do not match its calls and regions");
  for (size_t i = 0; i < calls.size(); i++) {
    calls[i].label = labels[i];
    calls[i].moving = moves(calls[i], *this);
    if (device != kHost && calls[i].kernel->cuda == nullptr) throw cuda::NoDevice(where(calls[i]) + ": there is no CUDA form");
  }
  for (size_t i = 0; i < regions.size(); i++) regions[i].name = labels[calls.size() + i];
  for (size_t i = 0; i < prologue; i++)
    if (!stands(calls[i], *this)) throw std::invalid_argument(where(calls[i]) + ": a call of the prologue depends on the step");
  standing = regions_of(*this, 0, prologue, false);
  changing = regions_of(*this, 0, calls.size(), true);
  for (size_t region : standing)
    if (std::count(changing.begin(), changing.end(), region) > 0)
      throw std::invalid_argument("the plan writes '" + regions[region].name + "', which its prologue reads");
  groups = group(*this);
  arena = std::make_unique<Memory>(static_cast<size_t>(arena_bytes), device, Use::kArena);
  counts().plans++;
}

Plan::~Plan() {
  if (arena) counts().plans--;
}

}  // namespace steepest
