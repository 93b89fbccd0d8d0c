// The engine of a device: one thread of the process that runs plans, so that event loops stay free. Jobs of all environments (main thread and
// workers) stand in one queue; each runs about 20 ms, then the next has its turn. Runs of one plan follow each other, because they share its arena.
#pragma once
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>

#include "run.h"

namespace steepest {

struct Job;

// Where finished jobs go back to JavaScript. One for each environment.
class Channel {
 public:
  explicit Channel(Napi::Env env);
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  void started();                             // JavaScript's thread: one more job; keeps the event loop alive
  void finished(std::shared_ptr<Job> job);    // engine's thread
  void close();                               // JavaScript's thread, when the environment ends: no job of it goes on

 private:
  static void settle(napi_env env, napi_value, void* context, void*);  // JavaScript's thread

  napi_env env_;
  napi_threadsafe_function function_ = nullptr;
  int in_flight_ = 0;  // JavaScript's thread only
  std::mutex mutex_;
  std::deque<std::shared_ptr<Job>> done_;
};

struct Job {
  static const napi_type_tag kTag;
  static constexpr const char* kName = "run";

  std::unique_ptr<Run> run;
  std::shared_ptr<Channel> channel;
  napi_deferred deferred = nullptr;
  std::atomic<bool> stop{false};     // end after the step under way
  std::atomic<bool> abandon{false};  // end as soon as possible and tell nobody: the environment goes away
  int64_t steps_done = 0;
  std::vector<Event> events;
  int64_t event_count = 0;  // recorded or not
  bool settled = false;     // JavaScript's thread: it has heard of the end, and may read the events
  std::optional<Fault> fault;
};

class Engine {
 public:
  // Of the host, or of a CUDA device.
  static Engine& of(int device);
  void submit(std::shared_ptr<Job> job);
  // Drops the channel's jobs on all engines and waits until they have let go of the last.
  static void abandon_all(const Channel* channel);

 private:
  explicit Engine(int device);
  void abandon(const Channel* channel);
  [[noreturn]] void serve();
  std::shared_ptr<Job> next();
  bool work(Job& job, Worker& worker);

  const int device_;

  std::mutex mutex_;
  std::condition_variable news_, idle_;
  std::deque<std::shared_ptr<Job>> queue_;
  std::shared_ptr<Job> current_;
};

// What one environment of Node owns.
struct Environment {
  PoolTeam team;  // for kernels that JavaScript calls by themselves
  std::unique_ptr<cuda::Queue> queues[kMaxDevices];  // likewise
  std::shared_ptr<Channel> channel;
};

Napi::Value load_plan(const Napi::CallbackInfo& info);     // (program, labels[, device, arithmetic]) -> handle
Napi::Value dispose_plan(const Napi::CallbackInfo& info);  // (handle)
Napi::Value start_run(const Napi::CallbackInfo& info);     // (plan, storages, batch, rows, first, slots, threads[, events]) -> { done, run }
Napi::Value stop_run(const Napi::CallbackInfo& info);      // (run)
Napi::Value run_events(const Napi::CallbackInfo& info);    // (run) -> { numbers, dropped }

}  // namespace steepest
