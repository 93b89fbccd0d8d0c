#include "run.h"

#include <chrono>
#include <stdexcept>

#include "device_run.h"
#include "host_run.h"

namespace steepest {

namespace {

double value_of(const PlanInt& v, double first, double images, double batch, const double* slots) {
  const double value = v.fixed + v.per_image * images + v.per_batch * batch + v.per_first * first;
  return v.slot < 0 ? value : value + slots[v.slot];
}

}  // namespace

double nanoseconds() {
  return static_cast<double>(std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count());
}

std::unique_ptr<Run> Run::make(std::shared_ptr<Plan> plan, Request request) {
  if (plan->device == kHost) return std::make_unique<HostRun>(std::move(plan), std::move(request));
  return std::make_unique<DeviceRun>(std::move(plan), std::move(request));
}

Run::Run(std::shared_ptr<Plan> plan, Request request) : plan_(std::move(plan)), request_(std::move(request)) {
  const Plan& p = *plan_;
  const Request& r = request_;
  if (r.batch < 1 || r.batch > p.max_batch)
    throw std::out_of_range("batch " + std::to_string(r.batch) + " is outside [1, " + std::to_string(p.max_batch) + "]");
  if (r.rows < 0 || r.first < 0) throw std::out_of_range("rows and first must not be negative");
  steps_ = r.rows / r.batch + (r.rows % r.batch != 0);
  const double slots = static_cast<double>(steps_) * p.slot_count;
  if (static_cast<double>(r.slots.size()) != slots)
    throw std::out_of_range(std::to_string(steps_) + " steps of " + std::to_string(p.slot_count) + " slots need " +
                            std::to_string(static_cast<int64_t>(slots)) + " numbers but there are " + std::to_string(r.slots.size()));
  if (steps_ == 0) return;
  bases_.resize(p.buffers.size());
  check_regions();
}

// Starts grow from step to step, so a buffer is in its region at all steps if it is at the last one and at the last full one.
void Run::check_regions() const {
  const Request& r = request_;
  for (const PlanBuffer& b : plan_->buffers) {
    if (b.region < 0) continue;
    const auto region = static_cast<size_t>(b.region);
    for (int64_t step = std::max<int64_t>(0, steps_ - 2); step < steps_; step++) {
      const double row = static_cast<double>(step) * static_cast<double>(r.batch);
      const double images = std::min(static_cast<double>(r.batch), static_cast<double>(r.rows) - row);
      const double end = static_cast<double>(b.offset) + static_cast<double>(b.per_row) * (static_cast<double>(r.first) + row) +
                         static_cast<double>(b.per_step) * static_cast<double>(step) + static_cast<double>(b.fixed) +
                         static_cast<double>(b.per_image) * images;
      if (!(end <= static_cast<double>(r.regions[region]->length)))
        throw std::out_of_range("region '" + plan_->regions[region].name + "' has " + std::to_string(r.regions[region]->length) +
                                " elements, but step " + std::to_string(step) + " needs " + std::to_string(static_cast<int64_t>(std::min(end, 9e18))));
    }
  }
}

void Run::check(const PlanCall& c, const Slice& slice, const double* slots) const {
  int64_t ints[kMaxInts], need[kMaxBuffers];
  for (int i = 0; i < c.kernel->int_count; i++) {
    const double value = value_of(c.ints[i], static_cast<double>(slice.first), static_cast<double>(slice.images), static_cast<double>(slice.batch), slots);
    if (!is_whole(value, 0, kLargestWhole))
      throw std::out_of_range(where(c) + ": number " + std::to_string(i) + " of '" + c.kernel->ints + "' is " + std::to_string(value));
    ints[i] = static_cast<int64_t>(value);
  }
  needs(*c.kernel, ints, need);
  for (int i = 0; i < c.kernel->buffer_count; i++) {
    if (need[i] < 0) throw std::out_of_range(where(c) + ": the sizes make no sense for " + c.kernel->buffers[i].name);
    if (c.buffers[i] < 0) continue;
    const PlanBuffer& b = plan_->buffers[static_cast<size_t>(c.buffers[i])];
    // Neither fixed nor per image: all of its region.
    const double have = b.region >= 0 && b.fixed == 0 && b.per_image == 0
                            ? static_cast<double>(request_.regions[static_cast<size_t>(b.region)]->length - b.offset)
                            : static_cast<double>(b.fixed) + static_cast<double>(b.per_image) * static_cast<double>(slice.images);
    if (static_cast<double>(need[i]) > have)
      throw std::out_of_range(where(c) + ": " + c.kernel->buffers[i].name + " needs " + std::to_string(need[i]) + " elements but has " +
                              std::to_string(static_cast<int64_t>(have)));
  }
}

void Run::begin_step() {
  const Plan& p = *plan_;
  const int64_t row = step_ * request_.batch;
  slots_ = request_.slots.data() + step_ * p.slot_count;
  for (size_t i = 0; i < p.buffers.size(); i++) {
    const PlanBuffer& b = p.buffers[i];
    bases_[i] = b.region < 0 ? p.arena->data() + b.offset
                             : request_.regions[static_cast<size_t>(b.region)]->memory.data() +
                                   static_cast<size_t>(b.offset + b.per_row * (request_.first + row) + b.per_step * step_) * size_of(b.type);
  }
  for (size_t region : p.changing) request_.regions[region]->changed();
}

void Run::arguments(const PlanCall& c, const Slice& slice, Arguments& to) const {
  if (c.varying) check(c, slice, slots_);
  for (int i = 0; i < c.kernel->int_count; i++)
    to.ints[i] = static_cast<int64_t>(value_of(c.ints[i], static_cast<double>(slice.first), static_cast<double>(slice.images), static_cast<double>(slice.batch), slots_));
  for (int i = 0; i < c.kernel->real_count; i++) to.reals[i] = c.reals[i].slot < 0 ? c.reals[i].value : slots_[c.reals[i].slot];
  for (int i = 0; i < c.kernel->buffer_count; i++) {
    to.buffers[i] = nullptr;
    if (c.buffers[i] < 0) continue;
    const auto index = static_cast<size_t>(c.buffers[i]);
    const PlanBuffer& b = plan_->buffers[index];
    to.buffers[i] = bases_[index] + static_cast<size_t>(slice.first * b.per_image) * size_of(b.type);
  }
}

bool Run::prologue_due(int form) {
  if (step_ != 0 || plan_->prologue == 0) return false;
  sources_ = {static_cast<uint64_t>(form)};
  for (size_t region : plan_->standing) sources_.push_back(request_.regions[region]->version);
  if (sources_ == plan_->prologue_of) return false;
  plan_->prologue_of.clear();
  return true;
}

void Run::expect_events(int64_t full, int64_t last) {
  const double steps = static_cast<double>(request_.rows / request_.batch);
  const double events = static_cast<double>(plan_->prologue) + steps * static_cast<double>(full) + static_cast<double>(last);
  events_.resize(static_cast<size_t>(std::min(events, static_cast<double>(request_.events))));
}

void Run::record(int64_t event, double call, int thread, int64_t images, double begin, double end) {
  const auto place = static_cast<size_t>(event);
  if (place < events_.size()) events_[place] = {call, static_cast<double>(thread), static_cast<double>(step_), static_cast<double>(images), begin, end};
}

std::vector<Event> Run::take_events() {
  if (static_cast<size_t>(event_) < events_.size()) events_.resize(static_cast<size_t>(event_));
  return std::move(events_);
}

}  // namespace steepest
