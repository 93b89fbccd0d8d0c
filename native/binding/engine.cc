#include "engine.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>

#include "../cpu_features.h"

#if !defined(_WIN32)
#include <csignal>
#endif

namespace steepest {

const napi_type_tag Job::kTag = {0xe83b70a15c2f4d96, 0x4fd18b6293ea07c5};

// ---- back to JavaScript ----

Channel::Channel(Napi::Env env) : env_(env) {
  const Napi::String name = Napi::String::New(env, "steepest");
  NAPI_THROW_IF_FAILED_VOID(
      env, napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, this, &Channel::settle, &function_));
  napi_unref_threadsafe_function(env, function_);
}

void Channel::started() {
  if (in_flight_++ == 0) napi_ref_threadsafe_function(env_, function_);
}

void Channel::finished(std::shared_ptr<Job> job) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    done_.push_back(std::move(job));
  }
  napi_call_threadsafe_function(function_, nullptr, napi_tsfn_nonblocking);
}

void Channel::close() {
  Engine::abandon_all(this);
  std::lock_guard<std::mutex> lock(mutex_);
  done_.clear();
}

void Channel::settle(napi_env env, napi_value, void* context, void*) {
  if (env == nullptr) return;  // going away
  auto* channel = static_cast<Channel*>(context);
  std::shared_ptr<Job> job;
  {
    std::lock_guard<std::mutex> lock(channel->mutex_);
    if (channel->done_.empty()) return;
    job = std::move(channel->done_.front());
    channel->done_.pop_front();
  }
  job->settled = true;
  if (--channel->in_flight_ == 0) napi_unref_threadsafe_function(env, channel->function_);
  try {
    if (job->fault) napi_reject_deferred(env, job->deferred, error_of(env, *job->fault).Value());
    else napi_resolve_deferred(env, job->deferred, Napi::Number::New(env, static_cast<double>(job->steps_done)));
  } catch (const Napi::Error&) {  // the environment is being terminated: nobody waits any more
  }
}

// ---- the thread ----

namespace {

// Never destroyed: an engine's thread lives until the process ends.
struct Engines {
  std::mutex mutex;
  Engine* all[1 + kMaxDevices] = {};
};
Engines& engines() {
  static auto* made = new Engines;
  return *made;
}

}  // namespace

Engine& Engine::of(int device) {
  const std::lock_guard<std::mutex> lock(engines().mutex);
  Engine*& engine = engines().all[1 + device];
  if (engine == nullptr) engine = new Engine(device);
  return *engine;
}

void Engine::abandon_all(const Channel* channel) {
  for (int device = kHost; device < kMaxDevices; device++) {
    std::unique_lock<std::mutex> lock(engines().mutex);
    Engine* engine = engines().all[1 + device];
    lock.unlock();
    if (engine != nullptr) engine->abandon(channel);
  }
}

Engine::Engine(int device) : device_(device) {
#if !defined(_WIN32)
  sigset_t all, before;  // signals are for Node's own threads
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
#endif
  std::thread([this] { serve(); }).detach();
#if !defined(_WIN32)
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
#endif
}

void Engine::submit(std::shared_ptr<Job> job) {
  std::lock_guard<std::mutex> lock(mutex_);
  queue_.push_back(std::move(job));
  news_.notify_one();
}

void Engine::abandon(const Channel* channel) {
  std::unique_lock<std::mutex> lock(mutex_);
  const auto theirs = [channel](const std::shared_ptr<Job>& job) { return job->channel.get() == channel; };
  queue_.erase(std::remove_if(queue_.begin(), queue_.end(), theirs), queue_.end());
  if (current_ && theirs(current_)) current_->abandon = true;
  idle_.wait(lock, [&] { return !current_ || !theirs(current_); });
}

// Takes the first job whose plan no other job has begun to run.
std::shared_ptr<Job> Engine::next() {
  for (auto it = queue_.begin(); it != queue_.end(); ++it) {
    const void*& active = (*it)->run->plan().active;
    if (active != nullptr && active != it->get()) continue;
    std::shared_ptr<Job> job = std::move(*it);
    queue_.erase(it);
    active = job.get();
    return job;
  }
  return nullptr;
}

[[noreturn]] void Engine::serve() {
  Worker worker;
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    news_.wait(lock, [this] { return (current_ = next()) != nullptr; });
    lock.unlock();
    const bool finished = work(*current_, worker);
    if (finished) {
      Job& job = *current_;
      job.steps_done = job.run->steps_done();
      job.events = job.run->take_events();
      job.event_count = job.run->event_count();
      lock.lock();
      job.run->plan().active = nullptr;
      lock.unlock();
      job.run.reset();  // what was disposed meanwhile is free before JavaScript hears of the end
      if (!job.abandon) job.channel->finished(current_);
    }
    lock.lock();
    if (!finished && !current_->abandon) queue_.push_back(std::move(current_));
    current_ = nullptr;
    idle_.notify_all();
  }
}

