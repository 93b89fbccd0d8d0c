// The program, numbers in this order (written by lib/backends/native.ts):
//   kVersion, maxBatch, arena bytes, slots, regions, buffers, calls, calls of the prologue
//   a region:  dtype
//   a buffer:  dtype, region, offset, fixed, perImage, perRow, perStep
//   a call:    kernel, segment, then for each of the kernel's buffers its index, for each of its ints fixed, perImage, perBatch, perFirst,
//              slot, for each of its reals value, slot
#include "plan.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <stdexcept>

#include "../cpu_features.h"

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

// Whether the call is the same at every step: then it may stand in the prologue.
bool stands(const PlanCall& c, const Plan& plan) {
  if (c.segment >= 0 || c.varying) return false;
  for (int i = 0; i < c.kernel->int_count; i++)
    if (c.ints[i].per_image != 0 || c.ints[i].per_batch != 0) return false;
  for (int i = 0; i < c.kernel->real_count; i++)
    if (c.reals[i].slot >= 0) return false;
  for (int i = 0; i < c.kernel->buffer_count; i++) {
    if (c.buffers[i] < 0) continue;
    const PlanBuffer& b = plan.buffers[static_cast<size_t>(c.buffers[i])];
    if (b.per_image > 0 || b.per_row > 0 || b.per_step > 0 || (b.region >= 0 && c.kernel->buffers[i].role != Role::kIn)) return false;
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

std::string where(const PlanCall& c) { return c.label.empty() ? c.kernel->name : c.label + " (" + c.kernel->name + ")"; }

double value_of(const PlanInt& v, double first, double images, double batch, const double* slots) {
  const double value = v.fixed + v.per_image * images + v.per_batch * batch + v.per_first * first;
  return v.slot < 0 ? value : value + slots[v.slot];
}

double nanoseconds() {
  return static_cast<double>(std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count());
}

}  // namespace

Plan::Plan(const double* program, int64_t length, const std::vector<std::string>& labels) {
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
  for (size_t i = 0; i < calls.size(); i++) calls[i].label = labels[i];
  for (size_t i = 0; i < regions.size(); i++) regions[i].name = labels[calls.size() + i];
  for (size_t i = 0; i < prologue; i++)
    if (!stands(calls[i], *this)) throw std::invalid_argument(where(calls[i]) + ": a call of the prologue depends on the step");
  standing = regions_of(*this, 0, prologue, false);
  changing = regions_of(*this, 0, calls.size(), true);
  for (size_t region : standing)
    if (std::count(changing.begin(), changing.end(), region) > 0)
      throw std::invalid_argument("the plan writes '" + regions[region].name + "', which its prologue reads");
  groups = group(*this);
  arena = std::make_unique<Bytes>(static_cast<size_t>(arena_bytes));
  counts().bytes += arena_bytes;
  counts().plans++;
}

Plan::~Plan() {
  if (!arena) return;
  counts().bytes -= static_cast<int64_t>(arena->size());
  counts().plans--;
}

int64_t images_per_block(int64_t images, int threads, double elements) {
  constexpr double kWorthWaking = 16384;  // elements; about 5 us of one thread
  if (threads == 1 || elements < kWorthWaking) return images;
  if (images < threads) return 0;
  const auto share = [&](int64_t parts) { return (images + parts - 1) / parts; };
  return std::max(share(4 * threads), std::min<int64_t>(8, share(threads)));
}

Run::Run(std::shared_ptr<Plan> plan, Request request) : plan_(std::move(plan)), request_(std::move(request)), isa_(active_isa()) {
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
  if (r.rows >= r.batch) full_ = prepare(r.batch);
  if (r.rows % r.batch != 0) last_ = prepare(r.rows % r.batch);
  const double events = static_cast<double>(p.prologue) + static_cast<double>(r.rows / r.batch) * static_cast<double>(full_.events) + static_cast<double>(last_.events);
  events_.resize(static_cast<size_t>(std::min(events, static_cast<double>(r.events))));
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

// Chooses how to run a batch of so many images, and checks the bounds of all calls that do not vary.
Run::Way Run::prepare(int64_t images) const {
  Way way;
  way.images = images;
  for (const PlanGroup& g : plan_->groups) {
    const bool once = g.begin < plan_->prologue;
    const int64_t block = g.sliced ? images_per_block(images, request_.threads, g.fixed + g.per_image * static_cast<double>(images)) : 0;
    way.blocks.push_back(block);
    if (!once) way.events += static_cast<int64_t>(g.end - g.begin) * (block == 0 ? 1 : (images + block - 1) / block);
    for (size_t i = g.begin; i < g.end; i++) {
      if (plan_->calls[i].varying) continue;
      const int64_t size = block == 0 ? images : block;
      check(plan_->calls[i], {0, size, images}, nullptr);
      if (images % size != 0) check(plan_->calls[i], {0, images % size, images}, nullptr);
    }
  }
  return way;
}

double Run::elements(const PlanBuffer& b, int64_t images) const {
  if (b.open()) return static_cast<double>(request_.regions[static_cast<size_t>(b.region)]->length - b.offset);
  return static_cast<double>(b.fixed) + static_cast<double>(b.per_image) * static_cast<double>(images);
}

void Run::check(const PlanCall& c, const Slice& slice, const double* slots) const {
  int64_t ints[kMaxInts], need[kMaxBuffers];
  for (int i = 0; i < c.kernel->int_count; i++) {
    const double value = value_of(c.ints[i], static_cast<double>(slice.first), static_cast<double>(slice.images), static_cast<double>(slice.batch), slots);
    if (!is_whole(value, 0, kLargestWhole))
      throw std::out_of_range(where(c) + ": number " + std::to_string(i) + " of '" + c.kernel->ints + "' is " + std::to_string(value));
    ints[i] = static_cast<int64_t>(value);
  }
  c.kernel->need(ints, need);
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

void Run::call(const PlanCall& c, const Slice& slice, Team& team) const {
  if (c.varying) check(c, slice, slots_);
  int64_t ints[kMaxInts];
  double reals[kMaxReals];
  void* buffers[kMaxBuffers];
  for (int i = 0; i < c.kernel->int_count; i++)
    ints[i] = static_cast<int64_t>(value_of(c.ints[i], static_cast<double>(slice.first), static_cast<double>(slice.images), static_cast<double>(slice.batch), slots_));
  for (int i = 0; i < c.kernel->real_count; i++) reals[i] = c.reals[i].slot < 0 ? c.reals[i].value : slots_[c.reals[i].slot];
  for (int i = 0; i < c.kernel->buffer_count; i++) {
    buffers[i] = nullptr;
    if (c.buffers[i] < 0) continue;
    const auto index = static_cast<size_t>(c.buffers[i]);
    const PlanBuffer& b = plan_->buffers[index];
    buffers[i] = bases_[index] + static_cast<size_t>(slice.first * b.per_image) * size_of(b.type);
  }
  c.kernel->call[isa_](buffers, ints, reals, team);
}

// The call with this number, recorded if that is wanted.
void Run::call(size_t index, const Slice& slice, Team& team, int thread, int64_t event) {
  const PlanCall& c = plan_->calls[index];
  if (events_.empty()) return call(c, slice, team);
  const double begin = nanoseconds();
  call(c, slice, team);
  record(event, static_cast<double>(index), thread, slice.images, begin);
}

void Run::record(int64_t event, double call, int thread, int64_t images, double begin) {
  const auto place = static_cast<size_t>(event);
  if (place < events_.size())
    events_[place] = {call, static_cast<double>(thread), static_cast<double>(step_), static_cast<double>(images), begin, nanoseconds()};
}

std::vector<Event> Run::take_events() {
  if (static_cast<size_t>(event_) < events_.size()) events_.resize(static_cast<size_t>(event_));
  return std::move(events_);
}

// What the prologue's results depend on: they need not be made again while this is the same.
std::vector<uint64_t> Run::prologue_sources() const {
  std::vector<uint64_t> sources{static_cast<uint64_t>(isa_)};
  for (size_t region : plan_->standing) sources.push_back(request_.regions[region]->version);
  return sources;
}

void Run::step(PoolTeam& team, const std::atomic<bool>& abandon) {
  const Plan& p = *plan_;
  const double began = events_.empty() ? 0 : nanoseconds();
  const int64_t row = step_ * request_.batch;
  const Way& way = request_.rows - row >= request_.batch ? full_ : last_;
  const int whole = team.threads() > 1 ? -team.threads() : 0;
  slots_ = request_.slots.data() + step_ * p.slot_count;
  for (size_t i = 0; i < p.buffers.size(); i++) {
    const PlanBuffer& b = p.buffers[i];
    bases_[i] = b.region < 0 ? p.arena->data() + b.offset
                             : request_.regions[static_cast<size_t>(b.region)]->bytes.data() +
                                   static_cast<size_t>(b.offset + b.per_row * (request_.first + row) + b.per_step * step_) * size_of(b.type);
  }
  for (size_t region : p.changing) request_.regions[region]->changed();
  int64_t event = event_ + 1;
  if (step_ == 0 && p.prologue > 0) {
    std::vector<uint64_t> sources = prologue_sources();
    if (sources != p.prologue_of) {
      plan_->prologue_of.clear();
      for (size_t i = 0; i < p.prologue; i++) {
        if (abandon.load(std::memory_order_relaxed)) return;
        call(i, {0, way.images, way.images}, team, whole, event++);
      }
      plan_->prologue_of = std::move(sources);
    }
  }
  for (size_t g = p.prologue; g < p.groups.size(); g++) {
    if (abandon.load(std::memory_order_relaxed)) return;
    const size_t begin = p.groups[g].begin, end = p.groups[g].end;
    const int64_t block = way.blocks[g], calls = static_cast<int64_t>(end - begin);
    if (block == 0) {
      for (size_t i = begin; i < end; i++) call(i, {0, way.images, way.images}, team, whole, event++);
      continue;
    }
    team.parallel(way.images, block, [&](int64_t from, int64_t to, int thread) {
      int64_t place = event + from / block * calls;
      for (size_t i = begin; i < end; i++) call(i, {from, to - from, way.images}, team.solo(thread), thread, place++);
    });
    event += (way.images + block - 1) / block * calls;
  }
  if (!events_.empty()) record(event_, -1, 0, way.images, began);
  event_ = event;
  step_++;
}

}  // namespace steepest
