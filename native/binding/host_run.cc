#include "host_run.h"

#include "../cpu_features.h"

namespace steepest {

int64_t images_per_block(int64_t images, int threads, double elements) {
  constexpr double kWorthWaking = 16384;  // elements; about 5 us of one thread
  if (threads == 1 || elements < kWorthWaking) return images;
  if (images < threads) return 0;
  const auto share = [&](int64_t parts) { return (images + parts - 1) / parts; };
  return std::max(share(4 * threads), std::min<int64_t>(8, share(threads)));
}

HostRun::HostRun(std::shared_ptr<Plan> plan, Request request) : Run(std::move(plan), std::move(request)), isa_(active_isa()) {
  if (steps_ == 0) return;
  if (request_.rows >= request_.batch) full_ = prepare(request_.batch);
  if (request_.rows % request_.batch != 0) last_ = prepare(request_.rows % request_.batch);
  expect_events(full_.events, last_.images == 0 ? 0 : last_.events);
}

// Chooses how to run a batch of so many images, and checks the bounds of all calls that do not vary.
HostRun::Way HostRun::prepare(int64_t images) const {
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

// The call with this number, recorded if that is wanted.
void HostRun::call(size_t index, const Slice& slice, Team& team, int thread, int64_t event) {
  const PlanCall& c = plan_->calls[index];
  Arguments a;
  arguments(c, slice, a);
  const double begin = events_.empty() ? 0 : nanoseconds();
  c.kernel->call[isa_](a.buffers, a.ints, a.reals, team);
  if (!events_.empty()) record(event, static_cast<double>(index), thread, slice.images, begin, nanoseconds());
}

void HostRun::step(Worker& worker, const std::atomic<bool>& abandon) {
  const Plan& p = *plan_;
  PoolTeam& team = worker.team;
  team.resize(request_.threads);
  const double began = events_.empty() ? 0 : nanoseconds();
  const Way& way = next_images() == request_.batch ? full_ : last_;
  const int whole = team.threads() > 1 ? -team.threads() : 0;
  begin_step();
  int64_t event = event_ + 1;
  if (prologue_due(isa_)) {
    for (size_t i = 0; i < p.prologue; i++) {
      if (abandon.load(std::memory_order_relaxed)) return;
      call(i, {0, way.images, way.images}, team, whole, event++);
    }
    prologue_done();
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
  if (!events_.empty()) record(event_, -1, 0, way.images, began, nanoseconds());
  event_ = event;
  step_++;
}

}  // namespace steepest