// Runs steps for about 20 ms. True when the job is done with.
bool Engine::work(Job& job, Worker& worker) {
  using Clock = std::chrono::steady_clock;
  const auto turn_ends = Clock::now() + std::chrono::milliseconds(20);
  const auto guarded = [&job](auto&& act) {
    try {
      act();
    } catch (...) {
      if (!job.fault) job.fault = caught_fault("not enough memory to run the plan");  // the first counts
    }
  };
  bool more = false;
  guarded([&] {
    if (device_ != kHost && !worker.queue) worker.queue = cuda::Device::at(device_).new_queue();
    while (!job.run->finished() && !job.stop && !job.abandon) {
      job.run->step(worker, job.abandon);
      more = Clock::now() >= turn_ends && !job.run->finished() && !job.abandon;
      if (more) return;
    }
  });
  // Another plan may have its turn before the device has done these steps, but nothing of this one is let go of before.
  if (!more) guarded([&] { job.run->settle(worker); });
  return !more;
}

// ---- called by JavaScript ----

Napi::Value load_plan(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  std::vector<std::string> labels;
  if (!info[1].IsArray()) throw Napi::TypeError::New(env, "expected an array for labels");
  const auto list = info[1].As<Napi::Array>();
  for (uint32_t i = 0; i < list.Length(); i++) labels.push_back(list.Get(i).ToString().Utf8Value());
  const ArrayView program = float64_array(info[0], "program");
  const int device = device_number(info[2]);
  const cuda::Arithmetic arithmetic = arithmetic_of(info[3]);
  auto plan = std::make_shared<Plan>(static_cast<const double*>(program.data), program.length, labels, device, arithmetic);
  const auto bytes = static_cast<int64_t>(plan->arena->size());
  return make_handle(env, std::move(plan), bytes);
}

Napi::Value dispose_plan(const Napi::CallbackInfo& info) {
  dispose_handle<Plan>(info[0]);
  return info.Env().Undefined();
}

namespace {

std::shared_ptr<Channel> channel_of(Napi::Env env) {
  auto* environment = env.GetInstanceData<Environment>();
  if (!environment->channel) {
    environment->channel = std::make_shared<Channel>(env);
    // Hooks run last come, first served: this one before the thread-safe function's own.
    napi_add_env_cleanup_hook(env, [](void* channel) { static_cast<Channel*>(channel)->close(); }, environment->channel.get());
  }
  return environment->channel;
}

std::vector<std::shared_ptr<Storage>> read_regions(const Napi::Value& value, const Plan& plan) {
  const Napi::Env env = value.Env();
  if (!value.IsArray()) throw Napi::TypeError::New(env, "expected an array for regions");
  const auto list = value.As<Napi::Array>();
  if (list.Length() != plan.regions.size())
    throw Napi::RangeError::New(env, "the plan has " + std::to_string(plan.regions.size()) + " regions but received " + std::to_string(list.Length()));
  std::vector<std::shared_ptr<Storage>> regions;
  for (uint32_t i = 0; i < list.Length(); i++) {
    regions.push_back(held<Storage>(list.Get(i)));
    const PlanRegion& region = plan.regions[i];
    if (regions.back()->type != region.type)
      throw Napi::TypeError::New(env, "region '" + region.name + "' must be of " + dtype_name(region.type) + " but is of " + dtype_name(regions.back()->type));
    if (regions.back()->memory.device() != plan.device) throw Napi::TypeError::New(env, "region '" + region.name + "' is on another device than the plan");
  }
  return regions;
}

}  // namespace

Napi::Value start_run(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::shared_ptr<Plan> plan = held<Plan>(info[0]);
  Run::Request request;
  request.regions = read_regions(info[1], *plan);
  request.batch = whole_number(info[2], "batch", 1, 2147483647);
  request.rows = whole_number(info[3], "rows", 0, kLargestWhole);
  request.first = whole_number(info[4], "first", 0, kLargestWhole);
  const int threads = static_cast<int>(whole_number(info[6], "threads", 0, kMaxThreads));
  request.threads = threads == 0 ? physical_cores() : threads;
  constexpr double kMostEvents = 1e7;
  request.events = info[7].IsUndefined() ? 0 : whole_number(info[7], "events", 0, kMostEvents);
  const ArrayView slots = float64_array(info[5], "slots");
  const auto* numbers = static_cast<const double*>(slots.data);
  if (slots.length > 0) request.slots.assign(numbers, numbers + slots.length);

  auto job = std::make_shared<Job>();
  job->run = Run::make(plan, std::move(request));
  job->channel = channel_of(env);
  Engine& engine = Engine::of(plan->device);
  Napi::Object result = Napi::Object::New(env);
  result.Set("run", make_handle(env, job, 0));
  napi_value promise;
  NAPI_THROW_IF_FAILED(env, napi_create_promise(env, &job->deferred, &promise), env.Undefined());
  result.Set("done", Napi::Value(env, promise));
  job->channel->started();
  engine.submit(std::move(job));
  return result;
}

Napi::Value stop_run(const Napi::CallbackInfo& info) {
  held<Job>(info[0])->stop = true;
  return info.Env().Undefined();
}

Napi::Value run_events(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::shared_ptr<Job> job = held<Job>(info[0]);
  if (!job->settled) throw Napi::Error::New(env, "the run has not ended");
  static_assert(sizeof(Event) == 6 * sizeof(double), "an event is 6 numbers");
  Napi::Float64Array numbers = Napi::Float64Array::New(env, job->events.size() * 6);
  if (!job->events.empty()) std::memcpy(numbers.Data(), job->events.data(), job->events.size() * sizeof(Event));
  Napi::Object result = Napi::Object::New(env);
  result.Set("numbers", numbers);
  result.Set("dropped", Napi::Number::New(env, static_cast<double>(job->event_count) - static_cast<double>(job->events.size())));
  return result;
}

}  // namespace steepest
