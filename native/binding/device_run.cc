#include "device_run.h"

namespace steepest {

namespace {

// Steps that the device may be behind: enough to keep it busy while the host sleeps, few enough that a stop is soon.
constexpr size_t kMostAhead = 32;
// Graphs that a plan keeps: full and last batches of two sets of storages.
constexpr size_t kMostGraphs = 4;

}  // namespace

DeviceRun::DeviceRun(std::shared_ptr<Plan> plan, Request request) : Run(std::move(plan), std::move(request)) {
  if (steps_ == 0) return;
  for (const auto& region : request_.regions) regions_.push_back(region->memory.data());
  const int64_t last = request_.rows % request_.batch;
  if (request_.rows >= request_.batch) prepare(request_.batch);
  if (last != 0) prepare(last);
  const auto events = static_cast<int64_t>(1 + plan_->calls.size() - plan_->prologue);
  expect_events(events, last == 0 ? 0 : events);
}

// Checks the bounds of all calls that do not vary.
void DeviceRun::prepare(int64_t images) const {
  for (const PlanCall& c : plan_->calls)
    if (!c.varying) check(c, {0, images, images}, nullptr);
}

void DeviceRun::launch(size_t call, int64_t images, cuda::Queue& queue) const {
  const PlanCall& c = plan_->calls[call];
  Arguments a;
  arguments(c, {0, images, images}, a);
  c.kernel->cuda(a.buffers, a.ints, a.reals, queue);
}

// A step by its graph, which is recorded where there is none yet. False where `abandon` turned true.
bool DeviceRun::replay(int64_t images, cuda::Queue& queue, const std::atomic<bool>& abandon) {
  const Plan& p = *plan_;
  if (!plan_->graphs) plan_->graphs = std::make_unique<DeviceGraphs>();
  std::vector<DeviceGraph>& kept = plan_->graphs->kept;
  const auto same = [&](const DeviceGraph& g) { return g.images == images && g.regions == regions_; };
  const auto found = std::find_if(kept.begin(), kept.end(), same);
  if (found == kept.end()) {
    DeviceGraph made{images, regions_, queue.new_graph(), {}};
    queue.record_launches(*made.graph);
    for (size_t i = p.prologue; i < p.calls.size(); i++) {
      made.firsts.push_back(made.graph->size());
      launch(i, images, queue);
      if (abandon.load(std::memory_order_relaxed)) return false;
    }
    if (kept.size() == kMostGraphs) {
      queue.finish();  // the oldest may still run
      kept.erase(kept.begin());
    }
    kept.push_back(std::move(made));
  } else {
    std::rotate(found, found + 1, kept.end());
    for (size_t i = p.prologue; i < p.calls.size(); i++) {
      if (!p.calls[i].moving) continue;
      queue.replace_launches(*kept.back().graph, kept.back().firsts[i - p.prologue]);
      launch(i, images, queue);
    }
  }
  queue.run(*kept.back().graph);
  return true;
}

// A step launch by launch, with the time of each call.
void DeviceRun::trace(size_t first, int64_t images, cuda::Queue& queue) {
  const double began = nanoseconds();
  queue.stamp();
  for (size_t i = first; i < plan_->calls.size(); i++) {
    launch(i, images, queue);
    queue.stamp();
  }
  const std::vector<double> stamps = queue.take_stamps();
  record(event_, -1, 0, images, began, began + stamps.back());
  for (size_t i = first; i < plan_->calls.size(); i++)
    record(event_ + 1 + static_cast<int64_t>(i - first), static_cast<double>(i), 0, images, began + stamps[i - first], began + stamps[i - first + 1]);
  event_ += static_cast<int64_t>(1 + plan_->calls.size() - first);
}

void DeviceRun::step(Worker& worker, const std::atomic<bool>& abandon) {
  const Plan& p = *plan_;
  cuda::Queue& queue = *worker.queue;
  // Whatever throws in here leaves the queue as it should be for the next job.
  struct Restore {
    cuda::Queue& queue;
    ~Restore() { queue.run_launches(); }
  } restore{queue};
  queue.arithmetic = p.arithmetic;
  queue.run_launches();
  const int64_t images = next_images();
  begin_step();
  const bool prologue = prologue_due(-1);
  if (!events_.empty()) {
    trace(prologue ? 0 : p.prologue, images, queue);
  } else {
    for (size_t i = 0; prologue && i < p.prologue; i++) launch(i, images, queue);
    if (!replay(images, queue, abandon)) return;
    queue.mark();
    queue.wait(kMostAhead);
  }
  if (prologue) prologue_done();
  step_++;
}

void DeviceRun::settle(Worker& worker) {
  if (worker.queue) worker.queue->finish();  // else there was none to be had, and nothing was begun
}

}  // namespace steepest
